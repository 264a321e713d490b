// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One copy ends, where the daemon may end several at once. Thread: as the test.
#pragma once

#include <functional>

#include "dm/topology/copy_stack.h"

namespace dmjob::dm {

inline void end_copy(
    CopyStack& stack, CopyStack::End end, const std::function<void()>& inside = [] {}) {
  const CopyStack::Ending ending{&stack, end};
  CopyStack::end_together({&ending, 1}, inside);
}

inline void pivot(CopyStack& stack, const std::function<void()>& inside = [] {}) {
  end_copy(stack, CopyStack::End::kPivot, inside);
}

// A soft cancel: the target keeps what the volume held in that moment.
inline void keep(CopyStack& stack, const std::function<void()>& inside = [] {}) {
  end_copy(stack, CopyStack::End::kKeep, inside);
  stack.remove_inner();
}

}  // namespace dmjob::dm
