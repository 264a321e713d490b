// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gmock/gmock.h>

#include <vector>

#include "tool/dmjob/job_state.h"

namespace dmjob::cli {
namespace {

using nlohmann::json;
using testing::Optional;

class JobStateTest : public testing::Test {
 protected:
  static json job(const char* status, json more = json::object()) {
    json made{
        {"id", "j"}, {"device", "j"}, {"status", status}, {"target", "/dev/sdb"}, {"volume", "v"}};
    made.update(more);
    return made;
  }
  void see(std::vector<json> jobs, std::vector<json> history = {}) {
    state_.see(jobs, [&history] { return json(history); });
  }
  void hear(const char* name, json data) {
    state_.hear({{"event", name}, {"data", std::move(data)}});
  }
  Ending end() const { return state_.reached(Goal::kEnd).value().ending; }

  JobState state_{"j"};
};

TEST_F(JobStateTest, ARunningJobHasReachedNothing) {
  see({job("running")});
  EXPECT_FALSE(state_.reached(Goal::kReady));
  EXPECT_FALSE(state_.reached(Goal::kEnd));
}

TEST_F(JobStateTest, AReadyJobHasNotEnded) {
  see({job("ready")});
  EXPECT_EQ(state_.reached(Goal::kReady).value().ending, Ending::kReady);
  EXPECT_FALSE(state_.reached(Goal::kEnd));
}

TEST_F(JobStateTest, AStandbyJobIsNotReadyButWas) {
  see({job("ready")});
  see({job("standby")});
  EXPECT_FALSE(state_.reached(Goal::kReady));
  EXPECT_TRUE(state_.was_ready());
}

TEST_F(JobStateTest, AnEndCountsForTheGoalReadyToo) {
  see({}, {job("null")});
  EXPECT_EQ(state_.reached(Goal::kReady).value().ending, Ending::kDone);
}

TEST_F(JobStateTest, TheHistoryTellsHowItEnded) {
  see({}, {job("null", {{"error", "Input/output error"}}), job("null")});
  EXPECT_EQ(end(), Ending::kFailed);
  EXPECT_EQ(state_.reached(Goal::kEnd).value().error, "Input/output error");
}

TEST_F(JobStateTest, TheListGoesBeforeTheHistoryOfAnOlderJob) {
  see({job("running")}, {job("null")});
  EXPECT_FALSE(state_.reached(Goal::kEnd));
}

TEST_F(JobStateTest, ACancelledJobIsNoFailedOne) {
  see({job("concluded", {{"error", "Operation canceled"}})});
  EXPECT_EQ(end(), Ending::kCancelled);
}

TEST_F(JobStateTest, WithoutAHistoryTheEventTells) {
  see({job("running")});
  hear("BLOCK_JOB_COMPLETED", {{"device", "j"}, {"error", "No space left on device"}});
  see({});
  EXPECT_EQ(end(), Ending::kFailed);
}

TEST_F(JobStateTest, AnEventAloneEndsNothingThatIsListed) {
  hear("BLOCK_JOB_COMPLETED", {{"device", "j"}, {"error", "of an older one"}});
  hear("JOB_STATUS_CHANGE", {{"id", "j"}, {"status", "null"}});
  hear("JOB_STATUS_CHANGE", {{"id", "j"}, {"status", "created"}});
  see({job("running")});
  see({}, {job("null")});
  EXPECT_EQ(end(), Ending::kDone);
}

TEST_F(JobStateTest, OfAJobThatIsForgottenNobodyCanSayThatItWasDone) {
  see({job("running")});
  see({});
  EXPECT_EQ(end(), Ending::kFailed);
}

TEST_F(JobStateTest, AJobThatWasNeverSeenIsUnknown) {
  see({job("running")});
  EXPECT_FALSE(state_.unknown());
  JobState other("other");
  other.see(json::array({job("running")}), [] { return json::array(); });
  EXPECT_TRUE(other.unknown());
}

TEST_F(JobStateTest, OnlyEventsOfTheJobCount) {
  EXPECT_TRUE(state_.hear({{"event", "BLOCK_JOB_READY"}, {"data", {{"device", "j"}}}}));
  EXPECT_FALSE(state_.hear({{"event", "BLOCK_JOB_READY"}, {"data", {{"device", "jj"}}}}));
  EXPECT_FALSE(state_.hear({{"event", "SHUTDOWN"}}));
}

TEST_F(JobStateTest, AnErrorStopIsToldOnceAPause) {
  hear("BLOCK_JOB_ERROR", {{"device", "j"}, {"operation", "read"}, {"action", "stop"}});
  see({job("paused", {{"io-status", "failed"}})});
  EXPECT_THAT(state_.news(),
              Optional(std::string("job 'j' is paused: a read of v failed; mend that, then "
                                   "`dmjob resume j`")));
  see({job("paused", {{"io-status", "failed"}})});
  EXPECT_FALSE(state_.news());
  see({job("running")});
  EXPECT_FALSE(state_.news());
  see({job("paused", {{"io-status", "nospace"}})});
  EXPECT_THAT(state_.news(),
              Optional(std::string("job 'j' is paused: /dev/sdb has no space left; mend that, "
                                   "then `dmjob resume j`")));
}

TEST_F(JobStateTest, MembersOfAnotherTypeDoNoHarm) {
  see({json{{"id", 7}}, json("x"), json{{"id", "j"}, {"status", 5}}});
  EXPECT_EQ(state_.status(), "");
  EXPECT_EQ(number_of({{"len", "many"}}, "len"), 0U);
  EXPECT_EQ(number_of({{"len", -5}}, "len"), 0U);
  EXPECT_FALSE(flag_of({{"ready", 1}}, "ready"));
}

}  // namespace
}  // namespace dmjob::cli
