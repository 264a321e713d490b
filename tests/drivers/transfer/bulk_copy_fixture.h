// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A copy from one fake disk to another, with its scratch on a third.
#pragma once

#include <gtest/gtest.h>

#include <optional>
#include <string>

#include "libjob/drivers/transfer/bulk_copy.h"
#include "tests/support/fake_clock.h"
#include "tests/support/fake_disk.h"

namespace dmjob::drivers {

inline constexpr std::uint64_t kSize = 1 << 20;
inline constexpr std::uint64_t kGranularity = 65536;
inline constexpr std::uint64_t kRegions = kSize / kGranularity;

class BulkCopyTest : public testing::Test {
 protected:
  BulkCopyTest() {
    source_.fill(1);
    plan_.uuid = "0123456789abcdef0123456789abcdef";
    plan_.size = kSize;
    plan_.granularity = kGranularity;
  }

  void begin() {
    scratch_.emplace(
        store::Scratch::format(scratch_disk_.open(), 0, plan_.uuid, kSize, kGranularity, 0));
    bulk_.emplace(source_.open(), target_.open(), *scratch_, control_, clock_, plan_, map_);
  }
  BulkCopy::Slice slice() { return bulk_->run_slice(progress_, std::chrono::seconds(1)); }
  std::uint64_t stored_dirty() {
    return store::Scratch::open(scratch_disk_.open(), 0, plan_.uuid).load_checkpoint().count();
  }
  static std::uint64_t at(std::uint64_t region) { return region * kGranularity; }

  test::FakeDisk source_{{.size = kSize}};
  test::FakeDisk target_{{.size = kSize}};
  test::FakeDisk spare_{{.size = kSize}};
  test::FakeDisk scratch_disk_{{.size = kSize}};
  test::FakeClock clock_;
  io::CopyControl control_;
  core::Progress progress_;
  CopyPlan plan_;
  ErrorMapFile map_{"", ""};
  std::optional<store::Scratch> scratch_;
  std::optional<BulkCopy> bulk_;
};

}  // namespace dmjob::drivers
