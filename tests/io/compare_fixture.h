// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two fake disks that are compared, in the words of the trade.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <thread>
#include <vector>

#include "libjob/io/compare_engine.h"
#include "libjob/io/differences.h"
#include "tests/support/fake_disk.h"
#include "tests/support/shifted_clock.h"

namespace dmjob::io {

class CompareTest : public ::testing::Test {
 protected:
  using Shape = test::FakeDisk::Shape;

  // Two equal disks, the target's tail of other bytes, and a bitmap with everything left to do.
  void make_disks(std::uint64_t size, std::uint64_t granularity);
  void make_disks(Shape source, Shape target, std::uint64_t granularity);
  // On the target.
  void flip(std::uint64_t offset, std::uint64_t length = 1);

  CompareResult compare(core::TimePoint until = core::TimePoint::max());
  // The same, in a thread; join_comparison() gives the result.
  void start_comparison();
  CompareResult join_comparison();

  // Whole units that differ on the media, by a look of the test's own.
  std::vector<Extent> real_differences() const;
  void expect_found(const std::vector<Extent>& extents) const;

  CompareOptions options;
  bool leave_out = false;  // the answer to each error
  CopyControl control;
  test::ShiftedClock clock;
  core::Progress progress;
  std::unique_ptr<test::FakeDisk> source;
  std::unique_ptr<test::FakeDisk> target;
  std::optional<DirtyBitmap> left;
  Differences found;
  std::uint64_t told = 0;  // bytes, by the engine
  std::vector<Extent> as_told;

 private:
  CompareEngine& engine();

  std::unique_ptr<BlockDevice> source_device_;
  std::unique_ptr<BlockDevice> target_device_;
  std::unique_ptr<CompareEngine> engine_;
  std::thread thread_;
  CompareResult threads_result_;
};

}  // namespace dmjob::io
