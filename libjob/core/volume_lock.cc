// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/volume_lock.h"

#include <list>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/core/signal.h"
#include "threads/thread_check.h"

namespace dmjob::core {

// The slot goes straight from one holder to the first in the queue: who comes in between waits.
struct VolumeLocks::Slot {
  Slot(boost::asio::any_io_executor executor, const Clock& its_clock)
      : clock(its_clock), granted(std::move(executor)) {}

  void give(std::string to) {
    reactor.check();
    held = true;
    operation = std::move(to);
    since = clock.now();
  }
  void release();

  const threads::ThreadCheck reactor;
  const Clock& clock;
  Signal granted;
  bool held = false;
  std::string operation;
  TimePoint since{};
  std::list<Waiter*> queue;
};

// A place in the queue, left on every way out of acquire().
struct VolumeLocks::Waiter {
  Waiter(std::shared_ptr<Slot> its_slot, std::string its_operation)
      : slot(std::move(its_slot)), operation(std::move(its_operation)) {
    slot->queue.push_back(this);
  }
  ~Waiter() {
    if (!granted) slot->queue.remove(this);
    if (granted && !taken) slot->release();
  }
  Waiter(const Waiter&) = delete;
  Waiter& operator=(const Waiter&) = delete;

  std::shared_ptr<Slot> slot;
  std::string operation;
  bool granted = false;  // off the queue, the slot is ours
  bool taken = false;    // a Hold has it
};

void VolumeLocks::Slot::release() {
  reactor.check();
  held = false;
  if (queue.empty()) return;
  Waiter* next = queue.front();
  queue.pop_front();
  next->granted = true;
  give(next->operation);
  granted.notify();
}

VolumeLocks::VolumeLocks(boost::asio::any_io_executor executor, const Clock& clock)
    : executor_(std::move(executor)), clock_(clock) {}

VolumeLocks::Hold::Hold(std::shared_ptr<Slot> slot) : slot_(std::move(slot)) {}

VolumeLocks::Hold::~Hold() {
  if (slot_) slot_->release();
}

std::shared_ptr<VolumeLocks::Slot> VolumeLocks::slot_of(const std::string& volume) {
  std::erase_if(slots_, [](const auto& entry) { return entry.second.use_count() == 1; });
  std::shared_ptr<Slot>& slot = slots_[volume];
  if (!slot) slot = std::make_shared<Slot>(executor_, clock_);
  return slot;
}

boost::asio::awaitable<VolumeLocks::Hold> VolumeLocks::acquire(std::string volume,
                                                               std::string operation,
                                                               Duration limit) {
  const std::shared_ptr<Slot> slot = slot_of(volume);
  if (!slot->held) {
    slot->give(std::move(operation));
    co_return Hold(slot);
  }

  Waiter waiter(slot, std::move(operation));
  const TimePoint start = SystemClock().now();
  for (Duration left = limit; !waiter.granted; left = limit - (SystemClock().now() - start)) {
    if (left <= Duration::zero()) {
      const auto held_for =
          std::chrono::duration_cast<std::chrono::seconds>(clock_.now() - slot->since);
      throw Error("Volume '" + volume + "' is busy with the " + slot->operation + " for " +
                  std::to_string(held_for.count()) + " s; try again when that is done");
    }
    co_await slot->granted.wait_for(left);
  }
  waiter.taken = true;
  co_return Hold(slot);
}

}  // namespace dmjob::core
