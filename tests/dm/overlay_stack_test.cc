// SPDX-License-Identifier: LGPL-2.1-or-later
// The tables of a volume that holds what is written to it, and each change of them with each of
// its calls to the kernel failing in turn.
#include "dm/topology/overlay_stack.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <ostream>
#include <tuple>

#include "tests/dm/error_of.h"
#include "tests/support/fake_ledger.h"

namespace dmjob::dm {
namespace {

using Kind = OverlayStack::Kind;

constexpr std::uint64_t kLength = 8192;
constexpr std::uint64_t kCow = 4096;
constexpr std::uint64_t kBoundary = 3072;
constexpr std::uint64_t kTarget = 65536;

struct Stage {
  Stage() {
    kernel.add_device("vol", linear_table(kLength, disk), "DMJOBV-u");
    kernel.set_opened("vol", 1);  // mounted
  }
  static OverlaySpec spec(const std::string& volume = "vol") {
    return {.volume = volume,
            .uuid = "u",
            .length = kLength,
            .cow_disk = makedev(8, 48),
            .cow_offset = 8,
            .cow_length = kCow,
            .chunk = 8};
  }
  void hold() {
    stack.make_cow(kBoundary);
    stack.hold(disk);
  }
  void merge() {
    hold();
    stack.begin_merge(copy, proof);
    kernel.set_status("vol", "16/4096 16");
  }
  static OverlaySpec spec_in_tail() {
    OverlaySpec in_tail = spec();
    in_tail.cow_disk_length = kTarget;
    return in_tail;
  }
  dev_t holder() { return kernel.find("dmjob-vol-vdisk")->dev; }
  DeviceWord cow() { return kernel.find("dmjob-vol-vcow")->dev; }
  DeviceWord other() { return kernel.find("dmjob-vol-vorigin")->dev; }
  std::string cow_table() { return kernel.table("dmjob-vol-vcow").print(); }

  const dev_t disk = makedev(8, 0);
  const dev_t copy = makedev(8, 16);
  FakeControl kernel;
  FakeLedger ledger{kernel};
  OverlayStack stack{kernel, ledger, spec()};
  // That the cow may be read.
  OverlayStack::Proof proof = [this] { kernel.note("proof"); };
  OverlayStack::Proof disproof = [] { throw std::system_error(EIO, std::generic_category()); };
};

class OverlayStackTest : public testing::Test, protected Stage {};

TEST_F(OverlayStackTest, AVolumeThatHoldsReadsItsDiskAndWritesToTheCow) {
  hold();
  EXPECT_EQ(kernel.table("vol"), snapshot_table(kLength, disk, cow(), 8));
  EXPECT_EQ(stack.look().kind, Kind::kHolding);
  EXPECT_EQ(stack.look().boundary, kBoundary);
}

TEST_F(OverlayStackTest, ItBeginsWithItsFileSystemFrozenAndNothingLoadedMeanwhile) {
  hold();
  const auto log = kernel.log();
  EXPECT_EQ(std::ranges::count(log, "suspend vol freeze"), 1);
  EXPECT_TRUE(kernel.violations().empty());
}

TEST_F(OverlayStackTest, WritesBehindTheBoundaryWaitForEverAndReadsDoNot) {
  stack.make_cow(kBoundary);
  EXPECT_EQ(cow_table(),
            "0 3072 linear 8:48 8\n"
            "3072 1024 delay 8:48 3080 0 8:48 3080 4294967295 8:48 3080 0\n");
}

TEST_F(OverlayStackTest, TellsWhatItsCowIsOnWhateverItsBoundaryIs) {
  EXPECT_EQ(stack.cow_disk(), 0);
  for (const std::uint64_t boundary : {std::uint64_t{0}, kBoundary, kCow}) {
    stack.make_cow(boundary);
    EXPECT_EQ(stack.cow_disk(), spec().cow_disk);
    stack.remove_cow();
  }
}

TEST_F(OverlayStackTest, ACowWithRoomForAllHasNoBoundary) {
  stack.make_cow(kCow);
  EXPECT_EQ(cow_table(), "0 4096 linear 8:48 8\n");
}

TEST_F(OverlayStackTest, ACowWithoutAnyRoomLetsNoWriteThrough) {
  stack.make_cow(0);
  EXPECT_EQ(cow_table(), "0 4096 delay 8:48 8 0 8:48 8 4294967295 8:48 8 0\n");
  EXPECT_EQ(stack.look().boundary, 0U);
}

TEST_F(OverlayStackTest, ACowInTheTailOfATargetIsOverADeviceThatHoldsIt) {
  OverlayStack in_tail(kernel, ledger, spec_in_tail());
  in_tail.make_cow(kBoundary);
  EXPECT_EQ(kernel.table("dmjob-vol-vdisk"), linear_table(kTarget, spec().cow_disk));
  EXPECT_EQ(kernel.find("dmjob-vol-vdisk")->uuid, "DMJOB-u-vdisk");
  EXPECT_EQ(kernel.table("dmjob-vol-vcow"), waiting_table(kCow, kBoundary, holder(), 8));
  OverlayStack(kernel, ledger, spec_in_tail()).move_boundary(kCow);
  EXPECT_EQ(kernel.table("dmjob-vol-vcow"), linear_table(kCow, holder(), 8));
  EXPECT_TRUE(OverlayStack::is_part("dmjob-vol-vdisk", "vol"));
  stack.remove_cow();
  EXPECT_EQ(kernel.names(), std::vector<std::string>{"vol"});
}

TEST_F(OverlayStackTest, ACowThatAnOlderDmjobHasMadeStaysOnItsDisk) {
  stack.make_cow(kBoundary);
  OverlayStack in_tail(kernel, ledger, spec_in_tail());
  in_tail.make_cow(kBoundary);
  in_tail.move_boundary(kCow);
  EXPECT_FALSE(kernel.exists("dmjob-vol-vdisk"));
  EXPECT_EQ(cow_table(), "0 4096 linear 8:48 8\n");
}

TEST_F(OverlayStackTest, TellsWhichDiskTheVolumeStandsOn) {
  EXPECT_EQ(stack.origin(), disk);
  hold();
  EXPECT_EQ(stack.origin(), disk);
  stack.begin_merge(copy, proof);
  EXPECT_EQ(stack.origin(), copy);
  stack.begin_merge(copy, proof);  // under another number
  EXPECT_EQ(stack.origin(), copy);
  kernel.set_table("vol", error_table(kLength));
  EXPECT_EQ(stack.origin(), dev_t{0});
  kernel.set_opened("vol", 0);
  kernel.remove("vol");
  EXPECT_EQ(stack.origin(), dev_t{0});
}

TEST_F(OverlayStackTest, ItIsHeldOnceTheNextExceptionLiesBehindTheBoundary) {
  hold();
  kernel.set_status("vol", "3064/4096 16");
  EXPECT_FALSE(stack.look().held());
  kernel.set_status("vol", "3072/4096 16");
  EXPECT_TRUE(stack.look().held());
  stack.move_boundary(kCow);
  EXPECT_FALSE(stack.look().held());
}

TEST_F(OverlayStackTest, AMergeGoesIntoTheDiskThatIsNamedAndNoWriteToTheCowWaits) {
  merge();
  EXPECT_EQ(kernel.table("vol"), merge_table(kLength, copy, cow(), 8));
  EXPECT_EQ(cow_table(), "0 4096 linear 8:48 8\n");
}

TEST_F(OverlayStackTest, TheMergeTableIsLoadedWhileTheVolumeIsSuspended) {
  hold();
  kernel.clear_log();
  stack.begin_merge(copy, proof);
  const auto log = kernel.log();
  const auto suspended = std::ranges::find(log, "suspend vol flush");
  const auto loaded = std::ranges::find(log, "load vol");
  const auto resumed = std::ranges::find(log, "resume vol");
  EXPECT_TRUE(suspended < loaded && loaded < resumed);
}

// Before it, an error of the scratch could still come; after it, the kernel has believed the mark.
TEST_F(OverlayStackTest, TheProofIsGivenWithTheVolumeSuspendedAndNoMergeLoaded) {
  hold();
  kernel.clear_log();
  stack.begin_merge(copy, proof);
  const auto log = kernel.log();
  const auto proven = std::ranges::find(log, "proof");
  EXPECT_TRUE(std::ranges::find(log, "suspend vol flush") < proven);
  EXPECT_TRUE(proven < std::ranges::find(log, "load vol"));
}

TEST_F(OverlayStackTest, WithoutTheProofNoMergeIsLoaded) {
  hold();
  const auto before = kernel.table("vol");
  EXPECT_EQ(error_of([&] { stack.begin_merge(copy, disproof); }), EIO);
  EXPECT_EQ(kernel.table("vol"), before);
  EXPECT_EQ(stack.look().boundary, kBoundary);
  EXPECT_TRUE(kernel.suspended_devices().empty());
  EXPECT_EQ(std::ranges::count(kernel.log(), "load vol"), 1) << "when it began to hold";
}

TEST_F(OverlayStackTest, WithoutTheProofAMergeIsNotPaused) {
  merge();
  const auto before = kernel.table("vol");
  EXPECT_EQ(error_of([&] { stack.pause_merge(copy, kBoundary, disproof); }), EIO);
  EXPECT_EQ(kernel.table("vol"), before);
  EXPECT_EQ(stack.look().boundary, kCow) << "what merges must not wait";
}

TEST_F(OverlayStackTest, RenewedItFailsItsIoBeforeItReadsTheCowAnew) {
  hold();
  kernel.set_status("vol", "Invalid");
  kernel.clear_log();
  stack.renew(disk);
  EXPECT_EQ(stack.look().kind, Kind::kHolding);
  EXPECT_EQ(std::ranges::count(kernel.log(), "load vol"), 2);
  stack.fail();
  EXPECT_EQ(stack.look().kind, Kind::kFailing);
}

TEST_F(OverlayStackTest, APausedMergeHoldsAndItsCowHasABoundaryBeforeItCanBeWritten) {
  merge();
  kernel.clear_log();
  stack.pause_merge(copy, kBoundary, proof);
  EXPECT_EQ(kernel.table("vol"), snapshot_table(kLength, other(), cow(), 8));
  EXPECT_EQ(kernel.table("dmjob-vol-vorigin"), linear_table(kLength, copy));
  EXPECT_EQ(stack.look().boundary, kBoundary);
  const auto log = kernel.log();
  EXPECT_TRUE(std::ranges::find(log, "resume dmjob-vol-vcow") < std::ranges::find(log, "load vol"));
}

TEST_F(OverlayStackTest, NoTableStandsOnTheNumberOfTheOneBefore) {
  hold();
  stack.begin_merge(disk, proof);
  EXPECT_EQ(kernel.table("vol"), merge_table(kLength, other(), cow(), 8));
  stack.begin_merge(disk, proof);  // it had failed
  EXPECT_EQ(kernel.table("vol"), merge_table(kLength, disk, cow(), 8));
  stack.pause_merge(disk, kBoundary, proof);
  EXPECT_EQ(kernel.table("vol"), snapshot_table(kLength, other(), cow(), 8));
  stack.begin_merge(copy, proof);
  stack.pause_merge(copy, kBoundary, proof);
  EXPECT_EQ(kernel.table("dmjob-vol-vorigin"), linear_table(kLength, copy));
}

TEST_F(OverlayStackTest, AnEndedOverlayIsADiskAndNothingElse) {
  merge();
  stack.end(copy);
  stack.remove_cow();
  EXPECT_EQ(kernel.table("vol"), linear_table(kLength, copy));
  EXPECT_EQ(kernel.names(), (std::vector<std::string>{"vol"}));
}

TEST_F(OverlayStackTest, ACowOfAnotherVolumeIsLeftAlone) {
  kernel.add_device("dmjob-vol-vcow", error_table(8), "DMJOB-other-vcow");
  EXPECT_EQ(error_of([&] { stack.make_cow(kBoundary); }), EEXIST);
  EXPECT_EQ(error_of([&] { stack.remove_cow(); }), EEXIST);
  EXPECT_TRUE(kernel.exists("dmjob-vol-vcow"));
}

TEST_F(OverlayStackTest, ACowThatIsHalfMadeIsNoneAndIsMadeAnew) {
  kernel.add_device("dmjob-vol-vcow", Table(), "DMJOB-u-vcow");
  EXPECT_EQ(stack.look().boundary, 0U);
  hold();
  EXPECT_EQ(stack.look().boundary, kBoundary);
}

TEST_F(OverlayStackTest, AVolumeOfAnotherOwnerIsNotLookedAt) {
  kernel.add_device("other", linear_table(kLength, disk), "LVM-x");
  EXPECT_EQ(OverlayStack(kernel, ledger, spec("other")).look().kind, Kind::kNone);
}

// --- each call fails ---

struct Operation {
  const char* name;
  void (*prepare)(Stage&);
  void (*run)(Stage&);
};

void PrintTo(const Operation& operation, std::ostream* out) { *out << operation.name; }

const Operation kOperations[] = {
    {"make_cow", [](Stage&) {}, [](Stage& s) { s.stack.make_cow(kBoundary); }},
    {"hold", [](Stage& s) { s.stack.make_cow(kBoundary); }, [](Stage& s) { s.stack.hold(s.disk); }},
    {"grow", [](Stage& s) { s.hold(); }, [](Stage& s) { s.stack.move_boundary(kBoundary + 8); }},
    {"merge", [](Stage& s) { s.hold(); }, [](Stage& s) { s.stack.begin_merge(s.copy, s.proof); }},
    {"pause", [](Stage& s) { s.merge(); },
     [](Stage& s) { s.stack.pause_merge(s.copy, kBoundary, s.proof); }},
    {"end", [](Stage& s) { s.merge(); }, [](Stage& s) { s.stack.end(s.copy); }},
};

// One more than any of them makes: then none fails.
constexpr int kCalls = 10;

class FailedOverlayCall : public testing::TestWithParam<std::tuple<Operation, int>>,
                          protected Stage {
 protected:
  void SetUp() override {
    std::get<0>(GetParam()).prepare(*this);
    before_ = kernel.table("vol");
    kernel.fail_call(std::get<1>(GetParam()), EIO);
  }
  int run() {
    return error_of([this] { std::get<0>(GetParam()).run(*this); });
  }

  Table before_;
};

TEST_P(FailedOverlayCall, LeavesNothingSuspendedAndTheOldTableOrTheNewOne) {
  const int error = run();
  EXPECT_TRUE(kernel.suspended_devices().empty());
  EXPECT_TRUE(ledger.empty());
  if (error != 0) {
    EXPECT_EQ(kernel.table("vol"), before_);
  }
  EXPECT_TRUE(kernel.inactive_table("vol").empty());
}

TEST_P(FailedOverlayCall, CanBeTriedAgain) {
  run();
  kernel.heal();
  EXPECT_EQ(run(), 0);
  EXPECT_TRUE(kernel.suspended_devices().empty());
}

// A merge must not wait at a boundary, and what is not merged must have one.
TEST_P(FailedOverlayCall, LeavesABoundaryWhereThereIsNoMergeOnly) {
  run();
  const auto state = stack.look();
  if (state.kind == Kind::kLinear) return;
  EXPECT_EQ(state.kind == Kind::kMerging, state.boundary == kCow);
}

INSTANTIATE_TEST_SUITE_P(EachOperation, FailedOverlayCall,
                         testing::Combine(testing::ValuesIn(kOperations),
                                          testing::Range(1, kCalls + 1)));

}  // namespace
}  // namespace dmjob::dm
