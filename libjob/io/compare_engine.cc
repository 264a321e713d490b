// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/compare_engine.h"

#include <algorithm>

#include "libjob/io/compare_run.h"
#include "libjob/io/slots.h"

namespace dmjob::io {

struct CompareEngine::State {
  CompareMachine machine;
};

CompareEngine::CompareEngine(BlockDevice& source, BlockDevice& target, CopyControl& control,
                             const core::Clock& clock, CompareOptions options) {
  const std::uint64_t block = std::max(source.alignment(), target.alignment());
  const Slots slots =
      plan_slots(options.request_bytes, options.in_flight_bytes, source.size(), block);
  state_.reset(new State{{{&source, &target},
                          control,
                          clock,
                          slots.bytes,
                          block,
                          std::vector<CompareSlot>(slots.count),
                          {source.make_queue(slots.count), target.make_queue(slots.count)}}});
  for (CompareSlot& slot : state_->machine.slots)
    for (AlignedBuffer& buffer : slot.buffers) buffer = AlignedBuffer(slots.bytes);
}

CompareEngine::~CompareEngine() = default;

CompareResult CompareEngine::run(DirtyBitmap& left, core::Progress& progress, core::TimePoint until,
                                 const Calls& calls) {
  return CompareRun(state_->machine, left, progress, until, calls).run();
}

}  // namespace dmjob::io
