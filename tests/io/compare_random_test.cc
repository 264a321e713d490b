// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Random disks, options, differences and stops: what is found is what differs, and told once.
#include <random>

#include "libjob/io/compare_engine.h"
#include "tests/io/compare_fixture.h"

namespace dmjob::io {
namespace {

class RandomComparison : public CompareTest, public ::testing::WithParamInterface<unsigned> {
 protected:
  std::uint64_t pick(std::uint64_t below) { return random_() % below; }
  bool maybe() { return pick(2) == 0; }

  void make_any_disks() {
    const std::uint64_t granularity = 4096u << pick(8);
    const bool file = maybe();
    const std::uint64_t size = file ? 1 + pick(1 << 21) : 512 * (1 + pick(1 << 12));
    options.request_bytes = 4096u << pick(10);
    options.in_flight_bytes = options.request_bytes * (1 + pick(8));
    make_disks(
        {.size = size, .alignment = file ? 4096u : 512u, .is_file = file},
        {.size = (size + 4095) / 4096 * 4096 + 4096 * pick(3), .alignment = maybe() ? 512u : 4096u},
        granularity);
  }

  void flip_any() {
    for (std::uint64_t places = pick(100); places > 0; --places) {
      const std::uint64_t at = pick(left->size());
      const std::uint64_t longest = maybe() ? 1 : 4096;
      flip(at, 1 + pick(std::min(longest, left->size() - at)));
    }
  }

  // Stops now and then; goes on until it is done.
  void compare_in_pieces() {
    CompareResult result;
    do {
      target->on_io([this, more = pick(1000)]() mutable {
        if (more-- == 0) control.stop();
      });
      result = compare();
      control.go_on();
    } while (result.end == CopyEnd::kStopped);
    EXPECT_EQ(result.end, CopyEnd::kClean);
  }

 private:
  std::mt19937_64 random_{GetParam()};
};

TEST_P(RandomComparison, finds_what_differs) {
  make_any_disks();
  flip_any();
  EXPECT_EQ(compare().end, CopyEnd::kClean);
  expect_found(real_differences());
}

TEST_P(RandomComparison, in_pieces_tells_each_difference_once) {
  make_any_disks();
  flip_any();
  compare_in_pieces();
  expect_found(real_differences());
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomComparison, ::testing::Range(0u, 60u));

}  // namespace
}  // namespace dmjob::io
