// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A small process that outlives a killed daemon, and gives volumes back at once:
//
//   devices that the daemon had suspended     are resumed, with the table that the ledger says
//   mirrors                                   go back to the tracker that is loaded already, since
//                                             a mirror whose target fails holds all writes until
//                                             somebody acts
//
// It is forked before the daemon has threads, and shares one page of memory with it, the ledger. It
// does nothing until the daemon's end of a pipe is closed; after an orderly end it just leaves. All
// its life it holds a lock that the next daemon waits for, so the two never work at the same
// devices.
#pragma once

#include <memory>
#include <string>

#include "dm/suspend_guard.h"

namespace dmjob::daemon {

class Guardian : public dm::Ledger {
 public:
  // Forks. `lock_file` is made if it is missing. Waits up to 20 s for an earlier daemon's guardian.
  // Thread: main, before any other. Throws std::system_error.
  explicit Guardian(const std::string& lock_file);
  // Without dismiss(), the end of the process is a death to the guardian.
  ~Guardian() override;
  Guardian(const Guardian&) = delete;
  Guardian& operator=(const Guardian&) = delete;

  // The daemon ends in order, with nothing suspended and nothing mirroring.
  void dismiss() noexcept;

  // Thread: any.
  void suspending(const std::string& name, dm::OnDeath action) noexcept override;
  void follow(const std::string& name, const std::string& leader) noexcept override;
  void resumed(const std::string& name) noexcept override;
  void watch_mirror(const std::string& name) noexcept override;
  void forget_mirror(const std::string& name) noexcept override;

 private:
  struct Page;
  [[noreturn]] void guard(int pipe, int lock);

  std::shared_ptr<Page> page_;
  int pipe_ = -1;  // write end
};

}  // namespace dmjob::daemon
