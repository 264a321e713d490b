// SPDX-License-Identifier: LGPL-2.1-or-later
// Who is made to pass flushes, in what order, and what is refused.
#include "dm/topology/write_cache.h"

#include <algorithm>

#include "dm/topology/overlay_stack.h"
#include "tests/dm/copy_stack_fixture.h"

namespace dmjob::dm {
namespace {

// vol on 8:0 (and 8:16), with `lv` and `top` on it; the target is 8:32.
class FlushTest : public testing::Test, protected CopyStage {
 protected:
  FlushTest() {
    lv = kernel.add_device("lv", linear_table(8192, number_of("vol")));
    kernel.add_device("top", linear_table(8192, lv));
  }
  ~FlushTest() override { EXPECT_EQ(kernel.suspended_devices(), Log{}); }
  dev_t number_of(const std::string& name) { return kernel.find(name)->dev; }
  bool passes(const std::string& name) { return kernel.write_back(number_of(name)).value(); }
  std::string follow() { return follow_write_cache(kernel, ledger, "vol"); }
  static bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
  }
  Log loads() {
    Log found;
    for (const std::string& line : kernel.log())
      if (line.starts_with("load ")) found.push_back(line.substr(5));
    return found;
  }
  Log calls() {
    Log found = kernel.log();
    std::erase_if(found, [](const std::string& line) {
      return line.starts_with("note ") || line.starts_with("done ");
    });
    return found;
  }
  void mirror_to_a_cache() {
    kernel.set_write_back(makedev(8, 32), true);
    be_ready();
    kernel.clear_log();
  }

  dev_t lv = 0;
};

class WriteCacheTest : public FlushTest {
 protected:
  ~WriteCacheTest() override { EXPECT_EQ(kernel.violations(), Log{}); }
};

TEST_F(WriteCacheTest, UnderAMirrorToACacheEachFollowsFromTheBottomUp) {
  mirror_to_a_cache();
  EXPECT_TRUE(passes("dmjob-j-wr"));
  EXPECT_FALSE(passes("vol"));
  const Table lv_table = kernel.table("lv");
  EXPECT_EQ(follow(), "");
  EXPECT_EQ(loads(), (Log{"vol", "lv", "top"}));
  EXPECT_TRUE(passes("vol") && passes("lv") && passes("top"));
  EXPECT_EQ(volume(), bypass());
  EXPECT_EQ(kernel.table("lv"), lv_table);
  EXPECT_FALSE(ledger.was_divided());
}

TEST_F(WriteCacheTest, WhatIsLoadedForTheMirrorStaysLoaded) {
  mirror_to_a_cache();
  follow();
  EXPECT_EQ(kernel.inactive_table("dmjob-j-wr"), tracker(2));
}

TEST_F(WriteCacheTest, WithoutACacheBelowNothingIsTouched) {
  be_ready();
  kernel.clear_log();
  EXPECT_EQ(follow(), "");
  EXPECT_EQ(kernel.log(), Log{});
}

TEST_F(WriteCacheTest, WhoSaysWriteBackAlreadyIsLeftAlone) {
  mirror_to_a_cache();
  follow();
  kernel.clear_log();
  EXPECT_EQ(follow(), "");
  EXPECT_EQ(kernel.log(), Log{});
}

TEST_F(WriteCacheTest, AMirrorsLogDoesNotCount) {
  kernel.set_write_back(makedev(8, 48), true);
  be_ready();
  kernel.clear_log();
  EXPECT_EQ(follow(), "");
  EXPECT_EQ(kernel.log(), Log{});
}

TEST_F(WriteCacheTest, ACacheThatComesWhileATrackerStandsOnTheDiskIsTold) {
  interpose();
  kernel.set_write_back(makedev(8, 0), true);
  kernel.clear_log();
  const std::string told = follow();
  EXPECT_TRUE(has(told, "dmjob-j-wr")) << told;
  EXPECT_EQ(loads(), (Log{"dmjob-j-base", "vol", "lv", "top"}));
  stack.preload({Kind::kTracking, 1});
  stack.switch_writes(SuspendMode::kFlush, [] {});
  EXPECT_EQ(follow(), "");
}

TEST_F(WriteCacheTest, AHolderThatMustNotBeLoadedAgainIsNamedAndNotTouched) {
  kernel.add_device("raid", Table::parse("0 8192 raid raid1 3 0 region_size 1 " + print_dev(lv)));
  mirror_to_a_cache();
  const std::string told = follow();
  EXPECT_TRUE(has(told, "raid") && has(told, "deactivate")) << told;
  EXPECT_EQ(loads(), (Log{"vol", "lv", "top"}));
}

TEST_F(WriteCacheTest, AThinPoolIsNotAsked) {
  kernel.add_device("pool", Table::parse("0 8192 thin-pool 8:64 " + print_dev(lv) + " 128 0"));
  mirror_to_a_cache();
  EXPECT_EQ(follow(), "");
}

TEST_F(WriteCacheTest, AnArrayThatLooksForCachesAtItsStartKeepsWhatIsUnderItAsItIs) {
  kernel.add_holder(lv, {"md0", makedev(9, 0), true});
  kernel.set_write_back(makedev(9, 0), true);
  mirror_to_a_cache();
  const std::string told = follow();
  EXPECT_TRUE(has(told, "md0") && has(told, "stop it")) << told;
  EXPECT_FALSE(passes("lv")) << "so that it is still told the next time";
}

TEST_F(WriteCacheTest, AHolderOfAnotherKindThatSaysWriteThroughIsNamed) {
  kernel.add_holder(lv, {"drbd0", makedev(147, 0)});
  mirror_to_a_cache();
  const std::string told = follow();
  EXPECT_TRUE(has(told, "drbd0")) << told;
}

TEST_F(WriteCacheTest, AnotherVolumeOfOursIsLeftToItsOwnSlot) {
  kernel.add_device("other", linear_table(8192, lv), "DMJOBV-o");
  mirror_to_a_cache();
  const std::string told = follow();
  EXPECT_TRUE(has(told, "other")) << told;
  EXPECT_FALSE(passes("other"));
  EXPECT_EQ(follow_write_cache(kernel, ledger, "other"), "");
  EXPECT_TRUE(passes("other"));
  EXPECT_EQ(follow(), "");
}

TEST_F(WriteCacheTest, ATableThatSomebodyElseHasLoadedIsNotOverwritten) {
  mirror_to_a_cache();
  kernel.set_inactive_table("lv", error_table(8192));
  EXPECT_TRUE(has(follow(), "lv"));
  EXPECT_EQ(kernel.inactive_table("lv"), error_table(8192));
}

TEST_F(WriteCacheTest, AHolderWhoseKeyIsGoneIsToldWithItsRemedy) {
  mirror_to_a_cache();
  kernel.fail_call("load", 2, ENOKEY);
  const std::string told = follow();
  EXPECT_TRUE(has(told, "cryptsetup refresh --disable-keyring lv")) << told;
  EXPECT_EQ(follow(), "");
}

TEST_F(WriteCacheTest, EachCallThatFailsLeavesAllTablesAndNothingSuspended) {
  for (int n = 1; n <= 9; ++n) {
    kernel.set_write_back(makedev(8, 32), true);
    if (n == 1) mirror_to_a_cache();
    kernel.set_table("vol", bypass());
    const Table vol = volume();
    kernel.fail_call(n, EIO);
    follow();
    kernel.heal();
    EXPECT_EQ(kernel.suspended_devices(), Log{}) << n;
    EXPECT_EQ(volume(), vol) << n;
    EXPECT_TRUE(kernel.inactive_table("vol").empty()) << n;
  }
}

// --- with the volume's own switch ---

class OverlayCacheTest : public FlushTest {
 protected:
  OverlayCacheTest() {
    kernel.add_device("ov", linear_table(8192, makedev(8, 64)), "DMJOBV-u");
    kernel.add_device("on", linear_table(8192, number_of("ov")));
    kernel.add_device("above", linear_table(8192, number_of("on")));
    kernel.clear_log();
  }
  void hold() {
    overlay.make_cow(3072);
    kernel.clear_log();
    overlay.hold(makedev(8, 64));
  }

  OverlayStack overlay{kernel,
                       ledger,
                       {.volume = "ov",
                        .uuid = "u",
                        .length = 8192,
                        .cow_disk = makedev(8, 48),
                        .cow_offset = 8,
                        .cow_length = 4096,
                        .chunk = 8}};
};

TEST_F(OverlayCacheTest, ASnapshotIntoACacheSwitchesItsHoldersInTheSameSuspension) {
  kernel.set_write_back(makedev(8, 48), true);
  hold();
  EXPECT_EQ(calls(),
            (Log{"load above", "load on", "load ov", "suspend above freeze", "suspend on freeze",
                 "suspend ov freeze", "resume ov", "resume on", "resume above"}));
  EXPECT_TRUE(passes("ov") && passes("on") && passes("above"));
  EXPECT_EQ(kernel.violations(), Log{});
}

TEST_F(OverlayCacheTest, ASnapshotWithoutACacheTouchesNobody) {
  hold();
  EXPECT_EQ(calls(), (Log{"load ov", "suspend ov freeze", "resume ov"}));
}

TEST_F(OverlayCacheTest, ASnapshotUnderAHolderThatCannotFollowIsRefusedBeforeAnything) {
  kernel.add_device(
      "raid", Table::parse("0 8192 raid raid1 3 0 region_size 1 " + print_dev(number_of("on"))));
  kernel.set_write_back(makedev(8, 48), true);
  EXPECT_THROW(hold(), CannotFollow);
  EXPECT_EQ(kernel.log(), Log{});
}

TEST_F(OverlayCacheTest, AMergeIntoADiskWithACacheTakesItsHoldersAlong) {
  hold();
  kernel.set_write_back(makedev(8, 80), true);
  kernel.clear_log();
  overlay.begin_merge(makedev(8, 80), [] {});
  const auto log = kernel.log();
  const auto at = [&](const std::string& line) { return std::ranges::find(log, line); };
  EXPECT_TRUE(at("suspend on flush") < at("suspend ov flush"));
  EXPECT_TRUE(at("resume ov") < at("resume on") && at("resume on") < at("resume above"));
  EXPECT_TRUE(passes("ov") && passes("on") && passes("above"));
}

TEST_F(OverlayCacheTest, AMergeThatFailsLeavesItsHoldersAsTheyWere) {
  hold();
  kernel.set_write_back(makedev(8, 80), true);
  for (int n = 1; n <= 9; ++n) {
    kernel.fail_call(n, EIO);
    error_of([&] { overlay.begin_merge(makedev(8, 80), [] {}); });
    kernel.heal();
    EXPECT_EQ(kernel.suspended_devices(), Log{}) << n;
    EXPECT_TRUE(kernel.inactive_table("on").empty()) << n;
    if (overlay.look().kind == OverlayStack::Kind::kMerging) break;
  }
}

}  // namespace
}  // namespace dmjob::dm
