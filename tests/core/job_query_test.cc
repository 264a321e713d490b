// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/core/daemon_fixture.h"

namespace dmjob::test {
namespace {

using Query = DaemonTest;
using core::Job;
using nlohmann::json;

TEST_F(Query, OfARunningJob) {
  start({.id = "j", .speed = 4, .auto_dismiss = false});
  job->progress().set_remaining(10);
  job->progress().add_done(2);
  EXPECT_EQ(job->query_job(), json({{"id", "j"},
                                    {"type", "mirror"},
                                    {"status", "running"},
                                    {"current-progress", 2},
                                    {"total-progress", 10}}));
  EXPECT_EQ(job->query_block_job(), json({{"id", "j"},
                                          {"type", "mirror"},
                                          {"device", "j"},
                                          {"len", 10},
                                          {"offset", 2},
                                          {"busy", true},
                                          {"paused", false},
                                          {"speed", 4},
                                          {"io-status", "ok"},
                                          {"verbs", {"cancel", "pause", "set-speed"}},
                                          {"ready", false},
                                          {"status", "running"},
                                          {"auto-finalize", true},
                                          {"auto-dismiss", false},
                                          {"phase", "bulk"}}));
}

TEST_F(Query, OfAJobInStandby) {
  be_ready();
  ask([](Job& j) { j.pause(); });
  const json reply = job->query_block_job();
  EXPECT_EQ(reply["ready"], true);
  EXPECT_EQ(reply["paused"], true);
  EXPECT_EQ(reply["busy"], false);
}

TEST_F(Query, ReadyIsFalseOnceTheJobIsDone) {
  toy->hold_prepare = true;
  be_ready();
  ask([](Job& j) { j.complete(); });
  EXPECT_EQ(job->query_block_job()["status"], "pending");
  EXPECT_EQ(job->query_block_job()["ready"], false);
}

TEST_F(Query, AJobThatTakesEffectTakesNoVerb) {
  toy->hold_prepare = true;
  be_ready();
  ask([](Job& j) { j.complete(); });
  EXPECT_EQ(job->query_block_job()["verbs"], json::array());
}

TEST_F(Query, AJobThatWaitsForItsFinalizeTakesThatOnce) {
  toy->has_ready_phase = false;
  toy->hold_prepare = true;
  start({.id = "j", .auto_finalize = false});
  finish_work();
  EXPECT_EQ(job->query_block_job()["verbs"], json({"cancel", "finalize"}));
  ask([](Job& j) { j.finalize(); });
  EXPECT_EQ(job->query_block_job()["verbs"], json::array());
}

TEST_F(Query, TheDriversLastWordsStayThoughItIsGone) {
  toy->has_ready_phase = false;
  start({.id = "j", .auto_dismiss = false});
  finish_work();
  EXPECT_FALSE(toy->exists);
  EXPECT_EQ(job->query_block_job()["phase"], "equal");
  EXPECT_EQ(job->query_block_job()["status"], "concluded");
}

TEST_F(Query, AFailedJobThatIsKeptTellsItsError) {
  toy->run_error = "disk on fire";
  start({.id = "j", .auto_dismiss = false});
  EXPECT_EQ(job->query_job()["error"], "disk on fire");
  EXPECT_EQ(job->query_block_job()["error"], "disk on fire");
}

TEST_F(Query, TheFirstErrorIsTheOneThatIsTold) {
  toy->run_error = "disk on fire";
  toy->abort_error = "no water";
  start({.id = "j", .auto_dismiss = false});
  EXPECT_EQ(job->error(), "disk on fire");
}

TEST_F(Query, AnErrorWhileCleaningUpIsTold) {
  toy->has_ready_phase = false;
  toy->clean_error = "cannot remove j-base";
  start({.id = "j", .auto_dismiss = false});
  finish_work();
  EXPECT_EQ(job->error(), "cannot remove j-base");
  EXPECT_EQ(story(), "created running waiting pending COMPLETED(error) concluded");
}

TEST_F(Query, AsTextSaysTheSameAtAllTimes) {
  start({.id = "j", .auto_dismiss = false});
  EXPECT_EQ(json::parse(job->query_block_job_text()), job->query_block_job());
  job->progress().add_done(2);
  EXPECT_EQ(json::parse(job->query_block_job_text()), job->query_block_job());
  ask([](Job& j) { j.cancel(true); });
  ASSERT_EQ(job->status(), core::Status::kConcluded);
  EXPECT_EQ(json::parse(job->query_block_job_text()), job->query_block_job());
  EXPECT_EQ(json::parse(job->query_block_job_text()), job->query_block_job());
}

}  // namespace
}  // namespace dmjob::test
