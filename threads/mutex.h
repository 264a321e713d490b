// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A mutex that clang's thread-safety analysis knows; it does not know std::mutex of libstdc++. A
// build by clang fails where a member is touched by who does not hold its mutex:
//
//   threads::Mutex mutex_;
//   int count_ DMJOB_GUARDED_BY(mutex_) = 0;
//   void add() DMJOB_REQUIRES(mutex_);  // the caller holds it
//
//   const threads::Lock lock(mutex_);   // until the end of the scope
//
// A lambda is looked at as a function of its own, which holds nothing: wait in a loop, without a
// predicate. Thread: any.
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

#ifdef __clang__
#define DMJOB_THREAD_SAFETY(attribute) __attribute__((attribute))
#else
#define DMJOB_THREAD_SAFETY(attribute)
#endif

#define DMJOB_GUARDED_BY(mutex) DMJOB_THREAD_SAFETY(guarded_by(mutex))
#define DMJOB_REQUIRES(mutex) DMJOB_THREAD_SAFETY(requires_capability(mutex))
#define DMJOB_ACQUIRES(...) DMJOB_THREAD_SAFETY(acquire_capability(__VA_ARGS__))
#define DMJOB_RELEASES(...) DMJOB_THREAD_SAFETY(release_capability(__VA_ARGS__))
// A function that touches what is guarded at a time when no other thread does: say why.
#define DMJOB_UNCHECKED DMJOB_THREAD_SAFETY(no_thread_safety_analysis)

namespace dmjob::threads {

class DMJOB_THREAD_SAFETY(capability("mutex")) Mutex {
 public:
  Mutex() = default;
  Mutex(const Mutex&) = delete;
  Mutex& operator=(const Mutex&) = delete;

 private:
  friend class Lock;

  std::mutex mutex_;
};

class DMJOB_THREAD_SAFETY(scoped_lockable) Lock {
 public:
  explicit Lock(Mutex& mutex) DMJOB_ACQUIRES(mutex) : lock_(mutex.mutex_) {}
  ~Lock() DMJOB_RELEASES() = default;
  Lock(const Lock&) = delete;
  Lock& operator=(const Lock&) = delete;

  void unlock() DMJOB_RELEASES() { lock_.unlock(); }
  void lock() DMJOB_ACQUIRES() { lock_.lock(); }

  // Lets go of the mutex meanwhile.
  void wait(std::condition_variable& changed) { changed.wait(lock_); }
  // False: the time is over.
  bool wait_until(std::condition_variable& changed, std::chrono::steady_clock::time_point end) {
    return changed.wait_until(lock_, end) == std::cv_status::no_timeout;
  }

 private:
  std::unique_lock<std::mutex> lock_;
};

}  // namespace dmjob::threads
