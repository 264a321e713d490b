// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/progress.h"

#include <algorithm>

#include "threads/mutex.h"

namespace dmjob::core {

struct Progress::State {
  threads::Mutex mutex;
  Snapshot now DMJOB_GUARDED_BY(mutex);
};

Progress::Progress() : state_(std::make_unique<State>()) {}

Progress::~Progress() = default;

void Progress::add_done(std::uint64_t bytes) {
  const threads::Lock lock(state_->mutex);
  state_->now.offset += bytes;
  state_->now.len = std::max(state_->now.len, state_->now.offset);
}

void Progress::set_remaining(std::uint64_t bytes) {
  const threads::Lock lock(state_->mutex);
  state_->now.len = state_->now.offset + bytes;
}

void Progress::restore(Snapshot snapshot) {
  const threads::Lock lock(state_->mutex);
  state_->now = snapshot;
}

Progress::Snapshot Progress::get() const {
  const threads::Lock lock(state_->mutex);
  return state_->now;
}

}  // namespace dmjob::core
