// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/transfer/ddrescue_map.h"

#include <algorithm>
#include <array>
#include <cinttypes>
#include <cstdio>

namespace dmjob::drivers {
namespace {

enum Status : char { kCopied = '+', kBad = '-', kPending = '?' };

struct Block {
  std::uint64_t begin = 0;
  std::uint64_t end = 0;
  Status status = kCopied;
};

// Neighbours of one status are one block.
class Blocks {
 public:
  void add(std::uint64_t begin, std::uint64_t end, Status status) {
    if (begin == end) return;
    if (!list_.empty() && list_.back().status == status)
      list_.back().end = end;
    else
      list_.push_back({begin, end, status});
  }
  const std::vector<Block>& list() const { return list_; }
  bool any(Status status) const { return std::ranges::count(list_, status, &Block::status) > 0; }

 private:
  std::vector<Block> list_;
};

// Of what is not bad.
void add_readable(Blocks& blocks, const io::DirtyBitmap& pending, std::uint64_t at,
                  std::uint64_t end) {
  const std::uint64_t unit = pending.granularity();
  while (at < end) {
    const auto run = pending.next(at / unit, pending.regions());
    const std::uint64_t first = run ? std::clamp(run->first * unit, at, end) : end;
    const std::uint64_t last = run ? std::clamp((run->first + run->count) * unit, at, end) : end;
    blocks.add(at, first, kCopied);
    blocks.add(first, last, kPending);
    at = last;
  }
}

Blocks divide(const io::DirtyBitmap& pending, const std::vector<io::CopyError>& bad) {
  Blocks blocks;
  std::uint64_t at = 0;
  for (const io::CopyError& extent : bad) {
    add_readable(blocks, pending, at, extent.offset);
    at = extent.offset + extent.length;
    blocks.add(extent.offset, at, kBad);
  }
  add_readable(blocks, pending, at, pending.size());
  return blocks;
}

std::string block_line(const Block& block) {
  std::array<char, 64> line{};
  std::snprintf(line.data(), line.size(), "0x%08" PRIX64 "  0x%08" PRIX64 "  %c\n", block.begin,
                block.end - block.begin, block.status);
  return line.data();
}

// A path may hold any character; a comment ends with its line.
std::string comment(std::string text) {
  std::ranges::replace_if(text, [](unsigned char character) { return character < ' '; }, '?');
  return "# " + text + "\n";
}

}  // namespace

std::string format_rescue_map(const std::string& about, const io::DirtyBitmap& pending,
                              const std::vector<io::CopyError>& bad) {
  const Blocks blocks = divide(pending, bad);
  const char status = blocks.any(kPending) ? kPending : kCopied;
  std::string text = comment("Mapfile. Created by dmjob: " + about);
  text += "# current_pos  current_status  current_pass\n";
  text += "0x00000000     ";
  text += status;
  text += "               1\n";
  text += "#      pos        size  status\n";
  for (const Block& block : blocks.list()) text += block_line(block);
  return text;
}

}  // namespace dmjob::drivers
