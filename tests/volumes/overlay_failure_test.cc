// SPDX-License-Identifier: LGPL-2.1-or-later
// Each step of an overlay, with each of its calls to the kernel failing in turn.
#include <gtest/gtest.h>

#include <ostream>
#include <tuple>

#include "tests/volumes/overlay_fixture.h"

namespace dmjob::volumes {
namespace {

using Kind = dm::OverlayStack::Kind;

struct Step {
  const char* name;
  void (*prepare)(OverlayStage&);
  void (*run)(OverlayStage&);
  Kind then;
};

void PrintTo(const Step& step, std::ostream* out) { *out << step.name; }

const Step kSteps[] = {
    {"hold", [](OverlayStage& s) { s.add_volume(); }, [](OverlayStage& s) { s.make().hold(); },
     Kind::kHolding},
    {"activate",
     [](OverlayStage& s) {
       s.hold();
       s.end_of_power();
     },
     [](OverlayStage& s) { s.open().activate(); }, Kind::kHolding},
    {"grow",
     [](OverlayStage& s) {
       s.hold();
       s.fill_cow(s.look().boundary);
     },
     [](OverlayStage& s) { s.open().make_room(); }, Kind::kHolding},
    {"merge", [](OverlayStage& s) { s.hold(); }, [](OverlayStage& s) { s.open().begin_merge(); },
     Kind::kMerging},
    {"pause", [](OverlayStage& s) { s.merge(); }, [](OverlayStage& s) { s.open().pause_merge(); },
     Kind::kHolding},
    {"end", [](OverlayStage& s) { s.merge(); }, [](OverlayStage& s) { s.discard(); },
     Kind::kLinear},
};

// One more than any of them makes: then none fails.
constexpr int kCalls = 10;

class FailedOverlayStep : public testing::TestWithParam<std::tuple<Step, int>>,
                          protected OverlayStage {
 protected:
  void SetUp() override {
    step().prepare(*this);
    kernel.fail_call(std::get<1>(GetParam()), EIO);
  }
  static const Step& step() { return std::get<0>(GetParam()); }
  std::string run() {
    return refusal_of([this] { step().run(*this); });
  }
};

TEST_P(FailedOverlayStep, LeavesNothingSuspendedAndTheCowWhereItIs) {
  const bool failed = !run().empty();
  EXPECT_THAT(kernel.suspended_devices(), testing::IsEmpty());
  EXPECT_TRUE(ledger.empty());
  EXPECT_EQ(has_cow_file(), failed || step().then != Kind::kLinear);
}

TEST_P(FailedOverlayStep, CanBeTriedAgain) {
  run();
  kernel.heal();
  EXPECT_EQ(run(), "");
  EXPECT_EQ(look().kind, step().then);
  EXPECT_FALSE(look().held());
}

INSTANTIATE_TEST_SUITE_P(EachCall, FailedOverlayStep,
                         testing::Combine(testing::ValuesIn(kSteps),
                                          testing::Range(1, kCalls + 1)));

}  // namespace
}  // namespace dmjob::volumes
