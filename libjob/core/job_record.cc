// SPDX-License-Identifier: LGPL-2.1-or-later
// A job as JSON in the state file, and back.
#include <cassert>
#include <optional>
#include <utility>

#include "libjob/core/job.h"
#include "libjob/core/json_text.h"

namespace dmjob::core {

struct Job::FlagName {
  const char* name;
  bool Flags::* flag;
};

const Job::FlagName Job::kFlagNames[] = {
    {"user-paused", &Flags::user_paused}, {"cancelled", &Flags::cancelled},
    {"soft-cancel", &Flags::soft_cancel}, {"complete", &Flags::complete},
    {"finalize", &Flags::finalize},       {"ready", &Flags::ready},
    {"preparing", &Flags::preparing},     {"prepared", &Flags::prepared},
};

// All that may change in record(); with no driver its part does not.
struct Job::RecordCache {
  struct Key {
    Status status;
    Flags flags;
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

}  // namespace

nlohmann::json Job::record() const {
  nlohmann::json flags;
  for (const FlagName& entry : kFlagNames) flags[entry.name] = flags_.*entry.flag;
  const auto [offset, len] = progress_.get();
  return {{"id", id()},
          {"type", type_},
          {"status", to_string(status_)},
          {"transaction", transaction_->id()},
          {"options", options_to_json(options_)},
          {"flags", flags},
          {"io-status", to_string(io_status_)},
          {"error", error_},
          {"progress", {{"offset", offset}, {"len", len}}},
          {"driver", driver_ ? driver_->record() : last_words_}};
}

std::shared_ptr<const std::string> Job::record_text() const {
  constexpr std::uint64_t kNoDriver = 0;
  RecordCache::Key key{status_,
                       flags_,
                       io_status_,
                       options_.speed,
                       progress_.get(),
                       error_,
                       driver_ ? driver_->record_version() : kNoDriver};
  if (!record_cache_) record_cache_ = std::make_shared<RecordCache>();
  if (!record_cache_->text || !key.driver_version || key != record_cache_->key) {
    record_cache_->key = std::move(key);
    record_cache_->text = std::make_shared<const std::string>(to_text(record()));
  }
  return record_cache_->text;
}

std::shared_ptr<Job> Job::restore(JobHost& host, const nlohmann::json& record,
                                  std::unique_ptr<Driver> driver, Group group) {
  try {
    std::shared_ptr<Job> job(
        new Job(host, options_from(record), std::move(driver), std::move(group)));
    job->restore_from(record);
    if (job->driver_) job->transaction_->join(*job);
    return job;
  } catch (const nlohmann::json::exception& error) {
    throw_damaged(record, error.what());
  }
}

void Job::restore_from(const nlohmann::json& record) {
  const auto status = parse_status(record.at("status").get<std::string>());
  const auto io_status = parse_io_status(record.at("io-status").get<std::string>());
  const bool lives = status && *status != Status::kUndefined && *status != Status::kNull;
  if (!lives || !io_status) throw_damaged(record, "unknown status");

  restored_ = true;
  status_ = *status;
  io_status_ = *io_status;
  type_ = record.at("type");
  error_ = record.at("error");
  const nlohmann::json& progress = record.at("progress");
  progress_.restore({.offset = progress.at("offset"), .len = progress.at("len")});
  for (const FlagName& entry : kFlagNames) {
    flags_.*entry.flag = record.at("flags").at(entry.name).get<bool>();
  }
  if (stage_of(status_) == Stage::kAbort) outcome_ = Outcome::kFailure;
  if (stage_of(status_) == Stage::kOver) {
    driver_.reset();
    last_words_ = record.at("driver");
    return;
  }
  assert(driver_);
  driver_->set_speed(options_.speed);
}

}  // namespace dmjob::core
