// SPDX-License-Identifier: LGPL-2.1-or-later
// What is easily missed about the verbs, as observed on QEMU 7.2. Status by status, they are in
// status_verb_test.cc.
#include "tests/core/daemon_fixture.h"

namespace dmjob::test {
namespace {

using Verbs = DaemonTest;
using core::Job;
using core::OnError;
using ::testing::HasSubstr;

TEST_F(Verbs, PausesAreNotCounted) {
  start();
  job->pause();
  EXPECT_THAT(error_of([&] { job->pause(); }), HasSubstr("already paused"));
  ask([](Job& j) { j.resume(); });
  EXPECT_EQ(status(), "running");
  EXPECT_THAT(error_of([&] { job->resume(); }), HasSubstr("not paused"));
}

TEST_F(Verbs, AResumeWithoutAPauseIsNotPausedInEveryStatus) {
  be_pending();
  EXPECT_THAT(error_of([&] { job->resume(); }), HasSubstr("not paused"));
}

TEST_F(Verbs, AResumeBeforeThePauseIsReachedLeavesNoTrace) {
  start();
  story();
  job->pause();
  job->resume();
  settle();
  EXPECT_EQ(story(), "");
}

TEST_F(Verbs, APauseAfterAResumeThatIsNotReachedYetIsTaken) {
  start();
  ask([](Job& j) { j.pause(); });
  job->resume();
  job->pause();
  settle();
  EXPECT_EQ(status(), "paused");
}

TEST_F(Verbs, ASoftCancelOfAPausedJobIsRefused) {
  start();
  ask([](Job& j) { j.pause(); });
  EXPECT_THAT(error_of([&] { job->cancel(false); }),
              HasSubstr("is currently paused and can't be cancelled without force"));
  EXPECT_EQ(status(), "paused");
}

TEST_F(Verbs, ADriverThatHasToEndTakesThePauseBack) {
  start();
  ask([](Job& j) { j.pause(); });
  story();
  ask([](Job& j) { j.break_pause(); });
  EXPECT_EQ(story(), "running");
  EXPECT_FALSE(job->user_paused());
}

TEST_F(Verbs, AnErrorStopIsAPauseOfTheUsers) {
  toy->io_error = std::make_error_code(std::errc::io_error);
  toy->on_error = OnError::kStop;
  start();
  EXPECT_EQ(job->query_block_job()["io-status"], "failed");
  EXPECT_FALSE(job->query_job().contains("error"));
  EXPECT_NE(error_of([&] { job->pause(); }), "");
  EXPECT_NE(error_of([&] { job->cancel(false); }), "");
}

TEST_F(Verbs, AResumeClearsTheIoStatus) {
  toy->io_error = std::make_error_code(std::errc::io_error);
  toy->on_error = OnError::kStop;
  start();
  toy->io_error.clear();
  ask([](Job& j) { j.resume(); });
  EXPECT_EQ(job->query_block_job()["io-status"], "ok");
  EXPECT_EQ(status(), "running");
}

TEST_F(Verbs, TheFirstIoErrorIsTheOneThatIsTold) {
  start();
  job->io_error(OnError::kStop, false, std::make_error_code(std::errc::no_space_on_device));
  job->io_error(OnError::kStop, true, std::make_error_code(std::errc::io_error));
  EXPECT_EQ(job->io_status(), core::IoStatus::kNoSpace);
  EXPECT_EQ(event("BLOCK_JOB_ERROR")["operation"], "read");
}

TEST_F(Verbs, ANegativeSpeedIsRefused) {
  start({.id = "j", .speed = 5});
  EXPECT_EQ(error_of([&] { job->set_speed(-1); }),
            "Parameter 'speed' expects a non-negative value");
  EXPECT_EQ(toy->speed, 5U);
}

TEST_F(Verbs, ASpeedReachesTheDriverAtOnceAndWakesIt) {
  start();
  toy->kicks = 0;
  job->set_speed(9);
  EXPECT_EQ(toy->speed, 9U);
  EXPECT_EQ(toy->kicks, 1);
  EXPECT_EQ(job->query_block_job()["speed"], 9);
}

TEST_F(Verbs, CompleteIsRefusedAfterASoftCancel) {
  be_ready();
  job->cancel(false);
  EXPECT_EQ(error_of([&] { job->complete(); }), "The active block job 'j' cannot be completed");
}

TEST_F(Verbs, ASoftCancelAfterCompleteTakesItBack) {
  be_ready();
  job->complete();
  ask([](Job& j) { j.cancel(false); });
  EXPECT_EQ(story(), "waiting pending COMPLETED concluded null");
  EXPECT_FALSE(toy->on_target);
}

TEST_F(Verbs, CompleteIsRefusedForTheDriversReason) {
  toy->refuse_complete = "'vol' belongs to LVM";
  be_ready();
  EXPECT_EQ(error_of([&] { job->complete(); }), "'vol' belongs to LVM");
  EXPECT_FALSE(job->complete_requested());
}

TEST_F(Verbs, ACancelAfterASoftOneIsHard) {
  be_ready();
  job->cancel(false);
  ask([](Job& j) { j.cancel(true); });
  EXPECT_EQ(story(), "aborting CANCELLED concluded null");
}

TEST_F(Verbs, ACancelIsRefusedOnceItTakesEffect) {
  toy->hold_prepare = true;
  be_pending();
  ask([](Job& j) { j.finalize(); });
  EXPECT_THAT(error_of([&] { job->cancel(true); }), HasSubstr("can no longer be cancelled"));
  change([](Toy& t) { t.hold_prepare = false; });
  EXPECT_EQ(story(), "COMPLETED concluded null");
}

TEST_F(Verbs, ACancelThatOvertakesFinalizeWins) {
  be_pending();
  job->finalize();
  ask([](Job& j) { j.cancel(true); });
  EXPECT_EQ(story(), "aborting CANCELLED concluded null");
}

TEST_F(Verbs, ACancelledJobThatIsKeptTellsSo) {
  start({.id = "j", .auto_dismiss = false});
  ask([](Job& j) { j.cancel(true); });
  EXPECT_EQ(status(), "concluded");
  EXPECT_EQ(job->query_job()["error"], "Operation canceled");
  EXPECT_FALSE(event("BLOCK_JOB_CANCELLED").contains("error"));
}

TEST_F(Verbs, APauseThatTheRunNeverReachedIsForgotten) {
  toy->has_ready_phase = false;
  start({.id = "j", .auto_finalize = false});
  toy->work_done = true;
  job->kick();
  settle();
  EXPECT_FALSE(job->user_paused());
}

TEST_F(Verbs, AnAbortThatHangsHoldsNoQuery) {
  toy->hold_abort = true;
  start();
  ask([](Job& j) { j.cancel(true); });
  EXPECT_EQ(job->query_job()["status"], "aborting");
  change([](Toy& t) { t.hold_abort = false; });
  EXPECT_EQ(status(), "null");
}

TEST_F(Verbs, AKickBetweenTwoWaitsIsNotLost) {
  make({.id = "j"});
  bool woken = false;
  job->kick();
  daemon->reactor.begin([](std::shared_ptr<Job> j, bool& flag) -> boost::asio::awaitable<void> {
    co_await j->wait_kick(std::chrono::hours(1));
    flag = true;
  }(job, woken));
  EXPECT_TRUE(woken);
}

// The registry has the only reference to a job, which it drops in the call.
TEST_F(Verbs, ADismissalMayBeTheLastOfAJob) {
  start({.id = "j", .auto_dismiss = false});
  finish_work();
  ask([](Job& j) { j.complete(); });
  ASSERT_EQ(status(), "concluded");
  job.reset();
  const std::shared_ptr<Job>& last = daemon->registry.jobs().front();
  last->dismiss();
  EXPECT_TRUE(daemon->registry.jobs().empty());
}

}  // namespace
}  // namespace dmjob::test
