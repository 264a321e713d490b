// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One run of the copy engine, a loop of: start reads, wait, take what has returned.
//
// A slot is a buffer and its place on the disk. It goes: free -> reading -> writing -> free. When
// its read returns it is cut into parts, data and zeroes; each part that has been written is told
// to the tally, which clears bits.
//
// Once stopped, or after an error that is not ignored, nothing is started any more: a slot whose
// read returns then is abandoned, its regions stay dirty. When the time is up, slots are finished.
//
// Thread: the copy loop's.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/bitmap_walk.h"
#include "libjob/io/copy_engine.h"
#include "libjob/io/copy_plan.h"
#include "libjob/io/region_tally.h"

namespace dmjob::io {

inline constexpr unsigned kWriteDepth = 64;

struct CopySlot;

struct CopyPart : Request {
  CopySlot* slot = nullptr;
  std::uint64_t length = 0;  // without padding
};

struct CopySlot {
  AlignedBuffer buffer;
  std::uint64_t offset = 0;  // bytes on both disks
  std::uint64_t length = 0;  // bytes to copy; what is read and written may be longer, up to a block
  CopyPart read;
  std::vector<CopyPart> writes;
  std::size_t writing = 0;  // of writes, not yet returned
};

// What outlives a run.
struct CopyMachine {
  BlockDevice& source;
  BlockDevice& target;
  CopyControl& control;
  const core::Clock& clock;
  CopyOptions options;
  std::uint64_t block;  // bytes: the larger of both alignments
  std::vector<CopySlot> slots;
  // Behind the slots: destroyed first, they wait for buffers that an exception left in flight.
  std::unique_ptr<RequestQueue> reads;
  std::unique_ptr<RequestQueue> writes;
  // With target_is_zero: where it has been written, so that it need not be zero any more.
  std::optional<DirtyBitmap> written;
};

class CopyRun {
 public:
  CopyRun(CopyMachine& machine, DirtyBitmap& dirty, core::Progress& progress, core::TimePoint until,
          const CopyEngine::Decide& decide);

  CopyResult run();

 private:
  bool halted();  // nothing more may be started
  void start_reads();
  void start_read(ByteRange range);
  void collect();

  void on_read(CopySlot& slot);
  std::optional<std::vector<Extent>> rescue_slot(CopySlot& slot);
  void write_extent(CopySlot& slot, const Extent& extent);
  void add_write(CopySlot& slot, const Extent& extent);
  void write_zeroes(const CopySlot& slot, const Extent& extent);
  bool zeroes_matter() const;
  bool was_written(std::uint64_t begin, std::uint64_t end) const;
  void set_written(std::uint64_t begin, std::uint64_t end);
  void submit_writes();
  void on_write(CopyPart& part);
  void on_copied(std::uint64_t offset, std::uint64_t length);
  void on_error(const CopyError& error);
  void release(CopySlot& slot);
  CopyEnd how_it_ended() const;

  CopyMachine& machine_;
  DirtyBitmap& dirty_;
  core::Progress& progress_;
  const CopyEngine::Decide& decide_;

  BitmapWalk walk_;
  RegionTally tally_;
  CopyResult result_;
  std::vector<CopySlot*> free_;
  std::deque<CopyPart*> to_write_;  // behind a full queue
  bool stopping_ = false;           // stopped() was seen: it holds though somebody says go_on()
  bool abandoned_ = false;          // a slot was given up: not all that was taken was tried
};

}  // namespace dmjob::io
