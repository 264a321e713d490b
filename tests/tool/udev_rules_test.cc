// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/udev_rules.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_folder.h"

namespace dmjob::daemon {
namespace {

volumes::HiddenDisk disk(const std::string& serial, const std::string& role) {
  return {.path = "/dev/" + serial + "-" + role,
          .disk = {.instance = "another-boot 8:0 1", .lasting = "serial=" + serial},
          .volume = "data",
          .role = role};
}

class UdevRulesTest : public testing::Test {
 protected:
  bool write(const std::vector<volumes::HiddenDisk>& disks) {
    return rules.write(volumes::hiding_rules(disks, {}));
  }
  bool is_there() const { return std::filesystem::exists(folder.path("11-dmjob-disks.rules")); }

  test::TempFolder folder;
  UdevRules rules{folder.path("")};
};

TEST_F(UdevRulesTest, WhatIsNewIsWrittenOnce) {
  EXPECT_TRUE(write({disk("a", "disk")}));
  EXPECT_TRUE(is_there());
  EXPECT_FALSE(write({disk("a", "disk")}));
  EXPECT_TRUE(write({disk("a", "disk"), disk("b", "target")}));
}

TEST_F(UdevRulesTest, APivotAndWhatADiskIsCalledChangeNoRule) {
  write({disk("a", "disk"), disk("b", "target")});
  EXPECT_FALSE(write({disk("b", "disk"), disk("a", "old disk")}));
}

TEST_F(UdevRulesTest, NothingToSayIsNoFile) {
  EXPECT_FALSE(write({}));
  write({disk("a", "disk")});
  EXPECT_TRUE(write({}));
  EXPECT_FALSE(is_there());
}

}  // namespace
}  // namespace dmjob::daemon
