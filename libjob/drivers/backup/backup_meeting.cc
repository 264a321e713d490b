// SPDX-License-Identifier: LGPL-2.1-or-later
// How the backups of a transaction come to their one instant.
#include <algorithm>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/backup/backup_driver.h"
#include "libjob/drivers/base/volume_group.h"
#include "libjob/drivers/plan/planned_volume.h"

namespace dmjob::drivers {

// The last backup of the transaction to come here acts for all. Who is acted for stays, even if it
// is cancelled meanwhile.
boost::asio::awaitable<void> BackupDriver::meet(core::Job& job) {
  job_ = &job;
  is_here_ = true;
  report_.set_phase("waiting for the other volumes");
  while (group_->is_open()) {
    const bool gathering = group_->state() == BackupGroup::State::kGathering;
    if (gathering && job.must_return()) co_return;
    if (gathering && group_->all_are_here())
      co_await act_for_all();
    else
      co_await job.wait_kick(kSlice);
  }
  if (group_->state() == BackupGroup::State::kBroken) throw core::Error(group_->why_broken());
}

void BackupDriver::hear_of_the_group() {
  if (job_) job_->kick();
}

boost::asio::awaitable<void> BackupDriver::act_for_all() {
  group_->begin_switch();
  Drivers all;
  for (BackupGroup::Member* member : group_->members())
    all.push_back(static_cast<BackupDriver*>(member));
  for (BackupDriver* driver : all) driver->report_.set_phase("the instant");
  const std::string failed = co_await take_instant(all);
  group_->end_switch(failed);
}

boost::asio::awaitable<std::string> BackupDriver::take_instant(Drivers all) {
  // A file system is frozen before the volume of its journal, which nobody has mounted, is
  // suspended.
  const auto has_mounted = [](const BackupDriver* driver) {
    return is_mounted(driver->context_.plan);
  };
  std::vector<WantedVolume> volumes;
  for (const BackupDriver* driver : all)
    volumes.emplace_back(driver->context_.plan.volume,
                         "instant of job '" + driver->context_.job_id + "'");
  for (BackupDriver* driver : all) co_await driver->look_at_mounts();
  try {
    const auto holds = co_await hold_volumes(context_.environment.locks, volumes);
    auto take = [&] {
      std::ranges::partition(all, has_mounted);
      std::vector<BackupCopy*> copies;
      for (const BackupDriver* driver : all) copies.push_back(driver->copy_.get());
      BackupCopy::take_instant(copies);
    };
    co_await context_.worker.run(std::move(take));
  } catch (const std::exception& error) {
    co_return "the instant could not be taken: " + std::string(error.what());
  }
  co_return "";
}

}  // namespace dmjob::drivers
