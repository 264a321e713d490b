// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/fake_ledger.h"

#include <iterator>

namespace dmjob::dm {

void FakeLedger::suspending(const std::string& name, OnDeath action, Droppable droppable) noexcept {
  control_.note("note " + name + (action == OnDeath::kOldTable ? " old" : " new"));
  const threads::Lock lock(mutex_);
  suspended_[name] = action;
  droppable_.insert_or_assign(name, droppable);
  look();
}

void FakeLedger::follow(const std::string& name, const std::string& leader) noexcept {
  const threads::Lock lock(mutex_);
  leaders_[name] = leader;
  look();
}

bool FakeLedger::was_divided() const {
  const threads::Lock lock(mutex_);
  return was_divided_;
}

bool FakeLedger::takes_new_table(const std::string& name) const {
  const auto device = suspended_.find(name);
  return device != suspended_.end() && device->second == OnDeath::kNewTable;
}

void FakeLedger::look() noexcept {
  int renewed = 0;
  for (const auto& [name, action] : suspended_) {
    const auto leader = leaders_.find(name);
    const bool follows = leader != leaders_.end() && takes_new_table(leader->second);
    if (follows || action == OnDeath::kNewTable) ++renewed;
  }
  if (renewed != 0 && renewed != std::ssize(suspended_)) was_divided_ = true;
}

void FakeLedger::resumed(const std::string& name) noexcept {
  control_.note("done " + name);
  const threads::Lock lock(mutex_);
  suspended_.erase(name);
  leaders_.erase(name);
  look();
}

void FakeLedger::watch_mirror(const std::string& name) noexcept {
  control_.note("watch " + name);
  const threads::Lock lock(mutex_);
  watched_[name] = true;
}

void FakeLedger::forget_mirror(const std::string& name) noexcept {
  const threads::Lock lock(mutex_);
  if (watched_.erase(name) != 0) control_.note("unwatch " + name);
}

void FakeLedger::guard_tracker(const std::string& name) noexcept {
  const threads::Lock lock(mutex_);
  guarded_.insert(name);
}

void FakeLedger::forget_tracker(const std::string& name) noexcept {
  const threads::Lock lock(mutex_);
  guarded_.erase(name);
}

bool FakeLedger::guarded(const std::string& name) const {
  const threads::Lock lock(mutex_);
  return guarded_.contains(name);
}

bool FakeLedger::empty() const {
  const threads::Lock lock(mutex_);
  return suspended_.empty() && watched_.empty() && guarded_.empty();
}

bool FakeLedger::drops(const std::string& name, const Table& table) const {
  const threads::Lock lock(mutex_);
  return suspended_.contains(name) && !takes_new_table(name) && droppable_.at(name).includes(table);
}

bool FakeLedger::watched(const std::string& name) const {
  const threads::Lock lock(mutex_);
  return watched_.contains(name);
}

}  // namespace dmjob::dm
