// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/copy_engine.h"
#include "tests/io/copy_fixture.h"

namespace dmjob::io {
namespace {

using namespace std::chrono_literals;

TEST_F(CopyTest, stopped_before_it_begins_it_does_nothing) {
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_all();
  control.stop();
  EXPECT_EQ(copy().end, CopyEnd::kStopped);
  EXPECT_EQ(source->counts().reads, 0u);
  EXPECT_EQ(dirty->count(), 16u);
}

TEST_F(CopyTest, told_to_go_on_it_copies_the_rest) {
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_all();
  control.stop();
  copy();
  control.go_on();
  EXPECT_EQ(copy().end, CopyEnd::kClean);
  expect_copied();
}

TEST_F(CopyTest, a_stop_wakes_a_copy_that_sleeps_for_its_limit) {
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_all();
  control.set_speed(1);
  start_copy();
  std::this_thread::sleep_for(50ms);
  control.stop();
  EXPECT_EQ(join_copy().end, CopyEnd::kStopped);
}

TEST_F(CopyTest, a_stop_while_the_source_hangs_takes_effect_when_it_answers) {
  make_disks(8 * kMiB, 64 * kKiB);
  dirty_all();
  source->hang();
  start_copy();
  source->wait_until_hanging(8);
  control.stop();
  source->release();
  EXPECT_EQ(join_copy().end, CopyEnd::kStopped);
  EXPECT_EQ(target->counts().writes, 0u);
  EXPECT_EQ(dirty->count(), 128u);
}

TEST_F(CopyTest, a_stop_while_the_target_hangs_keeps_what_is_written_then) {
  make_disks(4 * kMiB, 64 * kKiB);
  dirty_all();
  target->hang();
  start_copy();
  target->wait_until_hanging(4);
  control.stop();
  target->release();
  join_copy();
  EXPECT_EQ(dirty->count(), 0u);
  expect_target_is_source(0, 4 * kMiB);
}

TEST_F(CopyTest, a_stop_ends_the_search_for_bad_blocks) {
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_all();
  source->fail_reads(0, 1 * kMiB);
  source->on_io([this] { control.stop(); });
  const CopyResult result = copy();
  EXPECT_EQ(result.end, CopyEnd::kStopped);
  EXPECT_TRUE(asked.empty());
  EXPECT_LE(source->counts().reads, 2u);
}

TEST_F(CopyTest, a_new_speed_wakes_a_copy_that_sleeps_for_its_old_one) {
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_all();
  control.set_speed(1);
  start_copy();
  std::this_thread::sleep_for(50ms);
  control.set_speed(0);
  EXPECT_EQ(join_copy().end, CopyEnd::kClean);
  expect_copied();
}

TEST_F(CopyTest, time_that_is_up_before_it_begins_lets_it_do_nothing) {
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_all();
  EXPECT_EQ(copy(clock.now() - 1ms).end, CopyEnd::kTime);
  EXPECT_EQ(dirty->count(), 16u);
}

TEST_F(CopyTest, time_that_is_up_ends_a_wait_for_the_limit) {
  make_disks(1 * kMiB, 4 * kKiB);
  dirty_all();
  control.set_speed(1);
  EXPECT_EQ(copy(clock.now() + 100ms).end, CopyEnd::kTime);
  EXPECT_GE(dirty->count(), 255u);
}

TEST_F(CopyTest, a_region_that_was_begun_is_finished_though_the_time_is_up) {
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_all();
  control.set_speed(64 * kKiB);
  source->on_io([this] { clock.put_forward(24h); });
  const CopyResult result = copy(clock.now() + 12h);
  EXPECT_EQ(result.end, CopyEnd::kTime);
  EXPECT_EQ(result.copied, 64 * kKiB);
  EXPECT_EQ(dirty->count(), 15u);
}

TEST_F(CopyTest, a_slow_copy_makes_small_requests) {
  make_disks(1 * kMiB, 64 * kKiB);
  dirty_regions({3});
  control.set_speed(256 * kKiB);
  copy();
  EXPECT_LE(source->counts().largest_request, 28 * kKiB);
  expect_copied();
}

TEST_F(CopyTest, the_limit_holds_over_a_while) {
  make_disks(16 * kMiB, 64 * kKiB);
  dirty_all();
  const std::uint64_t speed = 4 * kMiB;
  control.set_speed(speed);
  const auto begin = clock.now();
  const std::uint64_t copied = copy(begin + 500ms).copied;
  const std::chrono::duration<double> took = clock.now() - begin;
  // At most one slice is begun early, and its last request may exceed it.
  EXPECT_LE(static_cast<double>(copied), speed * (took.count() + 0.2));
  EXPECT_GT(copied, 0u);
}

}  // namespace
}  // namespace dmjob::io
