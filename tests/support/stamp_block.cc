// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/stamp_block.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace dmjob::stamp {
namespace {

constexpr std::array<char, 8> kMagic = {'D', 'M', 'S', 'T', 'A', 'M', 'P', '2'};

struct Header {
  std::array<char, 8> magic = kMagic;
  Stamp stamp;
  std::uint64_t checksum = 0;
};
static_assert(sizeof(Header) == 32);

// One step of a 64-bit mixer (SplitMix64): every bit of the input reaches every bit of the output.
std::uint64_t mix(std::uint64_t value) {
  value = (value ^ (value >> 30)) * 0xbf58476d1ce4e5b9;
  value = (value ^ (value >> 27)) * 0x94d049bb133111eb;
  return value ^ (value >> 31);
}

std::uint64_t load_word(std::span<const std::byte> bytes, std::size_t offset) {
  std::uint64_t word = 0;
  std::memcpy(&word, bytes.data() + offset, sizeof word);
  return word;
}

void fill_body(std::span<std::byte> body, Stamp stamp) {
  std::uint64_t word = mix(stamp.block) ^ stamp.sequence;
  for (std::size_t offset = 0; offset < body.size(); offset += sizeof word) {
    word += 0x9e3779b97f4a7c15;
    const std::uint64_t mixed = mix(word);
    std::memcpy(body.data() + offset, &mixed, sizeof mixed);
  }
}

// Over the numbers and the body; depends on the order of the words.
std::uint64_t checksum(Stamp stamp, std::span<const std::byte> body) {
  std::uint64_t sum = mix(stamp.block + 1) ^ mix(stamp.sequence + 2);
  for (std::size_t offset = 0; offset < body.size(); offset += sizeof sum) {
    sum = (sum ^ load_word(body, offset)) * 0x100000001b3;
    sum ^= sum >> 29;
  }
  return sum;
}

}  // namespace

void write_stamp(std::span<std::byte> bytes, Stamp stamp) {
  const auto body = bytes.subspan(sizeof(Header));
  fill_body(body, stamp);
  const Header header{.stamp = stamp, .checksum = checksum(stamp, body)};
  std::memcpy(bytes.data(), &header, sizeof header);
}

std::optional<Stamp> read_stamp(std::span<const std::byte> bytes) {
  Header header;
  std::memcpy(&header, bytes.data(), sizeof header);
  if (header.magic != kMagic ||
      header.checksum != checksum(header.stamp, bytes.subspan(sizeof header))) {
    return std::nullopt;
  }
  return header.stamp;
}

}  // namespace dmjob::stamp
