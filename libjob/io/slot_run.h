// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The loop of one run of an engine: start reads, wait, take what has returned; and how it ends.
//
// A slot has buffers and a place on the disks, `offset` and `length` in bytes: free -> at work ->
// free. Once stopped, or after an error that ends the run, nothing is started any more, and a slot
// whose read returns then is abandoned: its regions stay dirty. When the time is up, slots are
// finished.
//
// Thread: the copy loop's.
#pragma once

#include <initializer_list>
#include <optional>
#include <utility>
#include <vector>

#include "libjob/io/bitmap_walk.h"
#include "libjob/io/copy_control.h"

namespace dmjob::io {

template <typename Slot>
class SlotRun {
 public:
  SlotRun(const SlotRun&) = delete;
  SlotRun& operator=(const SlotRun&) = delete;

 protected:
  // slots, control: outlive this.
  SlotRun(std::vector<Slot>& slots, CopyControl& control, BitmapWalk walk)
      : slots_(slots), control_(control), walk_(std::move(walk)) {
    for (Slot& slot : slots) free_.push_back(&slot);
  }
  virtual ~SlotRun() = default;

  // An error has ended the run.
  virtual bool has_failed() const = 0;
  // Of a slot that has got its place.
  virtual void start_read(Slot& slot) = 0;
  // Takes what has returned.
  virtual void collect() = 0;

  // fds: of the queues, readable when something has returned.
  CopyEnd loop(std::initializer_list<int> fds) {
    for (;;) {
      start_reads();
      const bool idle = free_.size() == slots_.size();
      if (idle && (halted() || walk_.over())) break;
      control_.wait(fds, walk_.longest_wait());
      collect();
    }
    return how_it_ended();
  }

  // Nothing more may be started.
  bool halted() {
    stopping_ = stopping_ || control_.stopped();
    return stopping_ || has_failed();
  }
  void release(Slot& slot) { free_.push_back(&slot); }
  void abandon(Slot& slot) {
    abandoned_ = true;
    release(slot);
  }

 private:
  void start_reads() {
    while (!free_.empty() && !halted()) {
      const std::optional<ByteRange> range = walk_.take();
      if (!range) return;
      Slot& slot = *free_.back();
      free_.pop_back();
      slot.offset = range->begin;
      slot.length = range->end - range->begin;
      start_read(slot);
    }
  }

  CopyEnd how_it_ended() const {
    if (has_failed()) return CopyEnd::kError;
    if (walk_.at_end() && !abandoned_) return CopyEnd::kClean;
    return stopping_ ? CopyEnd::kStopped : CopyEnd::kTime;
  }

  std::vector<Slot>& slots_;
  CopyControl& control_;
  BitmapWalk walk_;
  std::vector<Slot*> free_;
  bool stopping_ = false;   // stopped() was seen: it holds though somebody says go_on()
  bool abandoned_ = false;  // not all that was taken was tried
};

}  // namespace dmjob::io
