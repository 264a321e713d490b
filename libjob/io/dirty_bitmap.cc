// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/dirty_bitmap.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cstring>
#include <functional>
#include <numeric>

namespace dmjob::io {
namespace {

// A word's lowest byte is its first in memory, so words_ is the stored form as it stands.
static_assert(std::endian::native == std::endian::little);

constexpr std::uint64_t kWordBits = 64;

std::uint64_t bit(std::uint64_t region) { return std::uint64_t{1} << (region % kWordBits); }

std::uint64_t regions_of(std::uint64_t size, std::uint64_t granularity) {
  assert(std::has_single_bit(granularity));
  return size / granularity + (size % granularity != 0);
}

// The bits of the last word that stand for a region.
std::uint64_t last_word_mask(std::uint64_t regions) {
  return regions % kWordBits == 0 ? ~std::uint64_t{0} : bit(regions) - 1;
}

}  // namespace

DirtyBitmap::DirtyBitmap(std::uint64_t size, std::uint64_t granularity)
    : size_(size),
      granularity_(granularity),
      regions_(regions_of(size, granularity)),
      words_((regions_ + kWordBits - 1) / kWordBits) {}

DirtyBitmap::DirtyBitmap(const DirtyBitmap& other)
    : size_(other.size_),
      granularity_(other.granularity_),
      regions_(other.regions_),
      words_(other.words_),
      count_(other.count()) {}

DirtyBitmap& DirtyBitmap::operator=(const DirtyBitmap& other) {
  size_ = other.size_;
  granularity_ = other.granularity_;
  regions_ = other.regions_;
  words_ = other.words_;
  count_ = other.count();
  return *this;
}

void DirtyBitmap::set_all() {
  std::ranges::fill(words_, ~std::uint64_t{0});
  recount();
}

void DirtyBitmap::clear_all() {
  std::fill(words_.begin(), words_.end(), 0);
  count_.store(0, std::memory_order_relaxed);
}

void DirtyBitmap::set(std::uint64_t region) {
  assert(region < regions_);
  if (test(region)) return;
  words_[region / kWordBits] |= bit(region);
  count_.fetch_add(1, std::memory_order_relaxed);
}

void DirtyBitmap::clear(std::uint64_t region) {
  assert(region < regions_);
  if (!test(region)) return;
  words_[region / kWordBits] &= ~bit(region);
  count_.fetch_sub(1, std::memory_order_relaxed);
}

bool DirtyBitmap::test(std::uint64_t region) const {
  assert(region < regions_);
  return (words_[region / kWordBits] & bit(region)) != 0;
}

void DirtyBitmap::add_out_of_sync(std::span<const std::byte> in_sync_bits) {
  assert(in_sync_bits.size() >= bytes().size());
  const std::size_t length = bytes().size();
  for (std::size_t at = 0, word = 0; at < length; at += sizeof(std::uint64_t), ++word) {
    std::uint64_t in_sync = 0;
    std::memcpy(&in_sync, in_sync_bits.data() + at, std::min(sizeof in_sync, length - at));
    words_[word] |= ~in_sync;
  }
  recount();
}

void DirtyBitmap::add(const DirtyBitmap& other) {
  assert(other.size_ == size_ && other.granularity_ == granularity_);
  std::ranges::transform(words_, other.words_, words_.begin(), std::bit_or());
  recount();
}

std::uint64_t DirtyBitmap::region_bytes(std::uint64_t region) const {
  assert(region < regions_);
  return std::min(granularity_, size_ - region * granularity_);
}

std::uint64_t DirtyBitmap::dirty_bytes() const {
  if (regions_ == 0) return 0;
  const std::uint64_t last = regions_ - 1;
  const std::uint64_t missing = test(last) ? granularity_ - region_bytes(last) : 0;
  return count() * granularity_ - missing;
}

// The first region in [from, end) whose bit, after XOR with `flip`, is 1; `end` if there is none.
std::uint64_t DirtyBitmap::find(std::uint64_t from, std::uint64_t end, std::uint64_t flip) const {
  if (from >= end) return end;
  std::uint64_t word = from / kWordBits;
  std::uint64_t found = (words_[word] ^ flip) & ~(bit(from) - 1);
  while (found == 0) {
    if (++word * kWordBits >= end) return end;
    found = words_[word] ^ flip;
  }
  const auto low = static_cast<std::uint64_t>(std::countr_zero(found));
  return std::min(end, word * kWordBits + low);
}

std::optional<DirtyBitmap::Run> DirtyBitmap::next(std::uint64_t from, std::uint64_t most) const {
  if (from >= regions_ || most == 0) return std::nullopt;
  const std::uint64_t first = find(from, regions_, 0);
  if (first == regions_) return std::nullopt;
  const std::uint64_t end =
      find(first, first + std::min(most, regions_ - first), ~std::uint64_t{0});
  return Run{first, end - first};
}

std::span<const std::byte> DirtyBitmap::bytes() const {
  return std::as_bytes(std::span(words_)).first((regions_ + 7) / 8);
}

void DirtyBitmap::load(std::span<const std::byte> bytes) {
  assert(bytes.size() == this->bytes().size());
  if (!bytes.empty()) std::memcpy(words_.data(), bytes.data(), bytes.size());
  recount();
}

// Also clears the padding, which the callers may have set.
void DirtyBitmap::recount() {
  if (!words_.empty()) words_.back() &= last_word_mask(regions_);
  const auto ones = [](std::uint64_t sum, std::uint64_t word) {
    return sum + static_cast<std::uint64_t>(std::popcount(word));
  };
  count_.store(std::accumulate(words_.begin(), words_.end(), std::uint64_t{0}, ones),
               std::memory_order_relaxed);
}

}  // namespace dmjob::io
