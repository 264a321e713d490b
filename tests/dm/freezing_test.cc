// SPDX-License-Identifier: LGPL-2.1-or-later
// What is frozen with a volume, in which order, and what counts as frozen.
#include "dm/topology/freezing.h"

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <cerrno>

#include "dm/name.h"
#include "dm/targets.h"
#include "tests/dm/error_of.h"
#include "tests/support/fake_ledger.h"

namespace dmjob::dm {
namespace {

using Log = std::vector<std::string>;

class FreezingTest : public testing::Test {
 protected:
  FreezingTest() { vol_ = kernel_.add_device("vol", linear_table(8, makedev(8, 0))); }
  ~FreezingTest() override {
    EXPECT_EQ(kernel_.suspended_devices(), Log{});
    EXPECT_TRUE(ledger_.empty());
  }

  // A device on another one that somebody uses.
  dev_t stack(const std::string& name, dev_t below, const std::string& uuid = "") {
    const dev_t dev = kernel_.add_device(name, linear_table(8, below), uuid);
    kernel_.set_opened(name, 1);
    return dev;
  }
  void freeze(std::vector<std::string> volumes = {"vol"}) {
    std::vector<TableSwitch> switches;
    for (const std::string& volume : volumes)
      switches.push_back({volume, linear_table(8, makedev(8, 16)), SuspendMode::kFreeze});
    switch_tables(kernel_, ledger_, switches, [this] { inside_(); });
  }
  Log suspensions() {
    Log found;
    for (const std::string& line : kernel_.log())
      if (line.starts_with("suspend") || line.starts_with("resume")) found.push_back(line);
    return found;
  }

  FakeControl kernel_;
  FakeLedger ledger_{kernel_};
  dev_t vol_ = 0;
  std::function<void()> inside_ = [] {};
};

TEST_F(FreezingTest, TheTopmostIsFrozenFirstAndThawedLast) {
  stack("top", stack("middle", vol_));
  freeze();
  EXPECT_EQ(suspensions(),
            (Log{"suspend top freeze", "suspend vol freeze", "resume vol", "resume top"}));
}

// A file system that is thawed writes to what is below it.
TEST_F(FreezingTest, TheOrderOfAFailureIsTheSame) {
  stack("top", vol_);
  inside_ = [] { throw std::system_error(EIO, std::generic_category()); };
  EXPECT_EQ(error_of([this] { freeze(); }), EIO);
  EXPECT_EQ(suspensions(),
            (Log{"suspend top freeze", "suspend vol freeze", "resume vol", "resume top"}));
}

TEST_F(FreezingTest, WhatStandsOnSeveralVolumesIsFrozenOnce) {
  const dev_t other = kernel_.add_device("other", linear_table(8, makedev(8, 32)));
  stack("top", stack("a", vol_));
  kernel_.add_holder(other, {"dm-1", kernel_.find("a")->dev});
  freeze({"vol", "other"});
  EXPECT_EQ(suspensions(), (Log{"suspend top freeze", "suspend vol freeze", "suspend other freeze",
                                "resume other", "resume vol", "resume top"}));
}

// Or the freezing would wait for its journal.
TEST_F(FreezingTest, AMountedFileSystemIsFrozenBeforeTheDiskOfItsJournal) {
  const dev_t other = kernel_.add_device("other", linear_table(8, makedev(8, 32)));
  stack("journal", vol_);
  kernel_.set_mounted(stack("data", other));
  freeze({"vol", "other"});
  EXPECT_EQ(suspensions().front(), "suspend data freeze");
  EXPECT_EQ(suspensions().at(1), "suspend journal freeze");
}

TEST_F(FreezingTest, AMountedVolumeIsFrozenBeforeTheDiskOfItsJournal) {
  kernel_.set_mounted(kernel_.add_device("other", linear_table(8, makedev(8, 32))));
  stack("journal", vol_);
  freeze({"vol", "other"});
  EXPECT_EQ(suspensions().front(), "suspend other freeze");
}

TEST_F(FreezingTest, WhatNobodyUsesOrIsOursOrCannotBeIsLeftAlone) {
  kernel_.add_device("idle", linear_table(8, vol_));
  stack("dmjob-k-base", vol_, std::string(kInnerUuidPrefix) + "k-base");
  stack("upper", vol_, volume_uuid("u"));
  kernel_.add_device("raid", Table::parse("0 8 raid raid1 3 0 region_size 1 " + print_dev(vol_)));
  kernel_.set_opened("raid", 1);
  kernel_.add_holder(vol_, {"md0", makedev(9, 0)});
  freeze();
  EXPECT_EQ(suspensions(), (Log{"suspend vol freeze", "resume vol"}));
  std::vector<std::string> names;
  for (const auto& [dev, other] : look_above(kernel_, "vol").others) names.push_back(other.first);
  EXPECT_EQ(names, (Log{"md0", "dmjob-k-base", "upper", "raid"}));
}

TEST_F(FreezingTest, WhatSomebodyElseIsChangingIsNotTouched) {
  stack("top", vol_);
  kernel_.set_inactive_table("top", linear_table(8, vol_));
  EXPECT_EQ(error_of([this] { freeze(); }), EBUSY);
  EXPECT_EQ(suspensions(), Log{});
  EXPECT_TRUE(kernel_.find("top")->inactive_table);
}

TEST_F(FreezingTest, APlainChangeOfTablesFreezesNothing) {
  stack("top", vol_);
  const TableSwitch one{"vol", linear_table(8, makedev(8, 16)), SuspendMode::kFlush};
  switch_tables(kernel_, ledger_, {&one, 1}, [] {});
  EXPECT_EQ(suspensions(), (Log{"suspend vol flush", "resume vol"}));
}

// --- frozen by somebody else ---

TEST_F(FreezingTest, WhatIsRefusedTwiceAndNotWrittenToCountsAsFrozen) {
  kernel_.freeze_elsewhere("vol", 100);
  kernel_.set_writes("vol", {7});
  freeze();
  EXPECT_EQ(suspensions(), (Log{"suspend vol freeze !", "suspend vol freeze !", "suspend vol flush",
                                "resume vol"}));
  EXPECT_EQ(kernel_.table("vol"), linear_table(8, makedev(8, 16)));
}

TEST_F(FreezingTest, WhatIsThawedMeanwhileIsFrozenByUs) {
  kernel_.freeze_elsewhere("vol", 1);
  freeze();
  EXPECT_EQ(suspensions(), (Log{"suspend vol freeze !", "suspend vol freeze", "resume vol"}));
}

TEST_F(FreezingTest, WhatIsStillWrittenToIsNotYetFrozen) {
  kernel_.freeze_elsewhere("vol", 3);
  kernel_.set_writes("vol", {7, 8, 8});
  freeze();
  EXPECT_EQ(suspensions(), (Log{"suspend vol freeze !", "suspend vol freeze !",
                                "suspend vol freeze !", "suspend vol flush", "resume vol"}));
}

TEST_F(FreezingTest, AWriteUpToTheSuspensionIsSeenInIt) {
  kernel_.freeze_elsewhere("vol", 2);
  kernel_.set_writes("vol", {7, 7, 8});
  freeze();
  EXPECT_EQ(suspensions(), (Log{"suspend vol freeze !", "suspend vol freeze !", "suspend vol flush",
                                "resume vol", "suspend vol freeze", "resume vol"}));
}

TEST_F(FreezingTest, WithoutACountNothingIsBelieved) {
  kernel_.freeze_elsewhere("vol", 100);
  kernel_.set_writes("vol", {std::nullopt});
  EXPECT_EQ(error_of([this] { freeze(); }), EBUSY);
  EXPECT_EQ(kernel_.table("vol"), linear_table(8, makedev(8, 0)));
  EXPECT_FALSE(kernel_.find("vol")->inactive_table);
}

}  // namespace
}  // namespace dmjob::dm
