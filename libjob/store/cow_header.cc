// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/cow_header.h"

#include <endian.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>

namespace dmjob::store {
namespace {

// struct disk_header: magic, valid, version, chunk size; 32 bits each, little-endian.
using Head = std::array<std::uint32_t, 2>;
constexpr std::uint32_t kMagic = 0x70416e53;  // "SnAp"

// Behind the kernel's part, which it writes with zeroes around.
constexpr std::size_t kMixedAt = 256;  // bytes
constexpr std::string_view kMixed = "dmjob: merged while it was invalid";

Head head_of(std::span<const std::byte> block) {
  Head head{};
  std::memcpy(head.data(), block.data(), sizeof head);
  for (std::uint32_t& word : head) word = le32toh(word);
  return head;
}

bool says_mixed(std::span<const std::byte> block) {
  return std::memcmp(block.data() + kMixedAt, kMixed.data(), kMixed.size()) == 0;
}

}  // namespace

CowHeader::CowHeader(dev_t disk, std::uint64_t offset)
    : disk_(io::open_device(disk, io::Access::kReadWrite)),
      offset_(offset),
      block_(disk_->alignment()) {}

CowHeader::State CowHeader::read() {
  if (const auto error = disk_->read(offset_, block_.bytes())) fail(error);
  const auto [magic, valid] = head_of(block_.bytes());
  if (magic == 0) return State::kEmpty;
  if (magic != kMagic) return State::kForeign;
  if (says_mixed(block_.bytes())) return State::kMixed;
  return valid != 0 ? State::kValid : State::kInvalid;
}

// The exceptions' first area is the chunk behind the head: pairs of chunks, of the origin and of
// the store, 64 bits each, up to one with 0.
bool CowHeader::has_exceptions(std::uint64_t chunk) const {
  io::AlignedBuffer area(block_.bytes().size());
  if (const auto error = disk_->read(offset_ + chunk, area.bytes())) fail(error);
  std::uint64_t place = 0;
  std::memcpy(&place, area.bytes().data() + sizeof place, sizeof place);
  return place != 0;
}

void CowHeader::mark_valid() {
  const std::uint32_t valid = htole32(1);
  std::memcpy(block_.bytes().data() + sizeof valid, &valid, sizeof valid);
  write();
}

void CowHeader::mark_mixed() {
  std::memcpy(block_.bytes().data() + kMixedAt, kMixed.data(), kMixed.size());
  write();
}

void CowHeader::wipe() {
  std::ranges::fill(block_.bytes(), std::byte{});
  write();
}

void CowHeader::write() {
  std::error_code error = disk_->write(offset_, block_.bytes());
  if (!error) error = disk_->flush();
  if (error) fail(error);
}

void CowHeader::fail(std::error_code error) const {
  throw std::system_error(error, "scratch " + disk_->path());
}

}  // namespace dmjob::store
