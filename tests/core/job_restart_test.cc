// SPDX-License-Identifier: LGPL-2.1-or-later
// Jobs outlive their daemon: stopped, killed at each write of the state file, and started again.
#include "tests/core/daemon_fixture.h"

namespace dmjob::test {
namespace {

using Restart = DaemonTest;
using core::Job;
using nlohmann::json;
using ::testing::HasSubstr;

// --- taken up in each status ---

TEST_F(Restart, ACreatedJobRuns) {
  restart_with(record_in("created"));
  EXPECT_EQ(story(), "running");
  EXPECT_EQ(calls(), "run");
}

TEST_F(Restart, ARunningJobRunsOnWithItsOptionsAndProgress) {
  restart_with(record_in("running"));
  EXPECT_EQ(story(), "");
  EXPECT_EQ(calls(), "run");
  EXPECT_EQ(toy->speed, 7U);
  EXPECT_EQ(job->query_job()["current-progress"], 5);
  EXPECT_EQ(job->options().claims, std::vector<std::string>{"vol"});
}

TEST_F(Restart, APausedJobIsPausedUntilItIsResumed) {
  restart_with(record_in("paused"));
  EXPECT_EQ(status(), "paused");
  EXPECT_EQ(calls(), "run");
  ask([](Job& j) { j.resume(); });
  EXPECT_EQ(story(), "running");
}

TEST_F(Restart, APausedJobCanBeCancelled) {
  restart_with(record_in("paused"));
  ask([](Job& j) { j.cancel(true); });
  EXPECT_EQ(story(), "running aborting CANCELLED concluded null");
}

TEST_F(Restart, AReadyJobConvergesAnewAndSaysNothing) {
  restart_with(record_in("ready"));
  finish_work();
  EXPECT_EQ(story(), "");
  EXPECT_TRUE(job->is_ready());
  ask([](Job& j) { j.complete(); });
  EXPECT_EQ(story(), "waiting pending COMPLETED concluded null");
}

TEST_F(Restart, AJobInStandbyStaysThere) {
  restart_with(record_in("standby"));
  EXPECT_EQ(status(), "standby");
  EXPECT_TRUE(job->is_ready());
}

TEST_F(Restart, AWaitingJobGoesOnToItsEnd) {
  restart_with(record_in("waiting"));
  EXPECT_EQ(story(), "pending COMPLETED concluded null");
  EXPECT_EQ(calls(), "prepare commit clean");
}

TEST_F(Restart, APendingJobIsAttendedAndWaitsForItsFinalize) {
  json record = record_in("pending");
  record["options"]["auto-finalize"] = false;
  restart_with(record);
  EXPECT_EQ(calls(), "attend");
  ask([](Job& j) { j.finalize(); });
  EXPECT_EQ(story(), "COMPLETED concluded null");
  EXPECT_EQ(calls(), "attend prepare commit clean");
}

TEST_F(Restart, APendingJobThatCannotBeAttendedAborts) {
  json record = record_in("pending");
  record["options"]["auto-finalize"] = false;
  toy->attend_error = "scratch is gone";
  restart_with(record);
  EXPECT_EQ(story(), "aborting COMPLETED(error) concluded null");
  EXPECT_EQ(calls(), "attend abort clean");
}

TEST_F(Restart, AnAbortingJobAborts) {
  json record = record_in("aborting");
  record["error"] = "disk on fire";
  restart_with(record);
  EXPECT_EQ(story(), "COMPLETED(error) concluded null");
  EXPECT_EQ(calls(), "abort clean");
}

TEST_F(Restart, AConcludedJobWaitsForItsDismissal) {
  json record = record_in("concluded");
  record["driver"] = {{"phase", "equal"}};
  restart_with(record);
  EXPECT_EQ(calls(), "");
  EXPECT_EQ(job->query_block_job()["phase"], "equal");
  ask([](Job& j) { j.dismiss(); });
  EXPECT_EQ(story(), "null");
}

TEST_F(Restart, AConcludedJobNeedsNoDriver) {
  job = Job::restore(daemon->host, record_in("concluded"), nullptr);
  job->start();
  EXPECT_TRUE(job->idle());
  EXPECT_EQ(job->record(), record_in("concluded"));
}

TEST_F(Restart, ACancelThatWasAskedForIsNotForgotten) {
  json record = record_in("running");
  record["flags"]["cancelled"] = true;
  restart_with(record);
  EXPECT_EQ(story(), "aborting CANCELLED concluded null");
  EXPECT_EQ(calls(), "abort clean");
}

TEST_F(Restart, ACompleteThatWasAskedForIsNotForgotten) {
  json record = record_in("ready");
  record["flags"]["complete"] = true;
  restart_with(record);
  finish_work();
  EXPECT_EQ(story(), "waiting pending COMPLETED concluded null");
}

TEST_F(Restart, ADamagedRecordIsSaid) {
  json record = record_in("running");
  record.erase("flags");
  EXPECT_THAT(error_of([&] { Job::restore(daemon->host, record, nullptr); }),
              HasSubstr("The record of job \"j\" is damaged"));
  EXPECT_THAT(error_of([&] { Job::restore(daemon->host, record_in("lost"), nullptr); }),
              HasSubstr("unknown status"));
}

// --- stopped in each status ---

class StoppedIn : public DaemonTest, public ::testing::WithParamInterface<const char*> {
 protected:
  json manual(const char* with_status) {
    json record = record_in(with_status);
    record["options"]["auto-finalize"] = false;
    return record;
  }
};

TEST_P(StoppedIn, TheRecordStaysAndNothingIsTold) {
  restart_with(manual(GetParam()));
  stop_daemon();
  EXPECT_TRUE(job->idle());
  EXPECT_EQ(story(), "");
  EXPECT_EQ(state_file.front(), manual(GetParam()));
  EXPECT_EQ(toy->calls.back(), "clean");
}

INSTANTIATE_TEST_SUITE_P(Restart, StoppedIn,
                         ::testing::Values("running", "paused", "ready", "standby", "pending"));

TEST_F(Restart, AnErrorOnTheWayOutIsNoFailure) {
  start();
  toy->run_error = "ring was closed";
  job->stop_for_exit();
  toy->work_done = true;
  settle();
  EXPECT_EQ(status(), "running");
  EXPECT_EQ(job->error(), "");
}

TEST_F(Restart, AnEndThatHasBegunIsReachedBeforeTheDaemonEnds) {
  toy->hold_prepare = true;
  be_pending();
  ask([](Job& j) { j.finalize(); });
  job->stop_for_exit();
  change([](Toy& t) { t.hold_prepare = false; });
  EXPECT_EQ(story(), "COMPLETED concluded null");
}

TEST_F(Restart, AStoppedJobGoesOn) {
  be_ready();
  ask([](Job& j) { j.pause(); });
  stop_daemon();
  restart_daemon();
  ask([](Job& j) { j.resume(); });
  ask([](Job& j) { j.complete(); });
  EXPECT_EQ(story(), "ready waiting pending COMPLETED concluded null");
}

// --- the state file cannot be written ---

TEST_F(Restart, AJobWhoseStartIsNotDurableFails) {
  write_error = "disk full";
  start();
  EXPECT_EQ(story(), "created running aborting COMPLETED(error) concluded null");
  EXPECT_EQ(calls(), "abort clean");
  EXPECT_EQ(event("BLOCK_JOB_COMPLETED")["error"], "disk full");
}

TEST_F(Restart, AFinalizeThatIsNotDurableHasNoEffect) {
  be_pending();
  write_error = "disk full";
  ask([](Job& j) { j.finalize(); });
  EXPECT_EQ(story(), "aborting COMPLETED(error) concluded null");
  EXPECT_EQ(calls(), "run abort clean");
}

TEST_F(Restart, AnEffectIsNotCleanedUpBeforeItIsDurable) {
  toy->hold_prepare = true;
  be_ready();
  ask([](Job& j) { j.complete(); });
  write_error = "disk full";
  change([](Toy& t) { t.hold_prepare = false; });
  EXPECT_EQ(story(), "waiting pending JOB_STALLED");
  EXPECT_EQ(calls(), "run prepare");
  EXPECT_EQ(event("JOB_STALLED"), json({{"id", "j"}, {"reason", "disk full"}}));
}

TEST_F(Restart, AnEffectThatBecomesDurableLaterGoesOn) {
  toy->hold_prepare = true;
  be_ready();
  ask([](Job& j) { j.complete(); });
  write_error = "disk full";
  change([](Toy& t) { t.hold_prepare = false; });
  write_error.clear();
  story();
  change([](Toy&) {});
  EXPECT_EQ(story(), "COMPLETED concluded null");
}

TEST_F(Restart, AnEffectThatIsNotDurableIsFoundAgain) {
  toy->hold_prepare = true;
  be_ready();
  ask([](Job& j) { j.complete(); });
  write_error = "disk full";
  change([](Toy& t) { t.hold_prepare = false; });
  job->stop_for_exit();
  settle();
  EXPECT_TRUE(job->idle());
  write_error.clear();
  restart_daemon();
  EXPECT_EQ(story(), "COMPLETED concluded null");
  EXPECT_EQ(calls(), "run prepare clean prepare commit clean");
}

// --- put off ---

class PutOff : public DaemonTest {
 protected:
  // It was ready, and told to complete.
  PutOff() {
    be_ready();
    toy->prepare_not_now = "it is frozen";
    ask([](Job& j) { j.complete(); });
  }
};

TEST_F(PutOff, AnEffectThatCannotBeNowLeavesTheJobReady) {
  EXPECT_EQ(story(), "waiting pending JOB_STALLED ready");
  EXPECT_EQ(event("JOB_STALLED"), json({{"id", "j"}, {"reason", "it is frozen"}}));
  EXPECT_EQ(calls(), "run prepare run");
  EXPECT_EQ(job->query_block_job()["put-off"], "it is frozen");
  toy->prepare_not_now.clear();
  ask([](Job& j) { j.complete(); });
  EXPECT_EQ(story(), "waiting pending COMPLETED concluded null");
  EXPECT_EQ(calls(), "run prepare run prepare commit clean");
}

TEST_F(PutOff, OneThatWasPutOffCanBeCancelledAndEndsWithItsCopy) {
  EXPECT_EQ(job->query_block_job()["put-off"], "it is frozen");
  toy->prepare_not_now.clear();
  ask([](Job& j) { j.cancel(false); });
  EXPECT_FALSE(toy->on_target);
  EXPECT_EQ(calls(), "run prepare run prepare commit clean");
}

TEST_F(Restart, OneThatIsPutOffAfterARestartIsReadyToo) {
  toy->hold_prepare = true;
  be_ready();
  ask([](Job& j) { j.complete(); });
  kill_daemon();
  toy->hold_prepare = false;
  toy->prepare_not_now = "it is frozen";
  restart_daemon();
  EXPECT_EQ(job->status(), core::Status::kReady);
  EXPECT_EQ(calls(), "run prepare prepare run");
}

// --- killed at each write of the state file ---

struct Kill {
  int write;
  bool after;
};

class KilledAt : public DaemonTest, public ::testing::WithParamInterface<Kill> {
 protected:
  KilledAt() {
    hang_at = GetParam().write;
    hang_after_writing = GetParam().after;
    toy->work_done = true;
  }
  // The user asks, and after the restart asks again if the job still takes it.
  void want(core::Verb verb, const std::function<void(Job&)>& request) {
    if (job && core::may_apply(verb, job->status())) ask(request);
  }
  bool over() const { return !job || status() == "null"; }
  std::string last_call() const { return toy->calls.empty() ? "" : toy->calls.back(); }
};

std::string name_of(const ::testing::TestParamInfo<Kill>& info) {
  return "Write" + std::to_string(info.param.write) + (info.param.after ? "After" : "Before");
}

class CompleteKilledAt : public KilledAt {
 protected:
  void complete() {
    want(core::Verb::kComplete, [](Job& j) { j.complete(); });
  }
};

TEST_P(CompleteKilledAt, IsDoneAfterTheRestart) {
  start();
  complete();
  restart_daemon();
  complete();
  EXPECT_TRUE(over());
  EXPECT_TRUE(toy->on_target);
  EXPECT_EQ(last_call(), "clean");
}

// 1 start, 2 preparing, 3 prepared, 4 gone
INSTANTIATE_TEST_SUITE_P(Restart, CompleteKilledAt,
                         ::testing::Values(Kill{1, true}, Kill{2, false}, Kill{2, true},
                                           Kill{3, false}, Kill{3, true}, Kill{4, false},
                                           Kill{4, true}),
                         name_of);

class CancelKilledAt : public KilledAt {
 protected:
  void cancel() {
    want(core::Verb::kCancel, [](Job& j) { j.cancel(true); });
  }
};

TEST_P(CancelKilledAt, IsDoneAfterTheRestart) {
  start();
  cancel();
  restart_daemon();
  cancel();
  EXPECT_TRUE(over());
  EXPECT_FALSE(toy->on_target);
  EXPECT_EQ(last_call(), "clean");
}

// 1 start, 2 aborting, 3 gone
INSTANTIATE_TEST_SUITE_P(Restart, CancelKilledAt,
                         ::testing::Values(Kill{1, true}, Kill{2, false}, Kill{2, true},
                                           Kill{3, false}, Kill{3, true}),
                         name_of);

TEST_F(Restart, AJobWhoseStartWasNotWrittenIsNotThere) {
  hang_at = 1;
  start();
  EXPECT_EQ(calls(), "");
  restart_daemon();
  EXPECT_EQ(job, nullptr);
}

}  // namespace
}  // namespace dmjob::test
