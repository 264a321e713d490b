// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/commands.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <set>
#include <string>
#include <utility>

#include "tests/tool/commands_fixture.h"

namespace dmjob::daemon {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::StartsWith;

// --- who and what ---

TEST_F(CommandsTest, AnUnknownCommandIsNotFound) {
  EXPECT_THAT(run("nope").dump(), HasSubstr("CommandNotFound: The command 'nope'"));
}

TEST_F(CommandsTest, ACallerWhoMayOnlyQueryIsKeptFromTheRest) {
  daemon_.start_job("j");
  EXPECT_EQ(run("query-jobs", "{}", Access::kQuery).size(), 1U);
  EXPECT_THAT(run("job-cancel", R"({"id":"j"})", Access::kQuery).dump(), HasSubstr("is for root"));
  EXPECT_EQ(daemon_.registry().find("j")->status(), core::Status::kRunning);
}

TEST_F(CommandsTest, OnlyQueriesMayBeSentOutOfBand) {
  EXPECT_EQ(run("query-jobs", "{}", Access::kAll, true), json::array());
  EXPECT_THAT(run("volume-detach", R"({"name":"v"})", Access::kAll, true).dump(),
              HasSubstr("GenericError: Command 'volume-detach' does not support OOB"));
}

TEST_F(CommandsTest, QueryCommandsListsEachRowOnce) {
  std::set<std::string> names;
  for (const json& command : run("query-commands")) names.insert(command.at("name"));
  EXPECT_EQ(names.size(), commands().size());
  EXPECT_TRUE(names.contains("qmp_capabilities"));
}

TEST_F(CommandsTest, WhatIsNotFrozenWithADeviceAnybodyMayAsk) {
  EXPECT_EQ(run("query-not-frozen", R"({"device":"/dev/x"})", Access::kQuery),
            json::array({"/dev/x is not frozen"}));
  EXPECT_EQ(run("query-not-frozen"), "GenericError: Parameter 'device' is missing");
}

TEST_F(CommandsTest, ASecondNegotiationIsNotFound) {
  EXPECT_THAT(run("qmp_capabilities").dump(), HasSubstr("CommandNotFound"));
}

// --- arguments ---

TEST_F(CommandsTest, ArgumentsAreCheckedBeforeAnythingIsDone) {
  EXPECT_EQ(run("job-pause"), "GenericError: Parameter 'id' is missing");
  EXPECT_EQ(run("job-pause", R"({"id":"j","x":1})"), "GenericError: Parameter 'x' is unexpected");
  EXPECT_EQ(run("job-pause", R"({"id":5})"),
            "GenericError: Invalid parameter type for 'id', expected: string");
  EXPECT_EQ(run("query-version", R"({"id":"j"})"), "GenericError: Parameter 'id' is unexpected");
}

TEST_F(CommandsTest, ANulInAStringIsRefused) {
  EXPECT_THAT(run("volume-attach", R"({"name":"v","device":"/dev/x\u0000y"})").dump(),
              HasSubstr("Invalid parameter type for 'device'"));
  EXPECT_THAT(daemon_.changes, IsEmpty());
}

TEST_F(CommandsTest, NumbersAreWholeAndInRange) {
  const std::string integer = "GenericError: Invalid parameter type for 'speed', expected: integer";
  EXPECT_EQ(run("block-job-set-speed", R"({"device":"j","speed":1.5})"), integer);
  EXPECT_EQ(run("block-job-set-speed", R"({"device":"j","speed":1.0})"), integer);
  EXPECT_EQ(run("block-job-set-speed", R"({"device":"j","speed":true})"), integer);
  EXPECT_EQ(run("block-job-set-speed", R"({"device":"j","speed":null})"), integer);
  EXPECT_EQ(run("block-job-set-speed", R"({"device":"j","speed":9223372036854775808})"), integer);
  EXPECT_THAT(run("query-events", R"({"since":-1})").dump(), HasSubstr("integer from 0"));
}

// --- jobs ---

TEST_F(CommandsTest, TheFamiliesDifferInTheClassForAnUnknownJob) {
  EXPECT_THAT(run("job-pause", R"({"id":"j"})"), "GenericError: Job not found");
  EXPECT_THAT(run("job-cancel", R"({"id":"j"})"), "GenericError: Job not found");
  EXPECT_THAT(run("job-dismiss", R"({"id":"j"})"), "GenericError: Job not found");
  EXPECT_THAT(run("block-job-pause", R"({"device":"j"})").dump(), HasSubstr("DeviceNotActive: "));
  EXPECT_THAT(run("block-job-cancel", R"({"device":"j"})").dump(), HasSubstr("DeviceNotActive: "));
  EXPECT_THAT(run("block-job-dismiss", R"({"id":"j"})").dump(), HasSubstr("DeviceNotActive: "));
  EXPECT_THAT(run("block-job-finalize", R"({"id":"j"})").dump(), HasSubstr("DeviceNotActive: "));
}

TEST_F(CommandsTest, AnUnknownJobIsFoundBeforeANegativeSpeed) {
  EXPECT_THAT(run("block-job-set-speed", R"({"device":"j","speed":-1})").dump(),
              HasSubstr("DeviceNotActive: "));
  daemon_.start_job("j");
  EXPECT_THAT(run("block-job-set-speed", R"({"device":"j","speed":-1})").dump(),
              HasSubstr("GenericError: "));
}

TEST_F(CommandsTest, BothFamiliesShareThePause) {
  const auto job = daemon_.start_job("j");
  EXPECT_EQ(run("job-pause", R"({"id":"j"})"), json::object());
  EXPECT_THAT(run("block-job-pause", R"({"device":"j"})").dump(), HasSubstr("GenericError: "));
  EXPECT_EQ(run("block-job-resume", R"({"device":"j"})"), json::object());
  EXPECT_FALSE(job->user_paused());
}

TEST_F(CommandsTest, JobCancelIsHardAndBlockJobCancelIsSoftUnlessForced) {
  const auto job = daemon_.start_job("j");
  run("job-pause", R"({"id":"j"})");
  EXPECT_THAT(run("block-job-cancel", R"({"device":"j"})").dump(), HasSubstr("GenericError: "));
  EXPECT_THAT(run("block-job-cancel", R"({"device":"j","force":false})").dump(),
              HasSubstr("Generic"));
  EXPECT_EQ(run("block-job-cancel", R"({"device":"j","force":true})"), json::object());
  EXPECT_TRUE(job->cancelled());
}

TEST_F(CommandsTest, JobCancelCancelsAPausedJob) {
  const auto job = daemon_.start_job("j");
  run("job-pause", R"({"id":"j"})");
  EXPECT_EQ(run("job-cancel", R"({"id":"j"})"), json::object());
  EXPECT_TRUE(job->cancelled());
}

TEST_F(CommandsTest, InReadyJobCancelIsHardToo) {
  const auto job = start_ready("j");
  EXPECT_EQ(run("job-cancel", R"({"id":"j"})"), json::object());
  EXPECT_TRUE(job->cancelled());
}

TEST_F(CommandsTest, InReadyBlockJobCancelIsSoft) {
  const auto job = start_ready("j");
  EXPECT_EQ(run("block-job-cancel", R"({"device":"j"})"), json::object());
  EXPECT_TRUE(job->soft_cancel_requested());
  EXPECT_FALSE(job->cancelled());
}

TEST_F(CommandsTest, SetSpeedReachesTheDriver) {
  daemon_.start_job("j");
  EXPECT_EQ(run("block-job-set-speed", R"({"device":"j","speed":1000})"), json::object());
  EXPECT_EQ(daemon_.toy().speed, 1000U);
}

TEST_F(CommandsTest, WhatIsChangedIsRememberedBeforeTheAnswer) {
  daemon_.start_job("j");
  run("query-jobs");
  EXPECT_EQ(daemon_.remembered, 0);
  EXPECT_EQ(run("job-pause", R"({"id":"j"})"), json::object());
  EXPECT_EQ(daemon_.remembered, 1);
  run_mirror(R"("job-id":"k")");
  EXPECT_EQ(daemon_.remembered, 2);
}

TEST_F(CommandsTest, AnAnswerSaysThatItIsNotRemembered) {
  daemon_.start_job("j");
  daemon_.forgets = "no room";
  const json answer = run("job-pause", R"({"id":"j"})");
  EXPECT_THAT(answer.at("warning").dump(), HasSubstr("not written down: no room"));
  EXPECT_EQ(run("volume-detach", R"({"name":"v","force":true})").size(), 2U);
}

TEST_F(CommandsTest, VerbsThatTheStatusRefusesAreErrors) {
  daemon_.start_job("j");
  EXPECT_THAT(run("job-complete", R"({"id":"j"})").dump(), HasSubstr("'running' cannot accept"));
  EXPECT_THAT(run("job-finalize", R"({"id":"j"})").dump(), HasSubstr("'finalize'"));
  EXPECT_THAT(run("block-job-dismiss", R"({"id":"j"})").dump(), HasSubstr("GenericError: "));
}

// --- queries ---

TEST_F(CommandsTest, QueriesListTheNewestJobFirst) {
  daemon_.start_job("old");
  daemon_.start_job("new");
  EXPECT_EQ(run("query-jobs")[0]["id"], "new");
  EXPECT_EQ(run("query-block-jobs")[0]["device"], "new");
  EXPECT_EQ(run("query-jobs").size(), 2U);
}

TEST_F(CommandsTest, OneJobCanBeAskedFor) {
  daemon_.start_job("one");
  daemon_.start_job("other");
  EXPECT_EQ(run("query-jobs", R"({"id":"one"})")[0]["id"], "one");
  EXPECT_EQ(run("query-block-jobs", R"({"device":"one"})")[0]["device"], "one");
  EXPECT_EQ(run("query-jobs", R"({"id":"one"})").size(), 1U);
  EXPECT_EQ(run("query-block-jobs", R"({"device":"none"})"), json::array());
}

TEST_F(CommandsTest, JobsThatAreGoneAreInTheHistory) {
  daemon_.start_job("j");
  run("job-cancel", R"({"id":"j"})");
  reactor_.settle();
  EXPECT_EQ(run("query-jobs"), json::array());
  EXPECT_EQ(run("query-job-history")[0]["device"], "j");
}

TEST_F(CommandsTest, EventsCanBeAskedForFromANumberOn) {
  daemon_.events().publish("A", json::object());
  daemon_.events().publish("B", {{"x", 1}});
  const json events = run("query-events", R"({"since":1})");
  ASSERT_EQ(events.size(), 1U);
  EXPECT_EQ(events[0]["event"], "B");
  EXPECT_EQ(events[0]["number"], 2);
}

TEST_F(CommandsTest, VolumesAreAttachedListedAndDetached) {
  daemon_.volumes = json::array({{{"name", "v"}}});
  EXPECT_EQ(run("volume-attach", R"({"name":"v","device":"/dev/x"})"), json::object());
  EXPECT_EQ(run("volume-detach", R"({"name":"v"})"), json::object());
  EXPECT_EQ(run("volume-detach", R"({"name":"v","force":true})"), json({{"lost", "all of it"}}));
  EXPECT_EQ(run("query-volumes"), daemon_.volumes);
  EXPECT_EQ(run("volume-untrack", R"({"name":"v"})"), json::object());
  EXPECT_EQ(run("disk-release", R"({"device":"/dev/y"})"), json({{"volume", "v"}}));
  EXPECT_THAT(daemon_.changes, ElementsAre("attach v /dev/x", "detach v", "detach v", "untrack v",
                                           "release /dev/y"));
}

// --- blockdev-mirror ---

TEST_F(CommandsTest, MirrorTakesItsDefaults) {
  EXPECT_EQ(run("blockdev-mirror", R"({"device":"data","target":"/dev/x","sync":"full"})"),
            json::object());
  const auto& copy = daemon_.copies.at(0);
  EXPECT_EQ(copy.source, "data");
  EXPECT_EQ(copy.target, "/dev/x");
  EXPECT_FALSE(copy.id || copy.scratch || copy.granularity || copy.force || copy.will_pivot ||
               copy.error_map);
  EXPECT_TRUE(copy.auto_finalize && copy.auto_dismiss);
  EXPECT_EQ(copy.on_source_error, core::OnError::kReport);
}

TEST_F(CommandsTest, MirrorPassesOnWhatIsAsked) {
  EXPECT_EQ(run_mirror(R"("job-id":"j","speed":7,"granularity":65536,"scratch":"/s","force":true,
                          "pivot":true,"on-source-error":"ignore","on-target-error":"stop",
                          "error-map":"/m",
                          "auto-finalize":false,"auto-dismiss":false,"copy-mode":"background")"),
            "{}");
  const auto& copy = daemon_.copies.at(0);
  EXPECT_EQ(copy.id, "j");
  EXPECT_EQ(copy.speed, 7);
  EXPECT_EQ(copy.granularity, 65536U);
  EXPECT_EQ(copy.scratch, "/s");
  EXPECT_EQ(copy.error_map, "/m");
  EXPECT_EQ(copy.on_source_error, core::OnError::kIgnore);
  EXPECT_EQ(copy.on_target_error, core::OnError::kStop);
  EXPECT_FALSE(copy.auto_finalize || copy.auto_dismiss);
  EXPECT_TRUE(copy.force && copy.will_pivot);
}

TEST_F(CommandsTest, MirrorFindsANegativeSpeedOnlyInTheDaemon) {
  EXPECT_EQ(run_mirror(R"("speed":-1)"), "{}");
  EXPECT_EQ(daemon_.copies.at(0).speed, -1);
}

TEST_F(CommandsTest, MirrorTellsTheDaemonsError) {
  daemon_.copy_error = "no such volume";
  EXPECT_EQ(run_mirror(R"("speed":0)"), "\"GenericError: no such volume\"");
}

class RefusedByMirror : public CommandsTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(RefusedByMirror, BeforeTheDaemonIsAsked) {
  EXPECT_THAT(run_mirror(GetParam()), StartsWith("\"GenericError: "));
  EXPECT_THAT(daemon_.copies, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Arguments, RefusedByMirror,
    ::testing::Values(R"("replaces":"x")", R"("filter-node-name":"x")", R"("node-name":"x")",
                      R"("buf-size":1)", R"("unmap":true)", R"("target-is-zero":true)",
                      R"("copy-mode":"write-blocking")", R"("on-source-error":"maybe")",
                      R"("on-target-error":"")", R"("on-target-error":"report ignore")",
                      R"("granularity":-1)", R"("granularity":"64k")", R"("speed":"1")",
                      R"("force":1)", R"("auto-dismiss":"no")", R"("job-id":null)",
                      R"("mode":"existing")"));

TEST_F(CommandsTest, MirrorCopiesAllOrNothing) {
  EXPECT_THAT(run("blockdev-mirror", R"({"device":"d","target":"/t","sync":"top"})").dump(),
              HasSubstr("Parameter 'sync' does not accept value 'top'"));
  EXPECT_THAT(run("blockdev-mirror", R"({"device":"d","target":"/t"})").dump(),
              HasSubstr("Parameter 'sync' is missing"));
}

TEST_F(CommandsTest, DriveMirrorTakesWhatExistsIfItIsToldSo) {
  const std::string arguments = R"({"device":"d","target":"/t","sync":"full","format":"raw")";
  EXPECT_EQ(run("drive-mirror", (arguments + "}").c_str()), json::object());
  EXPECT_FALSE(daemon_.copies.at(0).must_exist);
  EXPECT_EQ(run("drive-mirror", (arguments + R"(,"mode":"existing"})").c_str()), json::object());
  EXPECT_TRUE(daemon_.copies.at(1).must_exist);
  EXPECT_THAT(
      run("drive-mirror", R"({"device":"d","target":"/t","sync":"full","format":"qcow2"})").dump(),
      HasSubstr("'format' does not accept value 'qcow2', only: raw"));
}

// --- transaction ---

constexpr auto kTwoActions = R"({"actions":[
    {"type":"blockdev-mirror","data":{"device":"a","target":"/s","sync":"full"}},
    {"type":"blockdev-mirror","data":{"device":"b","target":"/t","sync":"full"}}]%})";

std::string two_actions(const std::string& more) {
  std::string text = kTwoActions;
  return text.replace(text.find('%'), 1, more);
}

TEST_F(CommandsTest, TransactionsAreIndividualIfNothingElseIsSaid) {
  EXPECT_EQ(run("transaction", two_actions("").c_str()), json::object());
  ASSERT_EQ(daemon_.copies.size(), 2U);
  EXPECT_EQ(daemon_.copies.at(1).source, "b");
  EXPECT_FALSE(daemon_.last_is_grouped);
}

TEST_F(CommandsTest, TransactionsAreGroupedOnDemand) {
  const auto grouped = two_actions(R"(,"properties":{"completion-mode":"grouped"})");
  EXPECT_EQ(run("transaction", grouped.c_str()), json::object());
  EXPECT_TRUE(daemon_.last_is_grouped);
}

TEST_F(CommandsTest, ATransactionOfNothingIsDoneAtOnce) {
  EXPECT_EQ(run("transaction", R"({"actions":[]})"), json::object());
  EXPECT_THAT(daemon_.copies, IsEmpty());
}

class RefusedTransaction : public CommandsTest,
                           public ::testing::WithParamInterface<const char*> {};

TEST_P(RefusedTransaction, BeforeTheDaemonIsAsked) {
  EXPECT_THAT(run("transaction", GetParam()).dump(), StartsWith("\"GenericError: "));
  EXPECT_THAT(daemon_.copies, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(
    Arguments, RefusedTransaction,
    ::testing::Values(
        R"({})", R"({"actions":{}})", R"({"actions":[1]})", R"({"actions":[{}]})",
        R"({"actions":[{"type":"blockdev-mirror"}]})",
        R"({"actions":[{"type":"eject","data":{}}]})",
        R"({"actions":[{"type":"blockdev-mirror","data":{}}]})",
        R"({"actions":[],"properties":{"completion-mode":"both"}})",
        R"({"actions":[],"properties":{"mode":"grouped"}})", R"({"actions":[],"properties":null})",
        R"({"actions":[{"type":"blockdev-mirror","data":{"device":"a","target":"/s","sync":"full"}},
                       {"type":"blockdev-mirror","data":{"device":"b","target":"/t"}}]})"));

// --- overlays ---

TEST_F(CommandsTest, AnOverlayHasABackingDiskAndASnapshotHasNone) {
  EXPECT_EQ(run("volume-overlay", R"({"name":"v","backing":"/b","target":"/t","scratch":"/s"})"),
            json::object());
  EXPECT_EQ(run("volume-snapshot", R"({"name":"v","force":true})"), json::object());
  ASSERT_EQ(daemon_.overlays.size(), 2U);
  EXPECT_EQ(daemon_.overlays[0].backing, "/b");
  EXPECT_EQ(daemon_.overlays[0].target, "/t");
  EXPECT_EQ(daemon_.overlays[0].scratch, "/s");
  EXPECT_EQ(daemon_.overlays[1].backing, "");
  EXPECT_TRUE(daemon_.overlays[1].force);
}

TEST_F(CommandsTest, ARollbackNamesItsVolume) {
  EXPECT_EQ(run("volume-rollback", R"({"name":"v"})"), json::object());
  EXPECT_THAT(daemon_.changes, testing::ElementsAre("rollback v"));
}

TEST_F(CommandsTest, OnErrorOfAStreamIsForBothSidesUnlessOneIsNamed) {
  run("block-stream", R"({"device":"v","on-error":"stop","on-source-error":"ignore"})");
  const auto& request = std::get<drivers::StreamRequest>(daemon_.all.front());
  EXPECT_EQ(request.volume, "v");
  EXPECT_EQ(request.target, std::nullopt);
  EXPECT_EQ(request.on_source_error, core::OnError::kIgnore);
  EXPECT_EQ(request.on_target_error, core::OnError::kStop);
}

TEST_F(CommandsTest, ATransactionMayMixJobs) {
  run("transaction", R"({"actions":[
      {"type":"block-commit","data":{"device":"v","job-id":"c","on-error":"stop"}},
      {"type":"block-stream","data":{"device":"w","target":"/t"}}]})");
  ASSERT_EQ(daemon_.all.size(), 2U);
  EXPECT_EQ(std::get<drivers::CommitRequest>(daemon_.all[0]).on_error, core::OnError::kStop);
  EXPECT_EQ(std::get<drivers::StreamRequest>(daemon_.all[1]).target, "/t");
}

}  // namespace
}  // namespace dmjob::daemon
