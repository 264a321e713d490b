// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gmock/gmock.h>

#include "tool/dmjob/info.h"
#include "tool/dmjob/print.h"
#include "tool/dmjob/progress.h"

namespace dmjob::cli {
namespace {

using nlohmann::json;
using testing::HasSubstr;
using testing::Not;

json running_job() {
  return {{"id", "vol1"},      {"type", "mirror"},    {"status", "running"}, {"phase", "pass 3"},
          {"len", 1000 << 20}, {"offset", 452 << 20}, {"speed", 0},          {"rate", 100 << 20},
          {"eta", 200},        {"dirty", 64 << 10},   {"volume", "vol1"},    {"target", "/dev/sdb"},
          {"io-status", "ok"}};
}

json job_in(const char* status) {
  json job = running_job();
  job["status"] = status;
  return job;
}

json event(const char* name, int seconds, json data) {
  return {{"event", name},
          {"data", std::move(data)},
          {"timestamp", {{"seconds", seconds}, {"microseconds", 0}}}};
}

TEST(Percent, IsNeverAllBeforeAStatusSaysSo) {
  json job = running_job();
  job["offset"] = job["len"];
  EXPECT_EQ(format_percent(job), "99.9%");
  job["status"] = "ready";
  EXPECT_EQ(format_percent(job), "100%");
}

TEST(Percent, OfAFailedJobIsWhereItStopped) {
  json job = job_in("concluded");
  job["error"] = "Input/output error";
  EXPECT_EQ(format_percent(job), "45.2%");
}

TEST(Percent, OfNothingIsZero) {
  EXPECT_EQ(format_percent({{"status", "running"}, {"len", 0}}), "0.0%");
  EXPECT_EQ(format_percent({{"status", "created"}}), "0.0%");
}

TEST(ProgressLine, FillsTheTerminalButOneColumn) {
  EXPECT_EQ(progress_line(running_job(), 60),
            "vol1 45.2% [========>          ] pass 3, 100M/s, 3 min left");
  EXPECT_EQ(progress_line(running_job(), 60).size(), 59U);
}

TEST(ProgressLine, LeavesTheBarOutWhereItDoesNotFit) {
  EXPECT_EQ(progress_line(running_job(), 46), "vol1 45.2% pass 3, 100M/s, 3 min left");
  EXPECT_EQ(progress_line(running_job(), 21), "vol1 45.2% pass 3, 1");
  EXPECT_EQ(progress_line(running_job(), 1), "");
}

TEST(ProgressLine, ShowsTheStatusWhenItIsNotRunning) {
  EXPECT_THAT(progress_line(job_in("paused"), 80), HasSubstr("] paused, "));
}

TEST(Table, HasNoBlanksAtTheEndAndMovesNoCursor) {
  EXPECT_EQ(format_table({{"A", "B"}, {"long", "x\x1b[2J\n"}}), "A     B\nlong  x?[2J?\n");
}

TEST(Table, OfNoJobIsItsHead) {
  EXPECT_EQ(jobs_table(json::array(), json::array()),
            "ID  TYPE  STATUS  PROGRESS  SPEED  VOLUME  TARGET\n");
}

TEST(Info, TellsWhatGoesOn) {
  JobContext context;
  context.events = {event("JOB_STATUS_CHANGE", 1000, {{"id", "vol1"}, {"status", "running"}}),
                    event("JOB_STATUS_CHANGE", 5000, {{"id", "other"}, {"status", "null"}})};
  context.now = 1720;
  EXPECT_EQ(job_info(running_job(), context),
            "job        vol1, mirror\n"
            "status     running for 12 min: pass 3\n"
            "volume     vol1\n"
            "target     /dev/sdb\n"
            "progress   45.2%, 452M of 1000M; 64K differ now\n"
            "speed      100M/s, no limit\n"
            "time left  3 min\n"
            "to do      nothing: it goes on by itself; `dmjob pause vol1` holds it\n");
}

TEST(Info, TellsThatAVolumeIsHeld) {
  json job = running_job();
  job["type"] = "stream";
  JobContext context;
  context.held = true;
  EXPECT_THAT(job_info(job, context), HasSubstr("HELD: writes to it wait"));
  EXPECT_THAT(job_info(job, context), HasSubstr("they go on when the merge begins"));
}

TEST(Info, TellsWhatAReadyCommitMeans) {
  json job = job_in("ready");
  job["type"] = "commit";
  EXPECT_THAT(job_info(job, {}), HasSubstr("all is merged; what is written goes to the disk"));
  EXPECT_THAT(job_info(job, {}), HasSubstr("`dmjob complete vol1` ends the snapshot"));
}

TEST(Info, TellsOfTheLastError) {
  json job = job_in("paused");
  job["io-status"] = "nospace";
  JobContext context;
  context.events =
      json::array({event("BLOCK_JOB_ERROR", 1000, {{"device", "vol1"}, {"operation", "write"}})});
  context.now = 1010;
  EXPECT_THAT(job_info(job, context),
              HasSubstr("writing the target failed, 10 s ago; no space left"));
  EXPECT_THAT(job_info(job, context), HasSubstr("mend the disk, then `dmjob resume vol1` goes on"));
}

json running_backup() {
  json job = running_job();
  job["type"] = "backup";
  job["scratch"] = "/dev/sdd";
  job["scratch-used"] = 12 << 20;
  job["scratch-size"] = 64 << 20;
  return job;
}

TEST(Info, OfABackupTellsHowFullItsScratchIs) {
  json job = running_backup();
  EXPECT_THAT(
      job_info(job, {}),
      HasSubstr("\nscratch    /dev/sdd, 12M of 64M used; if it gets full, the job fails\n"));
  EXPECT_THAT(job_info(job, {}), HasSubstr("\nprogress   45.2%, 452M of 1000M\n"));
  job["scratch-full"] = true;
  EXPECT_THAT(job_info(job, {}), HasSubstr("; it cannot grow: make room in its file system\n"));
}

TEST(Info, OfAPausedBackupTellsWhatThatTakes) {
  json job = running_backup();
  job["status"] = "paused";
  EXPECT_THAT(job_info(job, {}), HasSubstr("the instant is kept, which takes scratch"));
}

json with_unreadable(json extents) {
  json job = running_job();
  job["x-error-map"] = std::move(extents);
  return job;
}

TEST(Info, TellsWhatCouldNotBeRead) {
  json job = with_unreadable({{{"offset", 40960000}, {"length", 4096}}});
  job["error-map"] = "/var/tmp/vol1.map";
  const std::string text = job_info(job, {});
  EXPECT_THAT(text,
              HasSubstr("\nunreadable  4096 bytes in one place, zeroes on the target: 4096 at "
                        "byte 40960000\n"));
  EXPECT_THAT(text, HasSubstr("\nerror map   /var/tmp/vol1.map\n"));
}

TEST(Info, TellsOfManyUnreadablePlacesTheFirst) {
  json extents = json::array();
  for (int i = 0; i < 5; ++i) extents.push_back({{"offset", i * 8192}, {"length", 512}});
  EXPECT_THAT(job_info(with_unreadable(extents), {}),
              HasSubstr("2560 bytes in 5 places, zeroes on the target: 512 at byte 0, 512 at byte "
                        "8192, 512 at byte 16384, and 2 more\n"));
}

TEST(Info, OfAComparisonTellsWhatDiffersAndWhatWasLeftOut) {
  json job = with_unreadable({{{"offset", 8192}, {"length", 512}}});
  job["type"] = "compare";
  job["x-different-bytes"] = 1024;
  job["x-differences"] = {{{"offset", 0}, {"length", 512}}, {{"offset", 4096}, {"length", 512}}};
  const std::string text = job_info(job, {});
  EXPECT_THAT(text, HasSubstr("\ndiffer      1024 bytes: 512 at byte 0, 512 at byte 4096\n"));
  EXPECT_THAT(text, HasSubstr("\nunreadable  512 bytes in one place, not compared: 512 at byte "));
  job["status"] = "paused";
  EXPECT_THAT(job_info(job, {}), Not(HasSubstr("copied later")));
}

TEST(Info, OfAJobThatCouldReadAllHasNoWordOfIt) {
  EXPECT_THAT(job_info(running_job(), {}), Not(HasSubstr("unreadable")));
  EXPECT_THAT(job_info(running_job(), {}), Not(HasSubstr("error map")));
}

TEST(Info, TellsOfAnErrorMapThatCouldNotBeWritten) {
  json job = running_job();
  job["error-map"] = "/mnt/vol1.map";
  job["error-map-trouble"] = "No space left on device";
  EXPECT_THAT(job_info(job, {}), HasSubstr("error map  /mnt/vol1.map, which is out of date: No "
                                           "space left on device\n"));
}

TEST(Info, ShowsWhatItWaitsForAndTheScratch) {
  json job = running_job();
  job["waiting-for"] = "volume 'vol1', held by job 'b'";
  job["scratch"] = "tail of /dev/sdb";
  const std::string text = job_info(job, {});
  EXPECT_THAT(text, HasSubstr("waits for  volume 'vol1', held by job 'b'\n"));
  EXPECT_THAT(text, HasSubstr("scratch    tail of /dev/sdb\n"));
}

TEST(Info, TellsOfAScratchThatHasLostItsName) {
  JobContext context;
  context.scratch_fault = "scratch /s/cow was deleted";
  EXPECT_THAT(job_info(running_job(), context),
              HasSubstr("at risk    scratch /s/cow was deleted\n"));
}

TEST(Info, OfAJobThatIsGoneHasItsOutcomeAndNoSpeed) {
  json job = job_in("null");
  job["error"] = "Operation canceled";
  JobContext context;
  context.gone = true;
  EXPECT_THAT(job_info(job, context), HasSubstr("status    cancelled\n"));
  EXPECT_THAT(job_info(job, context), Not(HasSubstr("speed")));
}

TEST(Info, OffersOnlyWhatTheDaemonWouldTakeNow) {
  json job = job_in("pending");
  job["verbs"] = {"cancel"};
  EXPECT_EQ(advice(job, {}), "`dmjob cancel vol1` drops it");
  job["verbs"] = json::array();
  EXPECT_EQ(advice(job, {}), "nothing: it ends by itself");
  job["status"] = "ready";
  job["verbs"] = {"pause", "cancel"};
  EXPECT_EQ(advice(job, {}), "`dmjob cancel vol1` ends it and leaves /dev/sdb a copy");
}

struct Advice {
  const char* status;
  const char* text;

  friend void PrintTo(const Advice& advice, std::ostream* out) { *out << advice.status; }
};

class AdviceByStatus : public testing::TestWithParam<Advice> {};

TEST_P(AdviceByStatus, NamesACommand) {
  EXPECT_EQ(advice(job_in(GetParam().status), {}), GetParam().text);
}

INSTANTIATE_TEST_SUITE_P(
    Statuses, AdviceByStatus,
    testing::Values(
        Advice{"created", "nothing: it goes on by itself; `dmjob pause vol1` holds it"},
        Advice{"paused", "`dmjob resume vol1` goes on; `dmjob cancel --force vol1` gives up"},
        Advice{"standby", "`dmjob resume vol1` goes on; `dmjob cancel --force vol1` gives up"},
        Advice{"ready",
               "`dmjob complete vol1` switches vol1 to /dev/sdb; `dmjob cancel vol1` ends it and "
               "leaves /dev/sdb a copy"},
        Advice{"waiting", "`dmjob cancel vol1` drops its whole transaction"},
        Advice{"pending",
               "`dmjob finalize vol1` lets it take effect; `dmjob cancel vol1` drops it"},
        Advice{"aborting", "nothing: it ends by itself"},
        Advice{"concluded", "`dmjob dismiss vol1` forgets it"}));

}  // namespace
}  // namespace dmjob::cli
