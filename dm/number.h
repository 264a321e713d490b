// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Numbers in the kernel's texts. Thread: any.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace dmjob::dm {

// Decimal digits and nothing else, up to 2^64-1; nullopt otherwise.
std::optional<std::uint64_t> parse_number(std::string_view word);

}  // namespace dmjob::dm
