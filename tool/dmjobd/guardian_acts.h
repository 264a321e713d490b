// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the guardian does to devices, each in a process of its own: one hung disk must not keep the
// others waiting. Where there is no process to be had, the guardian does it itself, in order.
// Each is tried again for a few seconds; what could not be done is told on standard error.
//
// Thread: the guardian's only one.
#pragma once

#include <sys/types.h>

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "dm/control.h"
#include "dm/droppable.h"

namespace dmjob::daemon {

class GuardianActs {
 public:
  using MakeControl = std::function<std::unique_ptr<dm::Control>()>;
  using Fork = std::function<pid_t()>;
  // lock: not kept by the processes, since one that hangs must not keep the next daemon waiting.
  GuardianActs(MakeControl make_control, Fork fork, int lock)
      : make_control_(std::move(make_control)), fork_(std::move(fork)), lock_(lock) {}

  // What the daemon had suspended, with its old table if the inactive one is to be dropped.
  void resume(const std::string& name, dm::Droppable droppable);
  // A mirror, by the tracker that is loaded already.
  void back_to_tracking(const std::string& name);
  // A tracker that fails good writes, as CopyStack::renew_tracker(), but with another log if there
  // is one (tracker_logs.h). No effect if it is under way.
  void renew_tracker(const std::string& name);
  // Something is under way. Tells the truth after reap().
  bool is_at(const std::string& name) const;

  // Waits until all are done, 7 s at most.
  void wait();
  // Forgets those that are.
  void reap() noexcept;

 private:
  using Act = std::function<void(dm::Control&)>;
  void start(const std::string& name, const Act& act);
  bool carry_out(const std::string& name, const Act& act) noexcept;

  const MakeControl make_control_;
  const Fork fork_;
  const int lock_;
  std::map<pid_t, std::string> children_;
};

}  // namespace dmjob::daemon
