// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/table.h"

#include <limits>
#include <optional>
#include <stdexcept>

#include "dm/number.h"

namespace dmjob::dm {
namespace {

constexpr std::string_view kBlanks = " \t";

// Takes the next word off the front of `rest`; empty at the end.
std::string_view next_word(std::string_view& rest) {
  const auto first = rest.find_first_not_of(kBlanks);
  if (first == std::string_view::npos) {
    rest = {};
    return {};
  }
  rest.remove_prefix(first);
  const std::string_view word = rest.substr(0, rest.find_first_of(kBlanks));
  rest.remove_prefix(word.size());
  return word;
}

std::string join_words(std::string_view rest) {
  std::string text;
  for (auto word = next_word(rest); !word.empty(); word = next_word(rest)) {
    if (!text.empty()) text += ' ';
    text += word;
  }
  return text;
}

std::optional<Segment> parse_segment(std::string_view line, std::uint64_t expected_start) {
  const auto start = parse_number(next_word(line));
  const auto length = parse_number(next_word(line));
  const auto target = next_word(line);
  if (!start || !length || target.empty()) return std::nullopt;
  if (*start != expected_start || *length == 0) return std::nullopt;
  if (*length > std::numeric_limits<std::uint64_t>::max() - *start) return std::nullopt;
  return Segment{*start, *length, std::string(target), join_words(line)};
}

}  // namespace

Table Table::parse(std::string_view text) {
  std::vector<Segment> segments;
  std::uint64_t next = 0;
  while (!text.empty()) {
    const auto end = text.find('\n');
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    if (line.find_first_not_of(kBlanks) == std::string_view::npos) continue;
    auto segment = parse_segment(line, next);
    if (!segment) throw std::invalid_argument("not a line of a table: " + std::string(line));
    next = segment->start + segment->length;
    segments.push_back(std::move(*segment));
  }
  return Table(std::move(segments));
}

std::string Table::print() const {
  std::string text;
  for (const auto& segment : segments_) {
    text += std::to_string(segment.start) + ' ' + std::to_string(segment.length) + ' ';
    text += segment.target;
    if (!segment.args.empty()) text += ' ' + segment.args;
    text += '\n';
  }
  return text;
}

std::uint64_t Table::sectors() const {
  return segments_.empty() ? 0 : segments_.back().start + segments_.back().length;
}

}  // namespace dmjob::dm
