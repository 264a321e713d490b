// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Asserts what a header says of its thread. A member of what belongs to one thread: the thread that
// makes it. Thread: any.
#pragma once

#include <cassert>
#include <thread>

namespace dmjob::threads {

class ThreadCheck {
 public:
  void check() const { assert(std::this_thread::get_id() == thread_); }

 private:
  const std::thread::id thread_ = std::this_thread::get_id();
};

}  // namespace dmjob::threads
