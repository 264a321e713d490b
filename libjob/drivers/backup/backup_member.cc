// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup/backup_member.h"

#include <algorithm>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/base/transfer.h"
#include "libjob/drivers/base/volume_group.h"
#include "libjob/drivers/plan/planned_volume.h"

namespace dmjob::drivers {

BackupMember::BackupMember(JobContext& context, TransferReport& report, BackupCopy& copy,
                           std::shared_ptr<BackupGroup> group)
    : context_(context), report_(report), copy_(copy), group_(std::move(group)) {
  group_->join(*this);
}

BackupMember::~BackupMember() { group_->leave(*this, ""); }

void BackupMember::leave(const std::string& why) {
  group_->leave(*this, "the backup '" + context_.job_id + "' of its transaction" + why);
}

// The last backup of the transaction to come here acts for all. Who is acted for stays, even if it
// is cancelled meanwhile.
boost::asio::awaitable<void> BackupMember::meet(core::Job& job) {
  job_ = &job;
  report_.set_phase("waiting for the other volumes");
  while (group_->is_open()) {
    const bool gathering = group_->state() == BackupGroup::State::kGathering;
    if (gathering && job.must_return()) {
      job_ = nullptr;
      co_return;
    }
    if (gathering && group_->all_are_here())
      co_await act_for_all();
    else
      co_await job.wait_kick(Transfer::kSlice);
  }
  if (group_->state() == BackupGroup::State::kBroken) throw core::Error(group_->why_broken());
}

void BackupMember::hear_of_the_group() {
  if (job_) job_->kick();
}

boost::asio::awaitable<void> BackupMember::act_for_all() {
  group_->begin_switch();
  const BackupGroup::Members all = group_->members();
  for (BackupMember* member : all) member->report_.set_phase("the instant");
  const std::string failed = co_await take_instant(all);
  group_->end_switch(failed);
}

// Returns "" or why it could not be taken.
boost::asio::awaitable<std::string> BackupMember::take_instant(BackupGroup::Members all) {
  // A file system is frozen before the volume of its journal, which nobody has mounted, is
  // suspended.
  const auto has_mounted = [](const BackupMember* member) {
    return is_mounted(member->context_.plan);
  };
  std::vector<WantedVolume> volumes;
  for (const BackupMember* member : all)
    volumes.emplace_back(member->context_.plan.volume,
                         "instant of job '" + member->context_.job_id + "'");
  for (BackupMember* member : all)
    co_await member->context_.find_not_frozen(member->context_.plan.volume);
  try {
    const auto holds = co_await hold_volumes(context_.environment.locks, volumes);
    auto take = [&] {
      std::ranges::partition(all, has_mounted);
      std::vector<BackupCopy*> copies;
      for (const BackupMember* member : all) copies.push_back(&member->copy_);
      BackupCopy::take_instant(copies);
    };
    co_await context_.worker.run(std::move(take));
  } catch (const std::exception& error) {
    co_return "the instant could not be taken: " + std::string(error.what());
  }
  co_return "";
}

}  // namespace dmjob::drivers
