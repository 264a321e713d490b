// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/copy_engine.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>

#include "libjob/io/copy_run.h"
#include "libjob/io/fd.h"

namespace dmjob::io {
namespace {

constexpr std::uint64_t kMostRequests = 64;

}  // namespace

CopyControl::CopyControl() : wake_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
  if (wake_fd_ < 0) throw_last_error("eventfd");
}

CopyControl::~CopyControl() { close(wake_fd_); }

void CopyControl::set_speed(std::uint64_t bytes_per_second) {
  limit_.set_speed(bytes_per_second);
  wake();
}

void CopyControl::stop() {
  stopped_ = true;
  wake();
}

void CopyControl::go_on() { stopped_ = false; }

bool CopyControl::stopped() const { return stopped_; }

void CopyControl::wake() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(wake_fd_, &one, sizeof one);
}

struct CopyEngine::State {
  CopyMachine machine;
};

CopyEngine::CopyEngine(BlockDevice& source, BlockDevice& target, CopyControl& control,
                       const core::Clock& clock, CopyOptions options) {
  const std::uint64_t block = std::max(source.alignment(), target.alignment());
  // No more buffers than there are bytes: they may be locked memory, and there may be many jobs.
  const std::uint64_t bytes = std::max(std::min(options.in_flight_bytes, source.size()), block);
  options.request_bytes = round_up(std::clamp(options.request_bytes, block, bytes), block);
  const std::uint64_t slots =
      std::clamp<std::uint64_t>(bytes / options.request_bytes, 1, kMostRequests);
  state_.reset(new State{{source,
                          target,
                          control,
                          clock,
                          options,
                          block,
                          std::vector<CopySlot>(slots),
                          source.make_queue(static_cast<unsigned>(slots)),
                          target.make_queue(kWriteDepth),
                          {}}});
  for (CopySlot& slot : state_->machine.slots) slot.buffer = AlignedBuffer(options.request_bytes);
}

CopyEngine::~CopyEngine() = default;

CopyResult CopyEngine::run(DirtyBitmap& dirty, core::Progress& progress, core::TimePoint until,
                           const Decide& decide) {
  return CopyRun(state_->machine, dirty, progress, until, decide).run();
}

}  // namespace dmjob::io
