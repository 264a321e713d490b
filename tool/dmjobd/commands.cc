// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/commands.h"

#include <algorithm>
#include <array>
#include <string>
#include <utility>

#include "libjob/core/error.h"
#include "tool/dmjobd/handlers.h"

namespace dmjob::daemon {
namespace {

using core::Error;
using core::ErrorClass;
using core::Job;

constexpr auto kNeeded = Need::kRequired;
constexpr auto kFree = Need::kOptional;
constexpr auto kGeneric = ErrorClass::kGeneric;
constexpr auto kInactive = ErrorClass::kDeviceNotActive;

constexpr std::string_view kOnError = "report ignore stop enospc auto";
constexpr std::string_view kOwnTarget = "complete puts the target in the place of the volume";
constexpr std::string_view kNoNodes = "dmjob has no node graph";
constexpr std::string_view kNoBitmaps = "dmjob has no bitmaps with a name";
constexpr std::string_view kNoChoice = "dmjob chooses by itself how zeroes are written";
constexpr std::string_view kOneBacking = "an overlay has one disk below it, and all of it is taken";

constexpr std::array<Parameter, 0> kNone{};
constexpr std::array kById{Parameter{"id", Type::kText, kNeeded}};
constexpr std::array kByDevice{Parameter{"device", Type::kText, kNeeded}};
constexpr std::array kByName{Parameter{"name", Type::kText, kNeeded}};

constexpr std::array kCapabilities{Parameter{"enable", Type::kTexts, kFree}};
constexpr std::array kOneJob{Parameter{"id", Type::kText, kFree}};
constexpr std::array kOneBlockJob{Parameter{"device", Type::kText, kFree}};
constexpr std::array kSince{Parameter{"since", Type::kSize, kNeeded}};
constexpr std::array kCancel{Parameter{"device", Type::kText, kNeeded},
                             Parameter{"force", Type::kFlag, kFree}};
constexpr std::array kSetSpeed{Parameter{"device", Type::kText, kNeeded},
                               Parameter{"speed", Type::kInteger, kNeeded}};
constexpr std::array kAttach{Parameter{"name", Type::kText, kNeeded},
                             Parameter{"device", Type::kText, kNeeded}};
constexpr std::array kDetach{Parameter{"name", Type::kText, kNeeded},
                             Parameter{"force", Type::kFlag, kFree}};
constexpr std::array kOverlay{
    Parameter{"name", Type::kText, kNeeded}, Parameter{"backing", Type::kText, kNeeded},
    Parameter{"target", Type::kText, kFree}, Parameter{"scratch", Type::kText, kFree},
    Parameter{"force", Type::kFlag, kFree}};
constexpr std::array kSnapshot{Parameter{"name", Type::kText, kNeeded},
                               Parameter{"scratch", Type::kText, kFree},
                               Parameter{"force", Type::kFlag, kFree}};
// --- what several jobs have ---

constexpr Parameter refused(std::string_view name, std::string_view why) {
  return {name, Type::kUnsupported, kFree, why};
}

template <std::size_t kLeft, std::size_t kRight>
constexpr auto operator+(const std::array<Parameter, kLeft>& left,
                         const std::array<Parameter, kRight>& right) {
  std::array<Parameter, kLeft + kRight> both{};
  std::ranges::copy(right, std::ranges::copy(left, both.begin()).out);
  return both;
}

constexpr std::array kAnyJob{
    Parameter{"job-id", Type::kText, kFree}, Parameter{"speed", Type::kInteger, kFree},
    Parameter{"auto-finalize", Type::kFlag, kFree}, Parameter{"auto-dismiss", Type::kFlag, kFree}};
constexpr std::array kFromTo{Parameter{"device", Type::kText, kNeeded},
                             Parameter{"target", Type::kText, kNeeded}};
constexpr std::array kErrorsOfBothSides{Parameter{"on-source-error", Type::kWord, kFree, kOnError},
                                        Parameter{"on-target-error", Type::kWord, kFree, kOnError}};
constexpr std::array kOnScratch{Parameter{"scratch", Type::kText, kFree},
                                Parameter{"force", Type::kFlag, kFree}};
constexpr auto kTwoDisks = kAnyJob + kFromTo + kErrorsOfBothSides + kOnScratch;
constexpr auto kTransfer = kTwoDisks + std::array{Parameter{"granularity", Type::kSize, kFree},
                                                  Parameter{"error-map", Type::kText, kFree},
                                                  Parameter{"verify", Type::kFlag, kFree}};
constexpr std::array kNoFilter{refused("filter-node-name", kNoNodes)};
constexpr std::array kNoOtherBacking{refused("base", kOneBacking),
                                     refused("base-node", kOneBacking),
                                     refused("backing-file", kOneBacking)};

// --- each job's own ---

constexpr std::array kMirrorsOwn{
    Parameter{"sync", Type::kWord, kNeeded, "full"},
    Parameter{"copy-mode", Type::kWord, kFree, "background"},
    Parameter{"pivot", Type::kFlag, kFree},
    refused("replaces", kOwnTarget),
    refused("node-name", kNoNodes),
    refused("buf-size", "dmjob sizes its buffers itself"),
    refused("unmap", kNoChoice),
    refused("target-is-zero", kNoChoice),
};
constexpr auto kMirror = kTransfer + kMirrorsOwn + kNoFilter;

constexpr std::array kNewFile{
    Parameter{"format", Type::kWord, kFree, "raw"},
    Parameter{"mode", Type::kWord, kFree, "existing absolute-paths"},
};
constexpr auto kDriveMirror = kMirror + kNewFile;

constexpr std::array kBackupsOwn{
    Parameter{"sync", Type::kWord, kNeeded, "full incremental"},
    Parameter{"x-track", Type::kFlag, kFree},
    refused("bitmap", kNoBitmaps),
    refused("bitmap-mode", kNoBitmaps),
    refused("compress", "the target is a disk, or a file like one"),
    refused("x-perf", "dmjob sizes its requests itself"),
    refused("on-cbw-error", "the volume never fails for its backup, which fails instead"),
    refused("discard-source", "the source is a volume in use"),
};
constexpr auto kBackup = kTransfer + kBackupsOwn + kNoFilter;

constexpr auto kCompare = kTwoDisks;

constexpr std::array kStreamsOwn{
    Parameter{"device", Type::kText, kNeeded},
    Parameter{"target", Type::kText, kFree},
    Parameter{"on-error", Type::kWord, kFree, kOnError},
    refused("bottom", kOneBacking),
};
constexpr auto kStream =
    kAnyJob + kStreamsOwn + kErrorsOfBothSides + kOnScratch + kNoOtherBacking + kNoFilter;

constexpr std::array kCommitsOwn{
    Parameter{"device", Type::kText, kNeeded},
    Parameter{"on-error", Type::kWord, kFree, kOnError},
    refused("top", kOneBacking),
    refused("top-node", kOneBacking),
};
constexpr auto kCommit = kAnyJob + kCommitsOwn + kNoOtherBacking + kNoFilter;

constexpr std::array kTransaction{Parameter{"actions", Type::kObjects, kNeeded},
                                  Parameter{"properties", Type::kObject, kFree}};

constexpr auto kQuery = Access::kQuery;
constexpr auto kAll = Access::kAll;

constexpr std::array kCommands{
    // name, who may, parameters, handler
    Command{"qmp_capabilities", kQuery, kCapabilities, negotiate_again},
    Command{"query-version", kQuery, kNone, query_version},
    Command{"query-commands", kQuery, kNone, query_commands},
    Command{"query-jobs", kQuery, kOneJob, query_jobs},
    Command{"query-block-jobs", kQuery, kOneBlockJob, query_block_jobs},
    Command{"query-job-history", kQuery, kNone, query_job_history},
    Command{"query-volumes", kQuery, kNone, query_volumes},
    Command{"query-boot-warnings", kQuery, kNone, query_boot_warnings},
    Command{"query-not-frozen", kQuery, kByDevice, query_not_frozen},
    Command{"query-hidden-disks", kQuery, kNone, query_hidden_disks},
    Command{"query-events", kQuery, kSince, query_events},

    Command{"job-pause", kAll, kById, apply_verb<&Job::pause, kGeneric>},
    Command{"job-resume", kAll, kById, apply_verb<&Job::resume, kGeneric>},
    Command{"job-cancel", kAll, kById, job_cancel},
    Command{"job-complete", kAll, kById, apply_verb<&Job::complete, kGeneric>},
    Command{"job-finalize", kAll, kById, apply_verb<&Job::finalize, kGeneric>},
    Command{"job-dismiss", kAll, kById, apply_verb<&Job::dismiss, kGeneric>},

    Command{"block-job-pause", kAll, kByDevice, apply_verb<&Job::pause, kInactive>},
    Command{"block-job-resume", kAll, kByDevice, apply_verb<&Job::resume, kInactive>},
    Command{"block-job-cancel", kAll, kCancel, block_job_cancel},
    Command{"block-job-complete", kAll, kByDevice, apply_verb<&Job::complete, kInactive>},
    Command{"block-job-finalize", kAll, kById, apply_verb<&Job::finalize, kInactive>},
    Command{"block-job-dismiss", kAll, kById, apply_verb<&Job::dismiss, kInactive>},
    Command{"block-job-set-speed", kAll, kSetSpeed, block_job_set_speed},

    Command{"blockdev-mirror", kAll, kMirror, blockdev_mirror},
    Command{"drive-mirror", kAll, kDriveMirror, drive_mirror},
    Command{"blockdev-backup", kAll, kBackup, blockdev_backup},
    Command{"block-stream", kAll, kStream, block_stream},
    Command{"block-commit", kAll, kCommit, block_commit},
    Command{"transaction", kAll, kTransaction, transaction},
    Command{"volume-compare", kAll, kCompare, volume_compare},
    Command{"volume-attach", kAll, kAttach, volume_attach},
    Command{"volume-detach", kAll, kDetach, volume_detach},
    Command{"volume-overlay", kAll, kOverlay, volume_overlay},
    Command{"volume-snapshot", kAll, kSnapshot, volume_snapshot},
    Command{"volume-rollback", kAll, kByName, volume_rollback},
    Command{"volume-untrack", kAll, kByName, volume_untrack},
    Command{"disk-release", kAll, kByDevice, disk_release},
};

void check_caller(const Command& command, Access caller) {
  if (caller < command.access) {
    throw Error("Command '" + std::string(command.name) + "' is for root; you may query only");
  }
}

void check_out_of_band(const Command& command) {
  if (command.access != Access::kQuery) {
    throw Error("Command '" + std::string(command.name) + "' does not support OOB");
  }
}

std::string unremembered(const std::string& why_not) {
  return "done, but not written down: " + why_not +
         "; a daemon that is killed before it is forgets it";
}

}  // namespace

std::span<const Command> commands() { return kCommands; }

const Command* find_command(std::string_view name) {
  const auto found = std::ranges::find(kCommands, name, &Command::name);
  return found == kCommands.end() ? nullptr : &*found;
}

Answer run_command(Daemon& daemon, Access caller, Request request) {
  const Command* command = find_command(request.command);
  if (command == nullptr) {
    throw Error("The command '" + request.command + "' has not been found",
                ErrorClass::kCommandNotFound);
  }
  check_caller(*command, caller);
  if (request.out_of_band) check_out_of_band(*command);
  Arguments arguments(std::move(request.arguments), command->parameters, std::move(request.wanted));
  auto running = command->handler(daemon, std::move(arguments));
  Reply reply = co_await std::move(running);
  if (command->access == Access::kAll) {
    const std::string why_not = co_await daemon.remember();
    if (!why_not.empty()) reply.add("warning", unremembered(why_not));
  }
  co_return reply;
}

}  // namespace dmjob::daemon
