// SPDX-License-Identifier: LGPL-2.1-or-later
// Jobs that are taken up before that on which they work is there.
#include "tests/core/daemon_fixture.h"

namespace dmjob::test {
namespace {

using core::Job;

class Obstructed : public DaemonTest {
 protected:
  // Taken up in that status, while its volume is not there.
  void take_up(const std::string& status) {
    obstacle = "volume 'vol'";
    restart_with(record_in(status));
  }
  void remove_obstacle() {
    obstacle = "";
    ask([](Job& j) { j.kick(); });
  }
};

TEST_F(Obstructed, AJobDoesNothingAndSaysWhatItWaitsFor) {
  for (const char* status : {"running", "ready", "waiting", "pending"}) {
    toy->calls.clear();
    take_up(status);
    EXPECT_EQ(calls(), "") << status;
    EXPECT_EQ(this->status(), status);
    EXPECT_EQ(job->query_block_job()["waiting-for"], "volume 'vol'");
    EXPECT_FALSE(job->idle());
  }
}

TEST_F(Obstructed, AJobGoesOnWhenNothingIsInItsWay) {
  take_up("running");
  remove_obstacle();
  EXPECT_EQ(calls(), "run");
  EXPECT_EQ(story(), "");
  EXPECT_FALSE(job->query_block_job().contains("waiting-for"));
}

// It is taken up all the same: what must go on in a pause is the driver's.
TEST_F(Obstructed, AJobThatWasPausedIsSoAfterwards) {
  take_up("paused");
  EXPECT_EQ(calls(), "");
  remove_obstacle();
  EXPECT_EQ(status(), "paused");
  EXPECT_FALSE(job->query_block_job().contains("waiting-for"));
  EXPECT_EQ(calls(), "run");
  ask([](Job& j) { j.resume(); });
  EXPECT_EQ(story(), "running");
}

TEST_F(Obstructed, AJobCanBePausedAndResumed) {
  take_up("ready");
  ask([](Job& j) { j.pause(); });
  ask([](Job& j) { j.resume(); });
  EXPECT_EQ(story(), "standby ready");
  EXPECT_EQ(calls(), "");
  remove_obstacle();
  EXPECT_EQ(calls(), "run");
}

TEST_F(Obstructed, AJobCanBeCancelled) {
  take_up("running");
  ask([](Job& j) { j.cancel(true); });
  EXPECT_EQ(story(), "aborting CANCELLED concluded null");
  EXPECT_EQ(calls(), "abort clean");
}

TEST_F(Obstructed, AJobIsKeptWhenTheDaemonEnds) {
  take_up("ready");
  stop_daemon();
  EXPECT_EQ(story(), "");
  EXPECT_TRUE(job->idle());
  EXPECT_EQ(state_file.front()["status"], "ready");
  EXPECT_EQ(calls(), "clean");
}

TEST_F(Obstructed, AJobThatIsNewIsNotAsked) {
  obstacle = "volume 'vol'";
  start();
  EXPECT_EQ(calls(), "run");
}

}  // namespace
}  // namespace dmjob::test
