// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A program that keeps writing to a volume: random blocks, one at a time, each filled with the
// count of its writes. It remembers what was acknowledged.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <string>
#include <thread>

#include "tests/kernel/dm/disk.h"

namespace dmjob::dm {

class Writer {
 public:
  explicit Writer(const std::string& path);
  ~Writer();

  // Ends the writing and returns the first errno that it met, or 0.
  int stop();
  std::uint64_t acknowledged() const { return acknowledged_; }

  // Blocks of `disk` that do not have what was last acknowledged. After stop().
  std::uint64_t lost_on(Disk& disk) const;

 private:
  void run();

  Disk disk_;
  std::map<std::uint64_t, unsigned char> contents_;  // the thread's until stop() has joined it
  std::atomic<std::uint64_t> acknowledged_ = 0;
  std::atomic<int> error_ = 0;
  std::atomic<bool> stop_ = false;
  std::thread thread_;
};

}  // namespace dmjob::dm
