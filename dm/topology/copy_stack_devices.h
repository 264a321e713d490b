// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The last words of the inner devices' names, in the order in which the devices are made and
// resumed; they are removed the other way round. Private to copy_stack*.cc and held_disk.*.
#pragma once

#include <span>
#include <string>

namespace dmjob::dm {

inline constexpr const char* kTargetPart = "tgt";  // made by HeldDisk
inline constexpr const char* kInnerParts[] = {kTargetPart, "log0", "log1", "log2",
                                              "base",      "err",  "wr"};
// A stack that only tracks has no target.
inline constexpr std::span<const char* const> kTrackerParts =
    std::span<const char* const>(kInnerParts).subspan(1);

inline std::string log_part(int log) { return "log" + std::to_string(log); }

}  // namespace dmjob::dm
