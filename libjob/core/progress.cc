// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/progress.h"

#include <algorithm>

namespace dmjob::core {

void Progress::add_done(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  now_.offset += bytes;
  now_.len = std::max(now_.len, now_.offset);
}

void Progress::set_remaining(std::uint64_t bytes) {
  const std::lock_guard lock(mutex_);
  now_.len = now_.offset + bytes;
}

void Progress::restore(Snapshot snapshot) {
  const std::lock_guard lock(mutex_);
  now_ = snapshot;
}

Progress::Snapshot Progress::get() const {
  const std::lock_guard lock(mutex_);
  return now_;
}

}  // namespace dmjob::core
