// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Numbers as people write and read them. Thread: any (pure functions).
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace dmjob::cli {

// "64K" is 65536; the suffixes are K, M, G, T, large or small. nullopt: not a size, or 2^63 and
// above.
std::optional<std::int64_t> parse_size(std::string_view text);

// "512", "1.5K", "98.3M", "10G": rounded down, one decimal below 100.
std::string format_size(std::uint64_t bytes);

// "45 s", "3 min", "2 h 5 min", "3 d 4 h": rounded down.
std::string format_duration(std::uint64_t seconds);

}  // namespace dmjob::cli
