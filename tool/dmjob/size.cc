// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/size.h"

#include <charconv>
#include <limits>

namespace dmjob::cli {
namespace {

constexpr std::string_view kSuffixes = "KMGT";

// Bits to shift by, for what follows the digits; nullopt: no suffix of ours.
std::optional<unsigned> shift_of(std::string_view suffix) {
  if (suffix.empty()) return 0U;
  if (suffix.size() != 1) return std::nullopt;
  const char upper = suffix[0] >= 'a' ? static_cast<char>(suffix[0] - 'a' + 'A') : suffix[0];
  const auto index = kSuffixes.find(upper);
  if (index == std::string_view::npos) return std::nullopt;
  return static_cast<unsigned>(index + 1) * 10;
}

std::string two_units(std::uint64_t large, const char* large_unit, std::uint64_t small,
                      const char* small_unit) {
  std::string text = std::to_string(large) + large_unit;
  if (small != 0) text += ' ' + std::to_string(small) + small_unit;
  return text;
}

}  // namespace

std::optional<std::int64_t> parse_size(std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc{} || number < 0) return std::nullopt;
  const auto shift = shift_of(text.substr(static_cast<std::size_t>(end - text.data())));
  if (!shift || number > std::numeric_limits<std::int64_t>::max() >> *shift) return std::nullopt;
  return number << *shift;
}

std::string format_size(std::uint64_t bytes) {
  unsigned unit = 0;
  while (unit < kSuffixes.size() && bytes >> (10 * (unit + 1)) != 0) ++unit;
  if (unit == 0) return std::to_string(bytes);
  const unsigned shift = 10 * unit;
  const std::uint64_t whole = bytes >> shift;
  const std::uint64_t tenth = ((bytes & ((std::uint64_t{1} << shift) - 1)) * 10) >> shift;
  std::string text = std::to_string(whole);
  if (whole < 100 && tenth != 0) text += '.' + std::to_string(tenth);
  return text + kSuffixes[unit - 1];
}

std::string format_duration(std::uint64_t seconds) {
  constexpr std::uint64_t kMinute = 60;
  constexpr std::uint64_t kHour = 60 * kMinute;
  constexpr std::uint64_t kDay = 24 * kHour;
  if (seconds < kMinute) return std::to_string(seconds) + " s";
  if (seconds < kHour) return std::to_string(seconds / kMinute) + " min";
  if (seconds < kDay) {
    return two_units(seconds / kHour, " h", seconds % kHour / kMinute, " min");
  }
  return two_units(seconds / kDay, " d", seconds % kDay / kHour, " h");
}

}  // namespace dmjob::cli
