// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Writes what it is told into the log of a FakeControl: "note NAME old|new", "done NAME", "watch
// NAME", "unwatch NAME" (the last only if it was watched), and knows what is noted.
// Thread: any.
#pragma once

#include <map>
#include <set>
#include <string>

#include "dm/suspend_guard.h"
#include "tests/support/fake_control.h"
#include "threads/mutex.h"

namespace dmjob::dm {

class FakeLedger : public Ledger {
 public:
  explicit FakeLedger(FakeControl& control) : control_(control) {}

  void suspending(const std::string& name, OnDeath action, Droppable droppable) noexcept override;
  void follow(const std::string& name, const std::string& leader) noexcept override;
  void resumed(const std::string& name) noexcept override;
  void watch_mirror(const std::string& name) noexcept override;
  void forget_mirror(const std::string& name) noexcept override;
  void guard_tracker(const std::string& name) noexcept override;
  void forget_tracker(const std::string& name) noexcept override;

  bool empty() const;
  // True if there was a moment in which the process's death would have given some of the suspended
  // devices their new table and others their old one.
  bool was_divided() const;
  // Whether a suspended device's inactive table would be dropped at the process's death.
  bool drops(const std::string& name, const Table& table) const;
  bool watched(const std::string& name) const;
  bool guarded(const std::string& name) const;

 private:
  bool takes_new_table(const std::string& name) const DMJOB_REQUIRES(mutex_);
  void look() noexcept DMJOB_REQUIRES(mutex_);

  FakeControl& control_;
  mutable threads::Mutex mutex_;
  std::map<std::string, OnDeath> suspended_ DMJOB_GUARDED_BY(mutex_);
  std::map<std::string, Droppable> droppable_ DMJOB_GUARDED_BY(mutex_);
  std::map<std::string, std::string> leaders_ DMJOB_GUARDED_BY(mutex_);
  bool was_divided_ DMJOB_GUARDED_BY(mutex_) = false;
  std::map<std::string, bool> watched_ DMJOB_GUARDED_BY(mutex_);
  std::set<std::string> guarded_ DMJOB_GUARDED_BY(mutex_);
};

}  // namespace dmjob::dm
