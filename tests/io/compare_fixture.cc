// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/io/compare_fixture.h"

#include <algorithm>

#include "libjob/io/aligned_buffer.h"

namespace dmjob::io {

void CompareTest::make_disks(std::uint64_t size, std::uint64_t granularity) {
  make_disks({.size = size, .name = "source"}, {.size = size, .name = "target"}, granularity);
}

void CompareTest::make_disks(Shape source_shape, Shape target_shape, std::uint64_t granularity) {
  left.emplace(source_shape.size, granularity);
  left->set_all();
  source = std::make_unique<test::FakeDisk>(source_shape);
  target = std::make_unique<test::FakeDisk>(target_shape);
  source->fill(1);
  target->fill(1);
  const std::uint64_t tail = target_shape.size - source_shape.size;
  target->fill(source_shape.size, tail, std::byte{0xEE});
}

void CompareTest::flip(std::uint64_t offset, std::uint64_t length) { target->flip(offset, length); }

CompareEngine& CompareTest::engine() {
  if (!engine_) {
    source_device_ = source->open();
    target_device_ = target->open();
    engine_ =
        std::make_unique<CompareEngine>(*source_device_, *target_device_, control, clock, options);
  }
  return *engine_;
}

CompareResult CompareTest::compare(core::TimePoint until) {
  const auto differs = [this](const Extent& extent) {
    found.add(extent);
    told += extent.length;
    as_told.push_back(extent);
  };
  const auto answer = [this](const CompareError&) { return leave_out; };
  return engine().run(*left, progress, until, {differs, answer});
}

void CompareTest::start_comparison() {
  thread_ = std::thread([this] { threads_result_ = compare(); });
}

CompareResult CompareTest::join_comparison() {
  thread_.join();
  return threads_result_;
}

std::vector<Extent> CompareTest::real_differences() const {
  std::vector<Extent> extents;
  const std::uint64_t size = left->size();
  for (std::uint64_t at = 0; at < size; at += CompareEngine::kUnit) {
    const std::uint64_t length = std::min(CompareEngine::kUnit, size - at);
    if (std::ranges::equal(std::span(source->content()).subspan(at, length),
                           std::span(target->content()).subspan(at, length)))
      continue;
    if (!extents.empty() && extents.back().offset + extents.back().length == at)
      extents.back().length += length;
    else
      extents.push_back({at, length});
  }
  return extents;
}

void CompareTest::expect_found(const std::vector<Extent>& extents) const {
  std::uint64_t bytes = 0;
  for (const Extent& extent : extents) bytes += extent.length;
  EXPECT_EQ(found.bytes(), bytes);
  EXPECT_EQ(told, bytes);
  std::vector<Extent> first = extents;
  if (first.size() > Differences::kMostPlaces) first.resize(Differences::kMostPlaces);
  EXPECT_EQ(found.places(), first);
}

}  // namespace dmjob::io
