// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A small process that outlives the daemon, and gives volumes back at once:
//
//   devices that the daemon had suspended     are resumed, with the table that the ledger says
//   mirrors                                   go back to the tracker that is loaded already, since
//                                             a mirror whose target fails holds all writes until
//                                             somebody acts
//   trackers                                  are looked at all the time, and loaded anew when they
//                                             fail good writes, since their base has refused one
//
// It is forked before the daemon has threads, and shares one page of memory with it, the ledger.
// Until the daemon's end of a pipe is closed, killed or in order, it looks after nothing but the
// trackers that an earlier daemon has left, each until this one takes it up. Then it stays for as
// long as there is a tracker, or until the next daemon comes: all its life it holds a lock that
// this one waits for and asks for (a file beside the lock's), so the two never work at the same
// devices. The next one's guardian goes on from there.
#pragma once

#include <sys/types.h>

#include <memory>
#include <string>

#include "dm/suspend_guard.h"

namespace dmjob::daemon {

struct GuardianPage;

class Guardian : public dm::Ledger {
 public:
  // Forks. `lock_file` is made if it is missing. Asks an earlier daemon's guardian
  // to leave, and waits for it up to 20 s.
  // Thread: main, before any other. Throws std::system_error.
  explicit Guardian(const std::string& lock_file);
  // The guardian takes over.
  ~Guardian() override;
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;

  // Thread: any. guard_tracker() and forget_tracker() end what is inherited of that name, and wait
  // while the guardian is just acting on it: not to be called with a device suspended.
  void suspending(const std::string& name, dm::OnDeath action,
                  dm::Droppable droppable) noexcept override;
  void follow(const std::string& name, const std::string& leader) noexcept override;
  void resumed(const std::string& name) noexcept override;
  void watch_mirror(const std::string& name) noexcept override;
  void forget_mirror(const std::string& name) noexcept override;
  void guard_tracker(const std::string& name) noexcept override;
  void forget_tracker(const std::string& name) noexcept override;

 private:
  void inherit() noexcept;
  bool lives() noexcept;
  [[noreturn]] void guard(int pipe, int lock, const std::string& lock_file);

  std::shared_ptr<GuardianPage> page_;
  pid_t child_ = -1;
  int pipe_ = -1;  // write end
};

}  // namespace dmjob::daemon
