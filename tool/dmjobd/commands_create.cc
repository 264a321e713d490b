// SPDX-License-Identifier: LGPL-2.1-or-later
#include <array>
#include <utility>
#include <vector>

#include "libjob/core/error.h"
#include "libjob/core/error_policy.h"
#include "tool/dmjobd/commands.h"
#include "tool/dmjobd/handlers.h"

namespace dmjob::daemon {
namespace {

using core::OnError;
using nlohmann::json;

OnError on_error(const Arguments& arguments, std::string_view name, OnError otherwise) {
  const auto word = arguments.text_if(name);
  return word ? core::parse_on_error(*word).value_or(otherwise) : otherwise;
}

// What any job has.
void read_settings(drivers::JobSettings& settings, const Arguments& arguments) {
  settings.id = arguments.text_if("job-id");
  settings.speed = arguments.integer("speed", settings.speed);
  settings.auto_finalize = arguments.flag("auto-finalize", settings.auto_finalize);
  settings.auto_dismiss = arguments.flag("auto-dismiss", settings.auto_dismiss);
}

// What a copy and a backup are asked alike.
template <typename Request>
Request transfer_request(const Arguments& arguments) {
  Request request;
  read_settings(request, arguments);
  request.source = arguments.text("device");
  request.target = arguments.text("target");
  request.scratch = arguments.text_if("scratch");
  request.granularity = arguments.size_if("granularity");
  request.on_source_error = on_error(arguments, "on-source-error", request.on_source_error);
  request.on_target_error = on_error(arguments, "on-target-error", request.on_target_error);
  request.error_map = arguments.text_if("error-map");
  request.force = arguments.flag("force", request.force);
  request.verify = arguments.flag("verify", request.verify);
  return request;
}

drivers::CopyRequest copy_request(const Arguments& arguments) {
  auto request = transfer_request<drivers::CopyRequest>(arguments);
  request.will_pivot = arguments.flag("pivot", request.will_pivot);
  return request;
}

drivers::BackupRequest backup_request(const Arguments& arguments) {
  auto request = transfer_request<drivers::BackupRequest>(arguments);
  request.track = arguments.flag("x-track", request.track);
  request.incremental = arguments.text("sync") == "incremental";
  if (request.track && request.incremental)
    throw core::Error("x-track begins a chain with a full backup: it goes with sync full only");
  return request;
}

// QEMU's on-error is for both sides; dmjob's own words tell them apart.
drivers::StreamRequest stream_request(const Arguments& arguments) {
  drivers::StreamRequest request;
  read_settings(request, arguments);
  request.volume = arguments.text("device");
  request.target = arguments.text_if("target");
  request.scratch = arguments.text_if("scratch");
  const OnError both = on_error(arguments, "on-error", request.on_source_error);
  request.on_source_error = on_error(arguments, "on-source-error", both);
  request.on_target_error = on_error(arguments, "on-target-error", both);
  request.force = arguments.flag("force", request.force);
  return request;
}

drivers::CommitRequest commit_request(const Arguments& arguments) {
  drivers::CommitRequest request;
  read_settings(request, arguments);
  request.volume = arguments.text("device");
  request.on_error = on_error(arguments, "on-error", request.on_error);
  return request;
}

// Where the client wants the ids, it asks query-jobs or listens, as with QEMU: the answer is empty.
Answer start(Daemon& daemon, std::vector<drivers::JobRequest> requests, bool grouped,
             Wanted wanted) {
  auto started = daemon.start_jobs(std::move(requests), grouped, std::move(wanted));
  co_await std::move(started);
  co_return json::object();
}

// An action is a command under another name.
drivers::JobRequest action_request(const json& action) {
  constexpr std::array kAction{
      Parameter{"type", Type::kWord, Need::kRequired,
                "blockdev-mirror blockdev-backup block-stream block-commit"},
      Parameter{"data", Type::kObject, Need::kRequired}};
  const Arguments outer(action, kAction);
  const std::string type = outer.text("type");
  const Arguments arguments(outer.value("data"), find_command(type)->parameters);
  if (type == "blockdev-backup") return backup_request(arguments);
  if (type == "block-stream") return stream_request(arguments);
  if (type == "block-commit") return commit_request(arguments);
  return copy_request(arguments);
}

bool is_grouped(const Arguments& arguments) {
  constexpr std::array kProperties{
      Parameter{"completion-mode", Type::kWord, Need::kOptional, "individual grouped"}};
  if (!arguments.has("properties")) return false;
  const Arguments properties(arguments.value("properties"), kProperties);
  return properties.text_if("completion-mode") == "grouped";
}

}  // namespace

Answer blockdev_mirror(Daemon& daemon, Arguments arguments) {
  return start(daemon, {copy_request(arguments)}, false, arguments.wanted());
}

Answer block_stream(Daemon& daemon, Arguments arguments) {
  return start(daemon, {stream_request(arguments)}, false, arguments.wanted());
}

Answer block_commit(Daemon& daemon, Arguments arguments) {
  return start(daemon, {commit_request(arguments)}, false, arguments.wanted());
}

Answer drive_mirror(Daemon& daemon, Arguments arguments) {
  drivers::CopyRequest request = copy_request(arguments);
  request.must_exist = arguments.text_if("mode") == "existing";
  return start(daemon, {std::move(request)}, false, arguments.wanted());
}

Answer blockdev_backup(Daemon& daemon, Arguments arguments) {
  return start(daemon, {backup_request(arguments)}, false, arguments.wanted());
}

// Every action's arguments are checked before the first one has an effect.
Answer transaction(Daemon& daemon, Arguments arguments) {
  std::vector<drivers::JobRequest> requests;
  for (const json& action : arguments.value("actions")) requests.push_back(action_request(action));
  return start(daemon, std::move(requests), is_grouped(arguments), arguments.wanted());
}

Answer volume_compare(Daemon& daemon, Arguments arguments) {
  return start(daemon, {transfer_request<drivers::CompareRequest>(arguments)}, false,
               arguments.wanted());
}

Answer volume_attach(Daemon& daemon, Arguments arguments) {
  auto attached =
      daemon.attach(arguments.text("name"), arguments.text("device"), arguments.wanted());
  co_await std::move(attached);
  co_return json::object();
}

Answer volume_detach(Daemon& daemon, Arguments arguments) {
  auto detached =
      daemon.detach(arguments.text("name"), arguments.flag("force", false), arguments.wanted());
  const std::string lost = co_await std::move(detached);
  co_return lost.empty() ? json::object() : json{{"lost", lost}};
}

Answer disk_release(Daemon& daemon, Arguments arguments) {
  auto released = daemon.release(arguments.text("device"));
  const std::string volume = co_await std::move(released);
  co_return json{{"volume", volume}};
}

Answer volume_untrack(Daemon& daemon, Arguments arguments) {
  auto ended = daemon.untrack(arguments.text("name"), arguments.wanted());
  co_await std::move(ended);
  co_return json::object();
}

}  // namespace dmjob::daemon
