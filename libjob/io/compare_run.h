// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One run of the compare engine: reads both sides, compares what has come from both. A slot has a
// buffer for each side: free -> reading -> free. An error that is not left out ends the run.
//
// The regions of a slot that is abandoned are compared anew by the next run, and what was found in
// them so far is forgotten.
//
// Thread: the copy loop's.
#pragma once

#include <array>
#include <optional>
#include <unordered_map>
#include <vector>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/compare_engine.h"
#include "libjob/io/extent_set.h"
#include "libjob/io/region_tally.h"
#include "libjob/io/slot_run.h"

namespace dmjob::io {

inline constexpr std::size_t kSides = 2;  // source, target

struct CompareSlot;

struct CompareRead : Request {
  CompareSlot* slot = nullptr;
};

struct CompareSlot {
  std::uint64_t offset = 0;  // bytes
  std::uint64_t length = 0;  // bytes; what is read may be longer, up to a block
  std::array<AlignedBuffer, kSides> buffers;
  std::array<CompareRead, kSides> reads;
  std::size_t reading = 0;  // of reads, not yet returned
};

// What outlives a run.
struct CompareMachine {
  std::array<BlockDevice*, kSides> devices;
  CopyControl& control;
  const core::Clock& clock;
  std::uint64_t request_bytes;
  std::uint64_t block;  // bytes: the larger of both alignments
  std::vector<CompareSlot> slots;
  // Behind the slots: destroyed first, they wait for buffers that an exception left in flight.
  std::array<std::unique_ptr<RequestQueue>, kSides> queues;
};

class CompareRun : private SlotRun<CompareSlot> {
 public:
  CompareRun(CompareMachine& machine, DirtyBitmap& left, core::Progress& progress,
             core::TimePoint until, const CompareEngine::Calls& calls);

  CompareResult run();

 private:
  bool has_failed() const override { return result_.error.has_value(); }
  void start_read(CompareSlot& slot) override;
  void collect() override;
  void finish(CompareSlot& slot);
  bool make_readable(CompareSlot& slot);
  bool rescue_side(CompareSlot& slot, std::size_t side, std::vector<Extent>& unknown);
  void on_error(const CompareError& error);
  void compare(const CompareSlot& slot);
  void find(Extent extent);
  void on_compared(const CompareSlot& slot);

  CompareMachine& machine_;
  DirtyBitmap& left_;
  core::Progress& progress_;
  const CompareEngine::Calls& calls_;

  RegionTally tally_;
  CompareResult result_;
  std::unordered_map<std::uint64_t, ExtentSet> found_;  // by region, not yet told
};

}  // namespace dmjob::io
