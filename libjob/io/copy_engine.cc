// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/copy_engine.h"

#include <algorithm>

#include "libjob/io/copy_run.h"
#include "libjob/io/slots.h"

namespace dmjob::io {

struct CopyEngine::State {
  CopyMachine machine;
};

CopyEngine::CopyEngine(BlockDevice& source, BlockDevice& target, CopyControl& control,
                       const core::Clock& clock, CopyOptions options) {
  const std::uint64_t block = std::max(source.alignment(), target.alignment());
  const Slots slots =
      plan_slots(options.request_bytes, options.in_flight_bytes, source.size(), block);
  options.request_bytes = slots.bytes;
  state_.reset(new State{{source,
                          target,
                          control,
                          clock,
                          options,
                          block,
                          std::vector<CopySlot>(slots.count),
                          source.make_queue(slots.count),
                          target.make_queue(kWriteDepth),
                          {}}});
  for (CopySlot& slot : state_->machine.slots) slot.buffer = AlignedBuffer(slots.bytes);
}

CopyEngine::~CopyEngine() = default;

CopyResult CopyEngine::run(DirtyBitmap& dirty, core::Progress& progress, core::TimePoint until,
                           const Decide& decide) {
  return CopyRun(state_->machine, dirty, progress, until, decide).run();
}

}  // namespace dmjob::io
