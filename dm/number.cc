// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/number.h"

#include <charconv>
#include <system_error>

namespace dmjob::dm {

std::optional<std::uint64_t> parse_number(std::string_view word) {
  std::uint64_t value = 0;
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, value);
  if (word.empty() || error != std::errc{} || stop != end) return std::nullopt;
  return value;
}

}  // namespace dmjob::dm
