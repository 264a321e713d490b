// SPDX-License-Identifier: LGPL-2.1-or-later
// The contents of a stamped block: magic, block number, sequence number, checksum, and a body that
// follows from the two numbers. A torn block, an old one and one that belongs elsewhere can all be
// told from a good one, and from each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

namespace dmjob::stamp {

struct Stamp {
  std::uint64_t block = 0;
  std::uint64_t sequence = 0;

  bool operator==(const Stamp&) const = default;
};

// The size of `bytes` is the block size: a multiple of 512.
void write_stamp(std::span<std::byte> bytes, Stamp stamp);

// Nothing if the block does not carry a stamp or is damaged anywhere.
std::optional<Stamp> read_stamp(std::span<const std::byte> bytes);

}  // namespace dmjob::stamp
