// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The last words of the inner devices' names, in the order in which the devices are made and
// resumed; they are removed the other way round. Private to copy_stack*.cc.
#pragma once

#include <string>

namespace dmjob::dm {

inline constexpr const char* kInnerParts[] = {"log0", "log1", "log2", "base", "err", "wr"};

inline std::string log_part(int log) { return "log" + std::to_string(log); }

}  // namespace dmjob::dm
