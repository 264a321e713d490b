// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/guardian_page.h"

#include <chrono>
#include <cstring>
#include <thread>

namespace dmjob::daemon {

void GuardianPage::note(const std::string& name, Meaning meaning,
                        dm::Droppable droppable) noexcept {
  if (name.size() >= sizeof(Slot::name)) return;
  for (Slot& slot : slots) {
    if (!slot.change(Meaning::kFree, Meaning::kBusy)) continue;
    std::memcpy(slot.name.data(), name.c_str(), name.size() + 1);
    slot.leader = nullptr;
    slot.droppable = droppable.mark();
    slot.meaning = meaning;
    return;
  }
}

void GuardianPage::forget(const std::string& name, Meaning meaning) noexcept {
  for (Slot& slot : slots)
    if (slot.meaning == meaning && slot.is(name)) slot.meaning = Meaning::kFree;
}

GuardianPage::Slot* GuardianPage::find_suspended(const std::string& name) noexcept {
  for (Slot& slot : slots)
    if (slot.suspended() && slot.is(name)) return &slot;
  return nullptr;
}

void GuardianPage::take_over(const std::string& name, const std::function<bool()>& lives) noexcept {
  for (Slot& slot : slots) {
    if (!slot.is(name)) continue;
    while (!slot.change(Meaning::kInherited, Meaning::kFree) && slot.meaning == Meaning::kActing &&
           lives())
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

}  // namespace dmjob::daemon
