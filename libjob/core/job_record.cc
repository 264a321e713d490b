// SPDX-License-Identifier: LGPL-2.1-or-later
// A job as JSON in the state file, and back.
#include <cassert>
#include <optional>
#include <utility>

#include "libjob/core/job.h"
#include "libjob/core/job_state.h"
#include "libjob/core/json_text.h"

namespace dmjob::core {

// All that may change in record(); with no driver its part does not.
struct JobTexts::Record {
  struct Key {
    Status status;
    JobFlags flags;
    IoStatus io_status;
    std::uint64_t speed;
    Progress::Snapshot progress;
    std::string error;
    std::optional<std::uint64_t> driver_version;
    bool operator==(const Key&) const = default;
  };
  Key key;
  std::shared_ptr<const std::string> text;
};

namespace {

struct FlagName {
  const char* name;
  bool JobFlags::* flag;
};

const FlagName kFlagNames[] = {
    {"user-paused", &JobFlags::user_paused}, {"cancelled", &JobFlags::cancelled},
    {"soft-cancel", &JobFlags::soft_cancel}, {"complete", &JobFlags::complete},
    {"finalize", &JobFlags::finalize},       {"ready", &JobFlags::ready},
    {"preparing", &JobFlags::preparing},     {"prepared", &JobFlags::prepared},
};

nlohmann::json options_to_json(const JobOptions& options) {
  return {{"speed", options.speed},
          {"auto-finalize", options.auto_finalize},
          {"auto-dismiss", options.auto_dismiss},
          {"claims", options.claims}};
}

JobOptions options_from(const nlohmann::json& record) {
  const nlohmann::json& options = record.at("options");
  return {.id = record.at("id"),
          .speed = options.at("speed"),
          .auto_finalize = options.at("auto-finalize"),
          .auto_dismiss = options.at("auto-dismiss"),
          .claims = options.at("claims")};
}

[[noreturn]] void throw_damaged(const nlohmann::json& record, const std::string& why) {
  const bool named = record.is_object() && record.contains("id");
  throw Error("The record of job " + (named ? record["id"].dump() : "(no id)") +
              " is damaged: " + why);
}

void restore_from(JobState& job, const nlohmann::json& record) {
  const auto status = parse_status(record.at("status").get<std::string>());
  const auto io_status = parse_io_status(record.at("io-status").get<std::string>());
  const bool lives = status && *status != Status::kUndefined && *status != Status::kNull;
  if (!lives || !io_status) throw_damaged(record, "unknown status");

  job.life.restored = true;
  job.status = *status;
  job.io_status = *io_status;
  job.type = record.at("type");
  job.error = record.at("error");
  const nlohmann::json& progress = record.at("progress");
  job.progress.restore({.offset = progress.at("offset"), .len = progress.at("len")});
  for (const FlagName& entry : kFlagNames) {
    job.flags.*entry.flag = record.at("flags").at(entry.name).get<bool>();
  }
  if (stage_of(job.status) == Stage::kAbort) job.life.outcome = Outcome::kFailure;
  if (stage_of(job.status) == Stage::kOver) {
    job.driver.reset();
    job.last_words = record.at("driver");
    return;
  }
  assert(job.driver);
  job.driver->set_speed(job.options.speed);
}

}  // namespace

nlohmann::json Job::record() const {
  nlohmann::json flags;
  for (const FlagName& entry : kFlagNames) flags[entry.name] = state_->flags.*entry.flag;
  const auto [offset, len] = state_->progress.get();
  return {{"id", id()},
          {"type", state_->type},
          {"status", to_string(state_->status)},
          {"transaction", state_->transaction->id()},
          {"options", options_to_json(state_->options)},
          {"flags", flags},
          {"io-status", to_string(state_->io_status)},
          {"error", state_->error},
          {"progress", {{"offset", offset}, {"len", len}}},
          {"driver", state_->driver ? state_->driver->record() : state_->last_words}};
}

std::shared_ptr<const std::string> Job::record_text() const {
  constexpr std::uint64_t kNoDriver = 0;
  JobTexts::Record::Key key{state_->status,
                            state_->flags,
                            state_->io_status,
                            state_->options.speed,
                            state_->progress.get(),
                            state_->error,
                            state_->driver ? state_->driver->record_version() : kNoDriver};
  std::shared_ptr<JobTexts::Record>& kept = state_->texts.record;
  if (!kept) kept = std::make_shared<JobTexts::Record>();
  if (!kept->text || !key.driver_version || key != kept->key) {
    kept->key = std::move(key);
    kept->text = std::make_shared<const std::string>(to_text(record()));
  }
  return kept->text;
}

std::shared_ptr<Job> Job::restore(JobHost& host, const nlohmann::json& record,
                                  std::unique_ptr<Driver> driver, Group group) {
  try {
    std::shared_ptr<Job> job(
        new Job(host, options_from(record), std::move(driver), std::move(group)));
    restore_from(*job->state_, record);
    if (job->state_->driver) job->state_->join_group();
    return job;
  } catch (const nlohmann::json::exception& error) {
    throw_damaged(record, error.what());
  }
}

}  // namespace dmjob::core
