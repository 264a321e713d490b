// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One run of the copy engine. A slot goes: free -> reading -> writing -> free. When its read
// returns it is cut into parts, data and zeroes; each part that has been written is told to the
// tally, which clears bits. An error that is not ignored ends the run.
//
// Thread: the copy loop's.
#pragma once

#include <deque>
#include <optional>
#include <vector>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/copy_engine.h"
#include "libjob/io/copy_plan.h"
#include "libjob/io/region_tally.h"
#include "libjob/io/slot_run.h"

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

class CopyRun : private SlotRun<CopySlot> {
 public:
  CopyRun(CopyMachine& machine, DirtyBitmap& dirty, core::Progress& progress, core::TimePoint until,
          const CopyEngine::Decide& decide);

  CopyResult run();

 private:
  bool has_failed() const override { return result_.error.has_value(); }
  void start_read(CopySlot& slot) override;
  void collect() override;

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

  CopyMachine& machine_;
  DirtyBitmap& dirty_;
  core::Progress& progress_;
  const CopyEngine::Decide& decide_;

  RegionTally tally_;
  CopyResult result_;
  std::deque<CopyPart*> to_write_;  // behind a full queue
};

}  // namespace dmjob::io
