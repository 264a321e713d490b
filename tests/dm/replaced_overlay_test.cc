// SPDX-License-Identifier: LGPL-2.1-or-later
// Somebody else loads or switches the table of a volume that holds what is written to it, at any
// moment of a switch of ours: as replaced_table_test.cc has it for copies.
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <cerrno>
#include <vector>

#include "dm/topology/overlay_stack.h"
#include "tests/dm/disturbed_control.h"
#include "tests/dm/error_of.h"
#include "tests/support/fake_ledger.h"

namespace dmjob::dm {
namespace {

enum class Step { kHold, kMerge, kPause, kEnd, kRenew };

struct Case {
  Step step;
  Moment moment;
  bool only_loads;
};

class ReplacedOverlay : public testing::TestWithParam<Case> {
 protected:
  ReplacedOverlay() {
    kernel_.add_device("vol", linear_table(kLength, disk_), "DMJOBV-u");
    kernel_.set_opened("vol", 1);
    stack_.make_cow(kBoundary);
    if (GetParam().step == Step::kHold) return;
    stack_.hold(disk_);
    if (GetParam().step == Step::kPause || GetParam().step == Step::kEnd)
      stack_.begin_merge(disk_, [] {});
    before_ = kernel_.table("vol");
  }
  void lay_hand() {
    if (GetParam().only_loads) return kernel_.set_inactive_table("vol", theirs_);
    kernel_.clear("vol");
    kernel_.set_table("vol", theirs_);
  }
  int take_step() {
    kernel_.moment = GetParam().moment;
    kernel_.call = [this] {
      lay_hand();
      EXPECT_FALSE(ledger_.drops("vol", theirs_)) << "whoever comes after our death";
    };
    kernel_.disturb(Moment::kBefore);
    const auto inside = [this] { kernel_.disturb(Moment::kInside); };
    return error_of([&] { step(inside); });
  }
  void step(const OverlayStack::Proof& inside) {
    switch (GetParam().step) {
      case Step::kHold:
        return stack_.hold(disk_);
      case Step::kMerge:
        return stack_.begin_merge(disk_, inside);
      case Step::kPause:
        return stack_.pause_merge(disk_, kBoundary, inside);
      case Step::kEnd:
        return stack_.end(disk_);
      case Step::kRenew:
        return stack_.renew(disk_);
    }
  }

  static constexpr std::uint64_t kLength = 8192;
  static constexpr std::uint64_t kBoundary = 3072;
  const dev_t disk_ = makedev(8, 0);
  const Table theirs_ = linear_table(kLength, makedev(8, 64));
  Table before_ = linear_table(kLength, disk_);
  DisturbedControl kernel_;
  FakeLedger ledger_{kernel_};
  OverlayStack stack_{kernel_,
                      ledger_,
                      {.volume = "vol",
                       .uuid = "u",
                       .length = kLength,
                       .cow_disk = makedev(8, 48),
                       .cow_offset = 8,
                       .cow_length = 4096,
                       .cow_disk_length = 0,
                       .chunk = 8}};
};

TEST_P(ReplacedOverlay, IsLeftAndNoStepIsToldAsMade) {
  const int error = take_step();
  EXPECT_TRUE(error == ESTALE || error == EBUSY) << error;
  EXPECT_TRUE(kernel_.table("vol") == theirs_ || kernel_.inactive_table("vol") == theirs_);
  EXPECT_TRUE(kernel_.suspended_devices().empty());
  EXPECT_TRUE(ledger_.empty());
}

TEST_P(ReplacedOverlay, WhatIsOnlyLoadedBeforeItBeginsIsNotMadeLive) {
  if (GetParam().moment != Moment::kBefore || !GetParam().only_loads) return;
  EXPECT_EQ(take_step(), EBUSY);
  EXPECT_EQ(kernel_.table("vol"), before_);
  EXPECT_EQ(kernel_.inactive_table("vol"), theirs_);
}

std::vector<Case> all_cases() {
  std::vector<Case> cases;
  for (const Step step : {Step::kHold, Step::kMerge, Step::kPause, Step::kEnd, Step::kRenew})
    for (const Moment moment : {Moment::kBefore, Moment::kLoaded, Moment::kSuspended})
      for (const bool only_loads : {true, false}) {
        // Of a table that is loaded with the volume suspended, a switch is a load.
        const bool loads_within = step == Step::kMerge || step == Step::kPause;
        if (!only_loads && loads_within && moment == Moment::kLoaded) continue;
        cases.push_back({step, moment, only_loads});
      }
  return cases;
}

INSTANTIATE_TEST_SUITE_P(AtEachMoment, ReplacedOverlay, testing::ValuesIn(all_cases()));

}  // namespace
}  // namespace dmjob::dm
