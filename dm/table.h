// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A device-mapper table as a plain value: what `dmsetup table` prints, and nothing of the kernel.
// Thread: any (values).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace dmjob::dm {

// One line of a table. start and length are in sectors of 512 bytes.
struct Segment {
  std::uint64_t start = 0;
  std::uint64_t length = 0;
  std::string target;  // "linear", "mirror", ...
  std::string args;    // everything behind the target's name, single blanks between words

  bool operator==(const Segment&) const = default;
};

class Table {
 public:
  Table() = default;
  explicit Table(std::vector<Segment> segments) : segments_(std::move(segments)) {}

  // Reads the text form, a segment a line; empty lines are passed over. Segments follow each other
  // without gaps from sector 0. Throws std::invalid_argument that names the bad line.
  static Table parse(std::string_view text);

  // The text form; parse(print()) is the same table.
  std::string print() const;

  const std::vector<Segment>& segments() const { return segments_; }
  bool empty() const { return segments_.empty(); }

  // Sectors from 0 to the end of the last segment.
  std::uint64_t sectors() const;

  bool operator==(const Table&) const = default;

 private:
  std::vector<Segment> segments_;
};

}  // namespace dmjob::dm
