// SPDX-License-Identifier: LGPL-2.1-or-later
// Grouped transactions: two jobs that take effect together or not at all.
#include <array>

#include "tests/core/daemon_fixture.h"

namespace dmjob::test {
namespace {

using core::Error;
using core::Job;
using core::JobOptions;
using core::Status;
using core::Transaction;
using nlohmann::json;

class GroupTest : public DaemonTest {
 protected:
  GroupTest() { listen(); }

  struct Member {
    std::shared_ptr<Toy> toy = std::make_shared<Toy>();
    std::shared_ptr<Job> job;
    std::string story;
  };

  void listen() {
    daemon->events.subscribe([this](const core::Event& event) {
      const bool change = event.name == "JOB_STATUS_CHANGE";
      const std::string id = event.data.value("id", event.data.value("device", ""));
      const std::string word = change ? event.data["status"].get<std::string>() : event.name;
      Member& member = id == "a" ? a : b;
      member.story += (member.story.empty() ? "" : " ") + word +
                      (event.data.contains("error") ? "(error)" : "");
      order += id + ":" + word + " ";
    });
  }

  void make(Member& member, JobOptions options, const Job::Group& group) {
    member.toy->has_ready_phase = false;
    member.job = Job::create(daemon->host, std::move(options),
                             std::make_unique<ToyDriver>(member.toy), group);
    daemon->registry.add(member.job);
  }

  void make_both(bool a_finalizes = true, bool b_finalizes = true) {
    const auto group = std::make_shared<Transaction>("t");
    make(a, {.id = "a", .auto_finalize = a_finalizes}, group);
    make(b, {.id = "b", .auto_finalize = b_finalizes}, group);
  }

  void start_both(bool a_finalizes = true, bool b_finalizes = true) {
    make_both(a_finalizes, b_finalizes);
    a.job->start();
    b.job->start();
    settle();
    forget_stories();
  }

  void forget_stories() {
    for (Member* member : {&a, &b}) member->story.clear();
    order.clear();
  }

  void finish(Member& member) {
    member.toy->work_done = true;
    member.job->kick();
    settle();
  }

  // The daemon is killed, and a next one finds what the state file says.
  void restart_both() {
    for (Member* member : {&a, &b}) member->job.reset();
    kill_daemon();
    const json records = state_file;
    state_file = json::array();
    restart_daemon();
    listen();
    forget_stories();
    const auto group = std::make_shared<Transaction>("t");
    for (auto record = records.rbegin(); record != records.rend(); ++record) {
      Member& member = record->at("id") == "a" ? a : b;
      member.toy->calls.clear();
      member.job = Job::restore(daemon->host, *record, std::make_unique<ToyDriver>(member.toy),
                                record->at("transaction") == "t" ? group : nullptr);
      daemon->registry.add(member.job);
    }
    for (Member* member : {&a, &b})
      if (member->job) member->job->start();
    settle();
  }

  void be_ready() {
    make_both();
    for (Member* member : {&a, &b}) {
      member->toy->has_ready_phase = member->toy->work_done = true;
      member->job->start();
    }
    settle();
    forget_stories();
  }

  void complete_both() {
    a.job->complete();
    b.job->complete();
    settle();
  }

  Member a;
  Member b;
  std::string order;
};

TEST_F(GroupTest, OneThatIsDoneWaitsForTheOther) {
  start_both();
  finish(a);
  EXPECT_EQ(a.story, "waiting");
  EXPECT_EQ(b.story, "");
  finish(b);
  EXPECT_EQ(a.story, "waiting pending BLOCK_JOB_COMPLETED concluded null");
  EXPECT_EQ(b.story, "waiting pending BLOCK_JOB_COMPLETED concluded null");
}

TEST_F(GroupTest, AllArePendingBeforeOneIsConcluded) {
  start_both();
  finish(a);
  finish(b);
  EXPECT_LT(order.find("b:pending"), order.find("a:concluded"));
  EXPECT_LT(order.find("a:pending"), order.find("b:concluded"));
}

TEST_F(GroupTest, AllArePreparedBeforeOneCommits) {
  start_both();
  b.toy->hold_prepare = true;
  finish(a);
  finish(b);
  EXPECT_EQ(a.toy->calls, (std::vector<std::string>{"run", "prepare"}));
  b.toy->hold_prepare = false;
  finish(b);
  EXPECT_EQ(a.toy->calls, (std::vector<std::string>{"run", "prepare", "commit", "clean"}));
  EXPECT_EQ(b.toy->calls, a.toy->calls);
}

TEST_F(GroupTest, AllAreReadyAgainIfNoneCanTakeEffectNow) {
  be_ready();
  a.toy->prepare_not_now = b.toy->prepare_not_now = "not now";
  complete_both();
  EXPECT_EQ(a.story, "waiting pending JOB_STALLED ready");
  EXPECT_EQ(b.story, a.story);
  a.toy->prepare_not_now = b.toy->prepare_not_now = "";
  forget_stories();
  complete_both();
  EXPECT_EQ(a.story, "waiting pending BLOCK_JOB_COMPLETED concluded null");
  EXPECT_EQ(b.story, a.story);
}

TEST_F(GroupTest, OneThatCannotTakeEffectNowWaitsForItsTimeIfTheOtherHas) {
  be_ready();
  a.toy->prepare_not_now = "not now";
  complete_both();
  EXPECT_EQ(a.story, "waiting pending JOB_STALLED");
  EXPECT_EQ(a.job->status(), Status::kPending);
  a.toy->prepare_not_now.clear();
  a.job->kick();
  settle();
  EXPECT_EQ(b.story, "waiting pending BLOCK_JOB_COMPLETED concluded null");
}

TEST_F(GroupTest, OneWithoutAutoFinalizeHoldsAllAndIsTheOnlyOneToSaySo) {
  start_both(true, false);
  finish(a);
  finish(b);
  EXPECT_EQ(a.story, "waiting pending");
  EXPECT_EQ(b.story, "waiting pending BLOCK_JOB_PENDING");
}

TEST_F(GroupTest, FinalizeOfAnyMemberFinalizesAll) {
  start_both(true, false);
  finish(a);
  finish(b);
  a.job->finalize();
  settle();
  EXPECT_TRUE(a.story.ends_with("BLOCK_JOB_COMPLETED concluded null"));
  EXPECT_TRUE(b.story.ends_with("BLOCK_JOB_COMPLETED concluded null"));
}

TEST_F(GroupTest, FinalizeIsRefusedWhileOneWaitsForTheOthers) {
  start_both(false, false);
  finish(a);
  EXPECT_EQ(error_of([&] { a.job->finalize(); }),
            "Job 'a' in state 'waiting' cannot accept command verb 'finalize'");
}

TEST_F(GroupTest, CancelOfOneCancelsTheOtherThoughItWasDone) {
  start_both();
  finish(a);
  b.job->cancel(true);
  settle();
  EXPECT_EQ(a.story, "waiting aborting BLOCK_JOB_CANCELLED concluded null");
  EXPECT_EQ(b.story, "aborting BLOCK_JOB_CANCELLED concluded null");
  EXPECT_EQ(a.toy->calls, (std::vector<std::string>{"run", "abort", "clean"}));
}

TEST_F(GroupTest, AnErrorInOneCancelsTheOtherWithoutAnErrorOfItsOwn) {
  start_both();
  b.toy->run_error = "the disk is gone";
  finish(b);
  EXPECT_EQ(b.story, "aborting BLOCK_JOB_COMPLETED(error) concluded null");
  EXPECT_EQ(a.story, "aborting BLOCK_JOB_CANCELLED concluded null");
}

TEST_F(GroupTest, APausedMemberIsCancelledByWayOfRunning) {
  start_both();
  a.job->pause();
  settle();
  b.job->cancel(true);
  settle();
  EXPECT_EQ(a.story, "paused running aborting BLOCK_JOB_CANCELLED concluded null");
}

TEST_F(GroupTest, CancelInPendingCancelsAll) {
  start_both(false, false);
  finish(a);
  finish(b);
  forget_stories();
  a.job->cancel(true);
  settle();
  EXPECT_EQ(a.story, "aborting BLOCK_JOB_CANCELLED concluded null");
  EXPECT_EQ(b.story, "aborting BLOCK_JOB_CANCELLED concluded null");
}

TEST_F(GroupTest, NobodyCanBeCancelledOnceOneTakesEffect) {
  start_both();
  b.toy->hold_prepare = true;
  finish(a);
  finish(b);
  EXPECT_THAT(error_of([&] { a.job->cancel(true); }), ::testing::HasSubstr("taking effect"));
}

TEST_F(GroupTest, OneThatCannotBePreparedAbortsTheOtherThatWas) {
  start_both();
  b.toy->hold_prepare = true;
  finish(a);
  finish(b);
  b.toy->hold_prepare = false;
  b.toy->prepare_error = "the sides differ";
  finish(b);
  EXPECT_EQ(a.story, "waiting pending aborting BLOCK_JOB_CANCELLED concluded null");
  EXPECT_EQ(b.story, "waiting pending aborting BLOCK_JOB_COMPLETED(error) concluded null");
  EXPECT_EQ(a.toy->calls, (std::vector<std::string>{"run", "prepare", "abort", "clean"}));
}

TEST_F(GroupTest, OneThatIsCancelledBeforeTheStartTakesTheOtherAlong) {
  make_both();
  a.job->cancel(true);
  settle();
  EXPECT_EQ(a.story, "created aborting concluded null");
  EXPECT_EQ(b.story, "created aborting concluded null");
}

TEST_F(GroupTest, DismissIsOfEachJobAlone) {
  const auto group = std::make_shared<Transaction>("t");
  make(a, {.id = "a", .auto_dismiss = false}, group);
  make(b, {.id = "b", .auto_dismiss = false}, group);
  a.job->start();
  b.job->start();
  finish(a);
  finish(b);
  a.job->dismiss();
  EXPECT_EQ(a.job->status(), Status::kNull);
  EXPECT_EQ(b.job->status(), Status::kConcluded);
}

TEST_F(GroupTest, TheQueriesNameTheTransaction) {
  start_both();
  EXPECT_EQ(a.job->query_block_job()["transaction"], "t");
}

TEST_F(GroupTest, AJobOfItsOwnHasNoTransaction) {
  start();
  EXPECT_FALSE(job->query_block_job().contains("transaction"));
}

// --- a daemon that ends ---

TEST_F(GroupTest, IfItEndsAndOneCannotBePreparedTheOtherDoesNotWait) {
  start_both();
  b.toy->hold_prepare = true;
  finish(a);
  finish(b);
  for (Member* member : {&a, &b}) member->job->stop_for_exit();
  b.toy->hold_prepare = false;
  b.toy->prepare_error = "the daemon ends";
  finish(b);
  EXPECT_TRUE(a.job->idle());
  EXPECT_TRUE(b.job->idle());
  EXPECT_EQ(a.toy->calls, (std::vector<std::string>{"run", "prepare", "clean"}));
  EXPECT_EQ(b.toy->calls, a.toy->calls);
}

TEST_F(GroupTest, NoneIsPreparedBeforeAllAreKnownToTakeEffect) {
  start_both();
  hang_at = writes + 3;  // one for who waits, then one of each that says so
  finish(a);
  finish(b);
  EXPECT_EQ(a.toy->calls, std::vector<std::string>{"run"});
  EXPECT_EQ(b.toy->calls, std::vector<std::string>{"run"});
}

// --- a daemon that was killed ---

TEST_F(GroupTest, OneThatWaitedIsAttendedToAndWaitsOn) {
  start_both();
  finish(a);
  restart_both();
  EXPECT_EQ(a.job->status(), Status::kWaiting);
  EXPECT_EQ(a.toy->calls, std::vector<std::string>{"attend"});
  finish(b);
  EXPECT_TRUE(a.story.ends_with("pending BLOCK_JOB_COMPLETED concluded null"));
  EXPECT_TRUE(b.story.ends_with("pending BLOCK_JOB_COMPLETED concluded null"));
}

TEST_F(GroupTest, KilledAtEachWriteAllOrNothingTakesEffect) {
  bool came_to_the_end = false;
  for (int at = 1; !came_to_the_end; ++at) {
    for (const bool after : {false, true}) {
      kill_daemon();
      state_file = json::array();
      restart_daemon();
      listen();
      for (Member* member : {&a, &b}) *member = Member();
      writes = 0;
      hang_at = at;
      hang_after_writing = after;
      start_both();
      finish(a);
      finish(b);
      came_to_the_end = writes < at;
      hang_at.reset();
      restart_both();
      for (Member* member : {&a, &b})
        if (member->job && member->job->status() == Status::kRunning) finish(*member);
      EXPECT_EQ(a.toy->on_target, b.toy->on_target) << "write " << at << (after ? " done" : "");
      EXPECT_TRUE(daemon->registry.jobs().empty()) << "write " << at << (after ? " done" : "");
    }
  }
}

TEST_F(GroupTest, ACancelThatWasStoredIsCarriedOutForAll) {
  start_both();
  for (Member* member : {&a, &b}) member->toy->hold_abort = true;
  a.job->cancel(true);
  settle();
  for (Member* member : {&a, &b}) member->toy->hold_abort = false;
  restart_both();
  EXPECT_EQ(a.story, "BLOCK_JOB_CANCELLED concluded null");
  EXPECT_EQ(b.story, "BLOCK_JOB_CANCELLED concluded null");
}

// --- pauses that are not the user's ---

using HoldTest = DaemonTest;

TEST_F(HoldTest, AHoldPausesUntilTheLastOneIsGone) {
  start();
  auto first = std::make_unique<core::PauseHold>(job);
  auto second = std::make_unique<core::PauseHold>(job);
  settle();
  EXPECT_EQ(story(), "created running paused");
  first.reset();
  settle();
  EXPECT_EQ(story(), "");
  second.reset();
  settle();
  EXPECT_EQ(story(), "running");
}

TEST_F(HoldTest, TheUsersPauseIsApartFromIt) {
  start();
  auto hold = std::make_unique<core::PauseHold>(job);
  settle();
  EXPECT_THAT(error_of([&] { job->resume(); }), ::testing::HasSubstr("not paused"));
  ask([](Job& j) { j.pause(); });
  hold.reset();
  settle();
  EXPECT_EQ(status(), "paused");
  ask([](Job& j) { j.resume(); });
  EXPECT_EQ(status(), "running");
}

TEST_F(HoldTest, AHeldJobCanBeCancelled) {
  start();
  const core::PauseHold hold(job);
  settle();
  ask([](Job& j) { j.cancel(false); });
  EXPECT_EQ(story(), "created running paused running aborting CANCELLED concluded null");
}

}  // namespace
}  // namespace dmjob::test
