// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The handlers and parameters that the rows of commands.cc name.
// Thread: the reactor. Errors: core::Error.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <nlohmann/json.hpp>

#include "libjob/core/job.h"
#include "tool/dmjobd/arguments.h"
#include "tool/dmjobd/commands.h"
#include "tool/dmjobd/daemon.h"

namespace dmjob::daemon {

// --- commands_query.cc ---
Answer query_version(Daemon& daemon, Arguments arguments);
Answer query_commands(Daemon& daemon, Arguments arguments);
Answer query_jobs(Daemon& daemon, Arguments arguments);
Answer query_block_jobs(Daemon& daemon, Arguments arguments);
Answer query_job_history(Daemon& daemon, Arguments arguments);
Answer query_volumes(Daemon& daemon, Arguments arguments);
Answer query_not_frozen(Daemon& daemon, Arguments arguments);
Answer query_hidden_disks(Daemon& daemon, Arguments arguments);
Answer query_boot_warnings(Daemon& daemon, Arguments arguments);
Answer query_events(Daemon& daemon, Arguments arguments);
// Negotiates; the session does that, and lets only a second one come here.
Answer negotiate_again(Daemon& daemon, Arguments arguments);

// --- commands_create.cc ---
Answer blockdev_mirror(Daemon& daemon, Arguments arguments);
Answer drive_mirror(Daemon& daemon, Arguments arguments);
Answer blockdev_backup(Daemon& daemon, Arguments arguments);
Answer block_stream(Daemon& daemon, Arguments arguments);
Answer block_commit(Daemon& daemon, Arguments arguments);
Answer transaction(Daemon& daemon, Arguments arguments);
Answer volume_compare(Daemon& daemon, Arguments arguments);
Answer volume_attach(Daemon& daemon, Arguments arguments);
Answer volume_detach(Daemon& daemon, Arguments arguments);
Answer volume_untrack(Daemon& daemon, Arguments arguments);
Answer disk_release(Daemon& daemon, Arguments arguments);

// --- commands_overlay.cc ---
Answer volume_overlay(Daemon& daemon, Arguments arguments);
Answer volume_snapshot(Daemon& daemon, Arguments arguments);
Answer volume_rollback(Daemon& daemon, Arguments arguments);

// --- commands_job.cc ---
// The job-* family names the job `id`, and an unknown one is GenericError; for the block-job-*
// family it is `device` (or `id`) and DeviceNotActive.
Answer job_cancel(Daemon& daemon, Arguments arguments);
Answer block_job_cancel(Daemon& daemon, Arguments arguments);
Answer block_job_set_speed(Daemon& daemon, Arguments arguments);

std::shared_ptr<core::Job> named_job(Daemon& daemon, const Arguments& arguments,
                                     core::ErrorClass if_unknown);

// A verb without arguments.
template <void (core::Job::*kVerb)(), core::ErrorClass kIfUnknown>
Answer apply_verb(Daemon& daemon, Arguments arguments) {
  const auto job = named_job(daemon, arguments, kIfUnknown);
  (job.get()->*kVerb)();
  co_return nlohmann::json::object();
}

}  // namespace dmjob::daemon
