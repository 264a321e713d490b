// SPDX-License-Identifier: LGPL-2.1-or-later
// The file of an error map: where it may be, and how it is written.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "libjob/core/error.h"
#include "libjob/drivers/check/error_map_check.h"
#include "libjob/drivers/transfer/error_map_file.h"
#include "tests/support/temp_folder.h"

namespace dmjob::drivers {
namespace {

constexpr core::Duration kLong = std::chrono::seconds(60);

class ErrorMapTest : public ::testing::Test {
 protected:
  std::string content(const std::string& name) const {
    std::ifstream file(folder_.path(name));
    return {std::istreambuf_iterator<char>(file), {}};
  }
  void put(const std::string& name, const std::string& text) const {
    std::ofstream(folder_.path(name)) << text;
  }
  std::size_t files() const {
    const std::filesystem::directory_iterator all(folder_.path("."));
    return static_cast<std::size_t>(std::distance(begin(all), end(all)));
  }
  void write(const std::string& text) {
    file_.write(text);
    file_.finish(kLong);
  }

  test::TempFolder folder_;
  ErrorMapFile file_{folder_.path("map"), "0123"};
};

// --- writing ---

TEST_F(ErrorMapTest, IsReplacedAsAWholeAndNothingElseIsLeft) {
  write("a long first one\n");
  write("second\n");
  EXPECT_EQ(content("map"), "second\n");
  EXPECT_EQ(file_.fault(), "");
  EXPECT_EQ(files(), 1U);
}

TEST_F(ErrorMapTest, OfManyInARowTheLastOneCounts) {
  for (int i = 0; i < 1000; ++i) file_.write(std::to_string(i));
  file_.finish(kLong);
  EXPECT_EQ(content("map"), "999");
}

TEST_F(ErrorMapTest, WhatADaemonThatWasKilledLeftIsTakenAway) {
  put("map.0123.new", "half a m");
  write("whole\n");
  EXPECT_EQ(content("map"), "whole\n");
  EXPECT_EQ(files(), 1U);
}

TEST_F(ErrorMapTest, WhatCannotBeWrittenIsToldUntilItCan) {
  ErrorMapFile file(folder_.path("away/map"), "0123");
  file.write("text");
  file.finish(kLong);
  EXPECT_EQ(file.fault(), "No such file or directory");
  std::filesystem::create_directory(folder_.path("away"));
  file.write("text");
  file.finish(kLong);
  EXPECT_EQ(file.fault(), "");
  EXPECT_EQ(content("away/map"), "text");
}

TEST_F(ErrorMapTest, TheOldOneStaysIfTheNewOneHasNoPlace) {
  std::filesystem::create_directory(folder_.path("map"));
  put("map/inside", "");
  write("text");
  EXPECT_NE(file_.fault(), "");
  EXPECT_TRUE(std::filesystem::exists(folder_.path("map/inside")));
  EXPECT_EQ(files(), 1U);
}

TEST_F(ErrorMapTest, IsOnlyWantedWithAPath) {
  EXPECT_TRUE(file_.wanted());
  EXPECT_FALSE(ErrorMapFile("", "0123").wanted());
}

// --- where it may be ---

class ErrorMapPlace : public ErrorMapTest {
 protected:
  ErrorMapPlace() {
    request_.source = folder_.path("source");
    request_.target = folder_.path("target");
    put("source", "data");
  }
  std::string refusal(const std::string& path) {
    request_.error_map = path;
    try {
      check_error_map(request_, context_);
    } catch (const core::Error& error) {
      return error.what();
    }
    return "";
  }

  CopyRequest request_;
  CheckContext context_;
};

TEST_F(ErrorMapPlace, IsAnyNewOrEmptyFile) {
  EXPECT_EQ(refusal(folder_.path("map")), "");
  put("map", "");
  EXPECT_EQ(refusal(folder_.path("map")), "");
}

TEST_F(ErrorMapPlace, MustBeAbsoluteAndInAFolderThatIsThere) {
  EXPECT_EQ(refusal("map"), "error map 'map' is not an absolute path");
  EXPECT_EQ(refusal(""), "error map '' is not an absolute path");
  EXPECT_EQ(refusal(folder_.path("no/map")),
            "error map " + folder_.path("no/map") + ": there is no folder " + folder_.path("no"));
}

TEST_F(ErrorMapPlace, AFileThatIsNotEmptyNeedsForce) {
  put("map", "data");
  EXPECT_EQ(refusal(folder_.path("map")), "error map " + folder_.path("map") +
                                              " is a file that is not empty: --force overwrites "
                                              "it");
  request_.force = true;
  EXPECT_EQ(refusal(folder_.path("map")), "");
}

TEST_F(ErrorMapPlace, IsNeverAnythingThatTheJobWorksOn) {
  request_.force = true;
  request_.scratch = folder_.path("scratch");
  std::filesystem::create_symlink(folder_.path("source"), folder_.path("link"));
  EXPECT_EQ(refusal(folder_.path("source")),
            "error map " + folder_.path("source") + " is the source itself");
  EXPECT_EQ(refusal(folder_.path("link")),
            "error map " + folder_.path("link") + " is the source itself");
  EXPECT_EQ(refusal(folder_.path("./target")),
            "error map " + folder_.path("./target") + " is the target itself");
  EXPECT_EQ(refusal(folder_.path("scratch")),
            "error map " + folder_.path("scratch") + " is the scratch itself");
}

TEST_F(ErrorMapPlace, IsNoFolderAndNoDevice) {
  request_.force = true;
  EXPECT_EQ(refusal(folder_.path(".")),
            "error map " + folder_.path(".") + " is not a regular file");
  EXPECT_EQ(refusal("/dev/null"), "error map /dev/null is not a regular file");
}

TEST_F(ErrorMapPlace, IsNotThatOfAnotherJob) {
  context_.taken = {{.owner = "job 'other'",
                     .volume = {},
                     .uses = {{.role = "error map", .path = folder_.path("map")}}}};
  EXPECT_EQ(refusal(folder_.path("./map")),
            "error map " + folder_.path("./map") + " is in use by job 'other'");
}

}  // namespace
}  // namespace dmjob::drivers
