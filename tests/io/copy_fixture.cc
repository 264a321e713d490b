// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/io/copy_fixture.h"

#include <algorithm>

namespace dmjob::io {

void CopyTest::make_disks(std::uint64_t size, std::uint64_t granularity) {
  make_disks({.size = size, .name = "source"}, {.size = size, .name = "target"}, granularity);
}

void CopyTest::make_disks(Shape source_shape, Shape target_shape, std::uint64_t granularity) {
  dirty.emplace(source_shape.size, granularity);
  source = std::make_unique<test::FakeDisk>(source_shape);
  target = std::make_unique<test::FakeDisk>(target_shape);
  source->fill(1);
  target->fill(0, target_shape.size, std::byte{0xEE});
}

void CopyTest::dirty_regions(const std::vector<std::uint64_t>& regions) {
  for (const std::uint64_t region : regions) dirty->set(region);
}

CopyEngine& CopyTest::engine() {
  if (!engine_) {
    source_device_ = source->open();
    target_device_ = target->open();
    engine_ =
        std::make_unique<CopyEngine>(*source_device_, *target_device_, control, clock, options);
  }
  return *engine_;
}

CopyResult CopyTest::copy(core::TimePoint until) {
  before_ = dirty;
  target_before_ = target->content();
  return engine().run(*dirty, progress, until, [this](const CopyError& error) {
    asked.push_back(error);
    return answer;
  });
}

void CopyTest::start_copy(core::TimePoint until) {
  thread_ = std::thread([this, until] { threads_result_ = copy(until); });
}

CopyResult CopyTest::join_copy() {
  thread_.join();
  return threads_result_;
}

bool CopyTest::region_is(std::uint64_t region, const std::vector<std::byte>& content) const {
  const std::uint64_t at = region * dirty->granularity();
  const std::uint64_t length = dirty->region_bytes(region);
  return std::ranges::equal(std::span(target->content()).subspan(at, length),
                            std::span(content).subspan(at, length));
}

void CopyTest::expect_copied() const { expect_copied_but({}); }

void CopyTest::expect_copied_but(const std::vector<std::uint64_t>& regions) const {
  for (std::uint64_t region = 0; region < dirty->regions(); ++region) {
    const bool left_out = std::ranges::find(regions, region) != regions.end();
    EXPECT_EQ(dirty->test(region), left_out) << "bit of region " << region;
    if (!before_->test(region)) {
      EXPECT_TRUE(region_is(region, target_before_)) << "clean region " << region;
    } else if (!left_out) {
      EXPECT_TRUE(region_is(region, source->content())) << "dirty region " << region;
    }
  }
}

void CopyTest::expect_target_is(std::uint64_t offset, std::uint64_t length, std::byte value) const {
  const auto range = std::span(target->content()).subspan(offset, length);
  EXPECT_TRUE(std::ranges::all_of(range, [&](std::byte b) { return b == value; }))
      << offset << " + " << length;
}

void CopyTest::expect_target_is_source(std::uint64_t offset, std::uint64_t length) const {
  EXPECT_TRUE(std::ranges::equal(std::span(target->content()).subspan(offset, length),
                                 std::span(source->content()).subspan(offset, length)))
      << offset << " + " << length;
}

}  // namespace dmjob::io
