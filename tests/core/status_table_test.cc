// SPDX-License-Identifier: LGPL-2.1-or-later
// The tables in words, to be compared with the manual: every cell is looked at.
#include <gtest/gtest.h>

#include <map>
#include <set>
#include <sstream>
#include <string>

#include "libjob/core/status.h"

namespace dmjob::core {
namespace {

const std::map<std::string, std::string> kMayBecome = {
    {"undefined", "created"},
    {"created", "running aborting null"},
    {"running", "paused ready waiting aborting"},
    {"paused", "running"},
    {"ready", "standby waiting aborting"},
    {"standby", "ready"},
    {"waiting", "pending aborting"},
    {"pending", "aborting concluded"},
    {"aborting", "aborting concluded"},
    {"concluded", "null"},
    {"null", ""},
};

const std::map<std::string, std::string> kTakenIn = {
    {"cancel", "created running paused ready standby waiting pending"},
    {"pause", "created running paused ready standby"},
    {"resume", "created running paused ready standby"},
    {"set-speed", "created running paused ready standby"},
    {"complete", "ready standby"},
    {"finalize", "pending"},
    {"dismiss", "concluded"},
};

std::set<std::string> words(const std::string& text) {
  std::istringstream stream(text);
  return {std::istream_iterator<std::string>(stream), {}};
}

class EachStatus : public ::testing::TestWithParam<int> {
 protected:
  Status status() const { return static_cast<Status>(GetParam()); }
  std::set<std::string> successors() const {
    std::set<std::string> found;
    for (int to = 0; to < kStatuses; ++to) {
      const auto next = static_cast<Status>(to);
      if (may_move(status(), next)) found.emplace(to_string(next));
    }
    return found;
  }
};

TEST_P(EachStatus, BecomesWhatTheManualSays) {
  EXPECT_EQ(successors(), words(kMayBecome.at(std::string(to_string(status())))));
}

TEST_P(EachStatus, IsReadBackFromItsWord) {
  EXPECT_EQ(parse_status(to_string(status())), status());
}

INSTANTIATE_TEST_SUITE_P(Status, EachStatus, ::testing::Range(0, kStatuses));

class EachVerb : public ::testing::TestWithParam<int> {
 protected:
  Verb verb() const { return static_cast<Verb>(GetParam()); }
  std::set<std::string> taken_in() const {
    std::set<std::string> found;
    for (int i = 0; i < kStatuses; ++i) {
      const auto status = static_cast<Status>(i);
      if (may_apply(verb(), status)) found.emplace(to_string(status));
    }
    return found;
  }
};

TEST_P(EachVerb, IsTakenWhereTheManualSays) {
  EXPECT_EQ(taken_in(), words(kTakenIn.at(std::string(to_string(verb())))));
}

INSTANTIATE_TEST_SUITE_P(Verb, EachVerb, ::testing::Range(0, kVerbs));

TEST(StatusWords, UnknownWordIsNoStatus) { EXPECT_EQ(parse_status("done"), std::nullopt); }

TEST(PausedForms, AreThereAndBack) {
  EXPECT_EQ(paused_form(Status::kRunning), Status::kPaused);
  EXPECT_EQ(paused_form(Status::kReady), Status::kStandby);
  EXPECT_EQ(unpaused_form(Status::kPaused), Status::kRunning);
  EXPECT_EQ(unpaused_form(Status::kStandby), Status::kReady);
  EXPECT_EQ(paused_form(Status::kPending), Status::kPending);
}

TEST(Stages, FollowTheDriversCalls) {
  EXPECT_EQ(stage_of(Status::kStandby), Stage::kWork);
  EXPECT_EQ(stage_of(Status::kWaiting), Stage::kEffect);
  EXPECT_EQ(stage_of(Status::kPending), Stage::kEffect);
  EXPECT_EQ(stage_of(Status::kAborting), Stage::kAbort);
  EXPECT_EQ(stage_of(Status::kConcluded), Stage::kOver);
}

}  // namespace
}  // namespace dmjob::core
