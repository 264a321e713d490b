// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/revoked_pivots.h"

#include <gmock/gmock.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <exception>
#include <fstream>
#include <optional>

#include "libjob/store/state_file.h"
#include "tests/support/reactor.h"
#include "tests/support/temp_folder.h"

namespace dmjob::daemon {
namespace {

using testing::HasSubstr;
using Names = std::vector<std::string>;

class RevokedPivotsTest : public testing::Test {
 protected:
  RevokedPivotsTest() {
    volumes::ManagedVolume volume;
    volume.name = "vol";
    volume.device = "/dev/old";
    volumes.add(volume);
  }

  // Why it failed, or "".
  std::string outcome(boost::asio::awaitable<void> call) {
    std::optional<std::string> result;
    boost::asio::co_spawn(reactor.executor(), std::move(call), [&](std::exception_ptr error) {
      result = "";
      try {
        if (error) std::rethrow_exception(error);
      } catch (const std::exception& why) {
        result = why.what();
      }
    });
    reactor.run_until([&] { return result.has_value(); });
    return *result;
  }
  // Of a daemon that starts now, with the state file as it is.
  Names applied() {
    volumes::ManagedVolumes next;
    next.restore(volumes.record());
    return RevokedPivots(folder.path("")).apply(next);
  }

  test::TempFolder folder;
  test::Reactor reactor;
  volumes::ManagedVolumes volumes;
  RevokedPivots pivots{folder.path("")};
};

TEST_F(RevokedPivotsTest, ADecisionThatWasRevokedDoesNotStandAtTheNextStart) {
  EXPECT_EQ(outcome(pivots.reserve(1)), "");
  volumes.set_pivot("vol", "/dev/new", {});
  EXPECT_EQ(applied(), Names{});
  EXPECT_EQ(outcome(pivots.revoke({volumes.find("vol")->decision})), "");
  EXPECT_EQ(applied(), Names{"vol"});
}

TEST_F(RevokedPivotsTest, TheNextDecisionIsNotRevokedWithTheOneBefore) {
  outcome(pivots.reserve(1));
  volumes.set_pivot("vol", "/dev/new", {});
  outcome(pivots.revoke({volumes.find("vol")->decision}));
  outcome(pivots.reserve(1));
  volumes.set_pivot("vol", "/dev/new", {});
  EXPECT_EQ(applied(), Names{});
}

TEST_F(RevokedPivotsTest, ADamagedRecordMattersOnlyWhereADecisionStands) {
  std::ofstream(folder.path("revoked")) << "damaged";
  EXPECT_EQ(applied(), Names{});
  volumes.set_pivot("vol", "/dev/new", {});
  try {
    applied();
    ADD_FAILURE();
  } catch (const store::StateDamaged& error) {
    EXPECT_THAT(error.what(), HasSubstr("whether volume 'vol' lives on /dev/old or on /dev/new"));
  }
}

TEST_F(RevokedPivotsTest, MoreVolumesThanTheRecordHoldsAreNotPivotedAtOnce) {
  EXPECT_EQ(outcome(pivots.reserve(201)), "201 volumes cannot be pivoted at once, 200 can");
}

TEST_F(RevokedPivotsTest, WhatCannotBeWrittenIsSaid) {
  EXPECT_THAT(outcome(pivots.revoke({"a"})), HasSubstr("the record of revoked pivots in"));
}

}  // namespace
}  // namespace dmjob::daemon
