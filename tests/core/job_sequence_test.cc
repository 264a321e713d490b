// SPDX-License-Identifier: LGPL-2.1-or-later
// Sequences of events together with what else there is to them: the driver's calls, the members of
// an event. All endings are in status_move_test.cc.
#include "tests/core/daemon_fixture.h"

namespace dmjob::test {
namespace {

using Sequence = DaemonTest;
using core::OnError;

const std::error_code kEio = std::make_error_code(std::errc::io_error);
const std::error_code kEnospc = std::make_error_code(std::errc::no_space_on_device);

TEST_F(Sequence, OfABackup) {
  toy->has_ready_phase = false;
  start();
  finish_work();
  EXPECT_EQ(story(), "created running waiting pending COMPLETED concluded null");
  EXPECT_EQ(calls(), "run prepare commit clean");
}

TEST_F(Sequence, OfAMirrorThatIsCompleted) {
  start();
  finish_work();
  EXPECT_EQ(story(), "created running ready READY");
  ask([](auto& j) { j.complete(); });
  EXPECT_EQ(story(), "waiting pending COMPLETED concluded null");
  EXPECT_TRUE(toy->on_target);
}

TEST_F(Sequence, OfAMirrorThatIsCancelledSoftly) {
  be_ready();
  ask([](auto& j) { j.cancel(false); });
  EXPECT_EQ(story(), "waiting pending COMPLETED concluded null");
  EXPECT_EQ(calls(), "run prepare commit clean");
  EXPECT_FALSE(toy->on_target);
}

TEST_F(Sequence, OfAMirrorThatIsCancelledWithForce) {
  be_ready();
  ask([](auto& j) { j.cancel(true); });
  EXPECT_EQ(story(), "aborting CANCELLED concluded null");
  EXPECT_EQ(calls(), "run abort clean");
}

TEST_F(Sequence, OfACancelInPending) {
  be_pending();
  ask([](auto& j) { j.cancel(false); });
  EXPECT_EQ(story(), "aborting CANCELLED concluded null");
  EXPECT_EQ(calls(), "run abort clean");
}

TEST_F(Sequence, OfAnErrorThatIsReported) {
  toy->io_error = kEio;
  start({.id = "j", .auto_finalize = false});
  EXPECT_EQ(story(), "created running ERROR aborting COMPLETED(error) concluded null");
  EXPECT_EQ(event("BLOCK_JOB_ERROR")["action"], "report");
  EXPECT_EQ(event("BLOCK_JOB_COMPLETED")["error"], kEio.message());
}

TEST_F(Sequence, OfAnErrorThatStops) {
  toy->io_error = kEio;
  toy->on_error = OnError::kStop;
  start();
  EXPECT_EQ(story(), "created running ERROR paused");
  ask([](auto& j) { j.resume(); });
  EXPECT_EQ(story(), "running ERROR paused");
}

TEST_F(Sequence, OfAnErrorThatIsIgnored) {
  toy->io_error = kEio;
  toy->on_error = OnError::kIgnore;
  start();
  EXPECT_EQ(story(), "created running ERROR");
  toy->io_error.clear();
  finish_work();
  EXPECT_EQ(story(), "ready READY");
}

TEST_F(Sequence, OfAFullTargetThatStops) {
  toy->io_error = kEnospc;
  toy->on_error = OnError::kEnospc;
  start();
  EXPECT_EQ(story(), "created running ERROR paused");
  EXPECT_EQ(job->query_block_job()["io-status"], "nospace");
}

TEST_F(Sequence, OfAFailureInPrepare) {
  toy->has_ready_phase = false;
  toy->prepare_error = "no pivot";
  start();
  finish_work();
  EXPECT_EQ(story(), "created running waiting pending aborting COMPLETED(error) concluded null");
  EXPECT_EQ(calls(), "run prepare abort clean");
}

TEST_F(Sequence, OfANegativeSpeedAtTheStart) {
  const auto minus_one = static_cast<std::uint64_t>(-1);
  EXPECT_EQ(error_of([&] { make({.id = "j", .speed = minus_one}); }),
            "Parameter 'speed' expects a non-negative value");
  EXPECT_EQ(story(), "created null");
  EXPECT_EQ(daemon->registry.find("j"), nullptr);
  EXPECT_FALSE(toy->exists);
}

TEST_F(Sequence, OfABadId) {
  EXPECT_EQ(error_of([&] { make({.id = "1st"}); }),
            "Job ID '1st' is not a letter followed by letters, digits, '-', '.' or '_'");
  EXPECT_EQ(story(), "");
}

TEST_F(Sequence, OfAJobThatIsNeverStarted) {
  make({.id = "j", .auto_dismiss = false});
  ask([](auto& j) { j.cancel(true); });
  EXPECT_EQ(story(), "created aborting concluded null");
  EXPECT_EQ(calls(), "abort clean");
}

TEST_F(Sequence, ReadyIsToldOnceThoughPaused) {
  be_ready();
  ask([](auto& j) { j.pause(); });
  ask([](auto& j) { j.resume(); });
  EXPECT_EQ(story(), "standby ready");
}

TEST_F(Sequence, OfACompleteInStandby) {
  be_ready();
  ask([](auto& j) { j.pause(); });
  ask([](auto& j) { j.complete(); });
  ask([](auto& j) { j.complete(); });
  EXPECT_EQ(story(), "standby");
  ask([](auto& j) { j.resume(); });
  EXPECT_EQ(story(), "ready waiting pending COMPLETED concluded null");
}

TEST_F(Sequence, EventsTellTheJobAndItsProgress) {
  start({.id = "j", .speed = 3});
  job->progress().set_remaining(8);
  job->progress().add_done(8);
  finish_work();
  const nlohmann::json expected = {
      {"type", "mirror"}, {"device", "j"}, {"len", 8}, {"offset", 8}, {"speed", 3}};
  EXPECT_EQ(event("BLOCK_JOB_READY"), expected);
  ask([](auto& j) { j.complete(); });
  EXPECT_EQ(event("BLOCK_JOB_COMPLETED"), expected);
}

}  // namespace
}  // namespace dmjob::test
