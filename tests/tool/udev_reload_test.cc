// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/udev_reload.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "tests/support/temp_folder.h"

namespace dmjob::daemon {
namespace {

namespace fs = std::filesystem;

// A script takes the place of udevadm.
class UdevReloadTest : public testing::Test {
 protected:
  void SetUp() override {
    fs::create_directory(rules);
    const char* const path = std::getenv("PATH");
    old_path = path ? path : "";
    setenv("PATH", (folder.path("") + ":" + old_path).c_str(), 1);
  }
  void TearDown() override { setenv("PATH", old_path.c_str(), 1); }

  // $N: how often it has been called.
  void udevadm(const std::string& text) {
    const std::string script = folder.path("udevadm");
    std::ofstream(script) << "#!/bin/sh\necho \"$*\" >>" << folder.path("calls") << "\nN=$(wc -l <"
                          << folder.path("calls") << ")\n"
                          << text << "\n";
    fs::permissions(script, fs::perms::owner_all);
  }
  int calls() const {
    std::ifstream file(folder.path("calls"));
    int count = 0;
    for (std::string line; std::getline(file, line);) {
      EXPECT_EQ(line, "control --reload --timeout=10");
      ++count;
    }
    return count;
  }
  std::string read() const { return "ls " + rules + " >" + folder.path("seen"); }

  test::TempFolder folder;
  const std::string rules = folder.path("rules.d");
  std::string old_path;
};

TEST_F(UdevReloadTest, OneThatIsSeenToReadIsAskedOnce) {
  udevadm(read());
  reload_rules(rules);
  EXPECT_EQ(calls(), 1);
}

TEST_F(UdevReloadTest, OneThatDropsRequestsIsAskedUntilItReads) {
  udevadm("[ $N -lt 3 ] || " + read());
  reload_rules(rules);
  EXPECT_EQ(calls(), 3);
}

TEST_F(UdevReloadTest, OneThatGoesByTheTimeOfTheFolderReads) {
  udevadm("[ " + rules + " -nt " + folder.path("read") + " ] || exit 0\n" + read());
  std::ofstream(folder.path("read")) << "";
  fs::last_write_time(rules, fs::last_write_time(folder.path("read")));
  reload_rules(rules);
  EXPECT_EQ(calls(), 2);
}

TEST_F(UdevReloadTest, OneThatReadsSomethingElseIsAskedAFewTimes) {
  std::ofstream(rules + "/one.rules") << "";
  udevadm("cat " + rules + "/one.rules");
  reload_rules(rules);
  EXPECT_EQ(calls(), 5);
}

TEST_F(UdevReloadTest, OneThatDoesNotAnswerIsAnError) {
  udevadm("exit 1");
  EXPECT_THROW(reload_rules(rules), std::system_error);
  EXPECT_EQ(calls(), 1);
}

}  // namespace
}  // namespace dmjob::daemon
