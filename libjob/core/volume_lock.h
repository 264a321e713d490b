// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The modify slot of each volume: one changing operation at a time, waiters in order. Held for
// short steps only; a long job takes it for each of its steps and looks, once it has it, whether
// the world is still as it was. Thread: the reactor.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <map>
#include <memory>
#include <string>

#include "libjob/core/clock.h"

namespace dmjob::core {

class VolumeLocks {
 private:
  struct Slot;
  struct Waiter;

 public:
  VolumeLocks(boost::asio::any_io_executor executor, const Clock& clock);
  VolumeLocks(const VolumeLocks&) = delete;
  VolumeLocks& operator=(const VolumeLocks&) = delete;

  // Owns the slot until it is destroyed. May outlive the VolumeLocks.
  class Hold {
   public:
    Hold(Hold&& other) noexcept = default;
    Hold& operator=(Hold&&) = delete;
    ~Hold();

   private:
    friend class VolumeLocks;
    explicit Hold(std::shared_ptr<Slot> slot);
    std::shared_ptr<Slot> slot_;
  };

  // Waits up to `limit` of real time, then throws Error that names the holder's operation and for
  // how long it has held the slot. `operation` is for people: "pivot of job 'j1'".
  boost::asio::awaitable<Hold> acquire(std::string volume, std::string operation, Duration limit);

 private:
  std::shared_ptr<Slot> slot_of(const std::string& volume);

  boost::asio::any_io_executor executor_;
  const Clock& clock_;
  std::map<std::string, std::shared_ptr<Slot>> slots_;
};

}  // namespace dmjob::core
