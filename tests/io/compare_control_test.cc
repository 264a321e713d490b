// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/compare_engine.h"
#include "tests/io/compare_fixture.h"

namespace dmjob::io {
namespace {

using namespace std::chrono_literals;

constexpr std::uint64_t kKiB = 1 << 10;
constexpr std::uint64_t kMiB = 1 << 20;

TEST_F(CompareTest, stopped_before_it_begins_it_reads_nothing) {
  make_disks(1 * kMiB, 64 * kKiB);
  control.stop();
  EXPECT_EQ(compare().end, CopyEnd::kStopped);
  EXPECT_EQ(source->counts().reads + target->counts().reads, 0u);
  EXPECT_EQ(left->count(), 16u);
}

TEST_F(CompareTest, told_to_go_on_it_compares_the_rest) {
  make_disks(1 * kMiB, 64 * kKiB);
  flip(600 * kKiB);
  control.stop();
  compare();
  control.go_on();
  EXPECT_EQ(compare().end, CopyEnd::kClean);
  expect_found({{600 * kKiB, 512}});
}

TEST_F(CompareTest, a_stop_while_one_side_hangs_takes_effect_when_it_answers) {
  make_disks(8 * kMiB, 64 * kKiB);
  target->hang();
  start_comparison();
  target->wait_until_hanging(8);
  control.stop();
  target->release();
  EXPECT_EQ(join_comparison().end, CopyEnd::kStopped);
  EXPECT_EQ(left->count(), 128u);
}

TEST_F(CompareTest, a_stop_ends_the_search_for_bad_blocks) {
  leave_out = true;
  make_disks(1 * kMiB, 64 * kKiB);
  source->fail_reads(0, 1 * kMiB);
  source->on_io([this] { control.stop(); });
  const CompareResult result = compare();
  EXPECT_EQ(result.end, CopyEnd::kStopped);
  EXPECT_TRUE(result.left_out.empty());
  EXPECT_LE(source->counts().reads, 2u);
}

TEST_F(CompareTest, a_new_speed_wakes_a_comparison_that_sleeps_for_its_old_one) {
  make_disks(1 * kMiB, 64 * kKiB);
  control.set_speed(1);
  start_comparison();
  std::this_thread::sleep_for(50ms);
  control.set_speed(0);
  EXPECT_EQ(join_comparison().end, CopyEnd::kClean);
}

TEST_F(CompareTest, a_region_that_was_begun_is_finished_though_the_time_is_up) {
  make_disks(1 * kMiB, 64 * kKiB);
  control.set_speed(64 * kKiB);
  source->on_io([this] { clock.put_forward(24h); });
  EXPECT_EQ(compare(clock.now() + 12h).end, CopyEnd::kTime);
  EXPECT_EQ(progress.get().offset, 64 * kKiB);
  EXPECT_EQ(left->count(), 15u);
}

TEST_F(CompareTest, the_limit_counts_bytes_of_one_side) {
  make_disks(16 * kMiB, 64 * kKiB);
  const std::uint64_t speed = 4 * kMiB;
  control.set_speed(speed);
  const auto begin = clock.now();
  compare(begin + 500ms);
  const std::chrono::duration<double> took = clock.now() - begin;
  const std::uint64_t done = progress.get().offset;
  // At most one slice is begun early, and its last request may exceed it.
  EXPECT_LE(static_cast<double>(done), speed * (took.count() + 0.2));
  EXPECT_GT(done, 0u);
}

}  // namespace
}  // namespace dmjob::io
