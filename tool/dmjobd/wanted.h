// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether the client that asked for something is still there. A check may wait for a disk that
// hangs, and what it was for must not begin by itself when that disk answers hours later. Thread:
// the reactor.
#pragma once

#include <functional>
#include <utility>

#include "libjob/core/error.h"

namespace dmjob::daemon {

class Wanted {
 public:
  Wanted() = default;  // for good
  explicit Wanted(std::function<bool()> is_there) : is_there_(std::move(is_there)) {}

  // To be called between the last wait and the first effect. Throws core::Error.
  void require() const {
    if (is_there_ && !is_there_())
      throw core::Error("whoever asked for it is gone; nothing was begun");
  }

 private:
  std::function<bool()> is_there_;
};

}  // namespace dmjob::daemon
