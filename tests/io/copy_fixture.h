// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A copy between two fake disks, in the words of the trade.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "libjob/io/copy_engine.h"
#include "tests/support/fake_disk.h"
#include "tests/support/shifted_clock.h"

namespace dmjob::io {

inline constexpr std::uint64_t kKiB = 1 << 10;
inline constexpr std::uint64_t kMiB = 1 << 20;

class CopyTest : public ::testing::Test {
 protected:
  using Shape = test::FakeDisk::Shape;

  // Two disks of that size, the source filled, the target with 0xEE, and a clean bitmap.
  void make_disks(std::uint64_t size, std::uint64_t granularity);
  void make_disks(Shape source, Shape target, std::uint64_t granularity);

  void dirty_all() { dirty->set_all(); }
  void dirty_regions(const std::vector<std::uint64_t>& regions);

  CopyResult copy(core::TimePoint until = core::TimePoint::max());
  // The same, in a thread; join_copy() gives the result.
  void start_copy(core::TimePoint until = core::TimePoint::max());
  CopyResult join_copy();

  // Regions that were dirty at the start of the last copy are as in the source, others untouched.
  void expect_copied() const;
  // The copied regions, other than these, are as in the source; the bits of these are still set.
  void expect_copied_but(const std::vector<std::uint64_t>& regions) const;
  void expect_target_is(std::uint64_t offset, std::uint64_t length, std::byte value) const;
  void expect_target_is_source(std::uint64_t offset, std::uint64_t length) const;

  CopyOptions options;
  core::ErrorAction answer = core::ErrorAction::kReport;
  CopyControl control;
  test::ShiftedClock clock;
  core::Progress progress;
  std::unique_ptr<test::FakeDisk> source;
  std::unique_ptr<test::FakeDisk> target;
  std::optional<DirtyBitmap> dirty;
  std::vector<CopyError> asked;  // what decide was called with

 private:
  CopyEngine& engine();
  bool region_is(std::uint64_t region, const std::vector<std::byte>& content) const;

  std::unique_ptr<BlockDevice> source_device_;
  std::unique_ptr<BlockDevice> target_device_;
  std::unique_ptr<CopyEngine> engine_;
  std::optional<DirtyBitmap> before_;
  std::vector<std::byte> target_before_;
  std::thread thread_;
  CopyResult threads_result_;
};

}  // namespace dmjob::io
