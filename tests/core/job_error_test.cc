// SPDX-License-Identifier: LGPL-2.1-or-later
// What a job does about an I/O error: each policy, each side, each kind of error.
#include <string>
#include <string_view>
#include <tuple>

#include "tests/core/daemon_fixture.h"

namespace dmjob::test {
namespace {

using core::Job;
using nlohmann::json;

const std::error_code kEio = std::make_error_code(std::errc::io_error);
const std::error_code kEnospc = std::make_error_code(std::errc::no_space_on_device);

struct Row {
  const char* policy;
  std::error_code error;
  const char* action;
  const char* io_status;
  std::string_view story;  // behind "created running ERROR"
};

constexpr std::string_view kFails = " aborting COMPLETED(error) concluded";
constexpr std::string_view kPauses = " paused";
constexpr std::string_view kGoesOn = "";

const Row kRows[] = {
    {"report", kEio, "report", "ok", kFails},  {"report", kEnospc, "report", "ok", kFails},
    {"ignore", kEio, "ignore", "ok", kGoesOn}, {"ignore", kEnospc, "ignore", "ok", kGoesOn},
    {"stop", kEio, "stop", "failed", kPauses}, {"stop", kEnospc, "stop", "nospace", kPauses},
    {"enospc", kEio, "report", "ok", kFails},  {"enospc", kEnospc, "stop", "nospace", kPauses},
    {"auto", kEio, "report", "ok", kFails},    {"auto", kEnospc, "stop", "nospace", kPauses},
};

class IoError : public DaemonTest,
                public ::testing::WithParamInterface<std::tuple<const char*, Row>> {
 protected:
  IoError() {
    toy->on_error = *core::parse_on_error(row.policy);
    toy->error_is_read = operation == "read";
    toy->io_error = row.error;
    start({.id = "j", .auto_dismiss = false});
  }
  // As they were just after the error.
  bool failed() const { return row.story == kFails; }
  bool paused() const { return row.story == kPauses; }

  const std::string operation = std::get<0>(GetParam());
  const Row& row = std::get<1>(GetParam());
};

TEST_P(IoError, IsAnEventWithQemusFieldsBeforeWhatComesOfIt) {
  EXPECT_EQ(story(), "created running ERROR" + std::string(row.story));
  EXPECT_EQ(event("BLOCK_JOB_ERROR"),
            json({{"device", "j"}, {"operation", operation}, {"action", row.action}}));
}

TEST_P(IoError, IsSeenInTheQueries) {
  const json seen = job->query_block_job();
  EXPECT_EQ(seen["io-status"], row.io_status);
  EXPECT_EQ(seen["paused"], paused());
  EXPECT_EQ(seen.contains("error"), failed());
  EXPECT_EQ(job->query_job().contains("error"), failed());
}

TEST_P(IoError, ThatIsMendedKeepsNoJobThatLivesFromItsEnd) {
  toy->io_error.clear();
  toy->work_done = true;
  if (paused()) ask([](Job& j) { j.resume(); });
  ask([](Job& j) { j.kick(); });
  EXPECT_EQ(status(), failed() ? "concluded" : "ready");
  EXPECT_EQ(job->query_block_job()["io-status"], "ok");
}

TEST_P(IoError, IsKnownToTheNextDaemon) {
  stop_daemon();
  toy->io_error.clear();
  restart_daemon();
  EXPECT_EQ(status(), failed() ? "concluded" : paused() ? "paused" : "running");
  EXPECT_EQ(job->query_block_job()["io-status"], row.io_status);
}

std::string name_of(const ::testing::TestParamInfo<IoError::ParamType>& cell) {
  const Row& row = std::get<1>(cell.param);
  const std::string error = row.error == kEio ? "EIO" : "ENOSPC";
  return std::string(row.policy) + "_" + std::get<0>(cell.param) + "_" + error;
}

INSTANTIATE_TEST_SUITE_P(Policies, IoError,
                         ::testing::Combine(::testing::Values("read", "write"),
                                            ::testing::ValuesIn(kRows)),
                         name_of);

}  // namespace
}  // namespace dmjob::test
