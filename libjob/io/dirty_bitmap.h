// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which regions of a disk are still to be copied: one bit a region, 1 = dirty; lowest bit of the
// lowest byte first, as in dm-mirror's log (where 1 means in sync).
// Thread: one at a time; count() any.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <vector>

namespace dmjob::io {

class DirtyBitmap {
 public:
  struct Run {
    std::uint64_t first = 0;  // region
    std::uint64_t count = 0;  // regions
  };

  // size: bytes of the disk; granularity: bytes of a region, a power of two. All clean.
  DirtyBitmap(std::uint64_t size, std::uint64_t granularity);
  DirtyBitmap(const DirtyBitmap& other);
  DirtyBitmap& operator=(const DirtyBitmap& other);

  std::uint64_t size() const { return size_; }
  std::uint64_t granularity() const { return granularity_; }
  std::uint64_t regions() const { return regions_; }

  void set_all();
  void clear_all();
  void set(std::uint64_t region);
  void clear(std::uint64_t region);
  bool test(std::uint64_t region) const;
  // Bytes of a region; the last one may be short.
  std::uint64_t region_bytes(std::uint64_t region) const;
  // Sets every region whose bit is 0 in a mirror log's bits (0 there: not in sync).
  // Precondition: at least as long as bytes().
  void add_out_of_sync(std::span<const std::byte> in_sync_bits);
  void add(const DirtyBitmap& other);

  std::uint64_t count() const { return count_.load(std::memory_order_relaxed); }  // dirty regions
  // Bytes of dirty regions; the last region may be short.
  std::uint64_t dirty_bytes() const;
  // The first run of dirty regions at or behind `from`, at most `most` regions long.
  std::optional<Run> next(std::uint64_t from, std::uint64_t most) const;

  // The bits as they are stored. Padding bits are 0.
  std::span<const std::byte> bytes() const;
  // Precondition: the same length as bytes().
  void load(std::span<const std::byte> bytes);

 private:
  std::uint64_t find(std::uint64_t from, std::uint64_t end, std::uint64_t flip) const;
  void recount();

  std::uint64_t size_;
  std::uint64_t granularity_;
  std::uint64_t regions_;
  std::vector<std::uint64_t> words_;
  std::atomic<std::uint64_t> count_{0};
};

}  // namespace dmjob::io
