// SPDX-License-Identifier: LGPL-2.1-or-later
// How the copies of a transaction end in one moment. The watch of each goes on meanwhile, but only
// lets held writes go (ending_).
#include "libjob/drivers/copy/live_group.h"

#include <algorithm>
#include <system_error>
#include <utility>

#include "libjob/drivers/copy/live_driver.h"
#include "libjob/drivers/plan/planned_volume.h"

namespace dmjob::drivers {
namespace {

// A volume does not come to rest, a file system cannot be frozen, LVM is at work: nobody's fault
// and over some time. What is finished is not thrown away for it.
bool is_passing(const std::exception& error) {
  const auto* of_system = dynamic_cast<const std::system_error*>(&error);
  return of_system && (of_system->code() == std::errc::timed_out ||
                       of_system->code() == std::errc::device_or_resource_busy);
}

}  // namespace

// The last copy of the transaction to come here acts for all.
boost::asio::awaitable<std::string> LiveDriver::end(core::Job& job) {
  // First: what is acknowledged from here on is flushed by who has written it.
  if (job.complete_requested()) co_await let_flushes_through();
  if (!swallows_.empty() && job.complete_requested()) co_return refusal_to_pivot();
  if (!job.complete_requested()) co_await look_at_mounts();
  // While it may still take its time, and holds nobody.
  std::string failed = co_await try_call(&LiveCopy::flush_target);
  if (!failed.empty()) co_return failed;
  job_ = &job;
  at_end_ = true;
  end_put_off_ = false;
  end_failed_ = "the target failed while the other volumes were waited for";
  report_.set_phase("waiting for the other volumes");
  // One of them may have left in the meantime: who waits looks again.
  while (at_end_ && may_wait_for_the_others(job)) {
    if (!ending_ && all_are_here()) {
      co_await end_all(job);
    } else {
      co_await job.wait_kick(kSlice);
    }
  }
  at_end_ = false;
  co_await note_account(job);
  co_return end_failed_;
}

// Whoever acts for this one is not left alone with it.
bool LiveDriver::may_wait_for_the_others(const core::Job& job) const {
  return ending_ || (mirroring_ && in_sync_ && !job.must_return());
}

// None of whom is cancelled.
bool LiveDriver::all_are_here() const {
  return std::ranges::all_of(group_->members(), [](const LiveDriver* driver) {
    return driver->at_end_ && driver->may_wait_for_the_others(*driver->job_);
  });
}

boost::asio::awaitable<void> LiveDriver::end_all(core::Job& job) {
  const Drivers all = group_->members();
  for (LiveDriver* driver : all) driver->ending_ = true;
  std::string failed;
  try {
    co_await try_end_all(job, all);
  } catch (const std::exception& error) {
    failed = error.what();
  }
  for (LiveDriver* driver : all) {
    // A decision that may still count keeps failed writes failing.
    const bool decided = driver->revoking_ || !driver->decision_.empty();
    if (!driver->ended_ && !decided) co_await driver->try_call(&LiveCopy::read_mode_back);
  }
  for (LiveDriver* driver : all) driver->be_ended(failed);
}

void LiveDriver::be_ended(std::string failed) {
  if (!failed.empty()) end_failed_ = std::move(failed);
  ending_ = false;
  set_mirroring(copy_->mirroring());
  in_sync_ = false;
  at_end_ = false;
  job_->kick();
}

boost::asio::awaitable<void> LiveDriver::try_end_all(core::Job& job, Drivers all) {
  // A file system is frozen before the volume of its journal, which nobody has mounted, is
  // suspended.
  const auto has_mounted = [](const LiveDriver* driver) {
    return is_mounted(driver->context_.plan);
  };
  auto sort = [&] { std::ranges::partition(all, has_mounted); };
  if (all.size() > 1) co_await context_.worker.run(std::move(sort));
  std::vector<LiveCopy::Ending> endings;
  for (LiveDriver* driver : all) {
    const bool pivots = driver->job_->complete_requested();
    driver->report_.set_phase(pivots ? "pivot" : "detaching the copy");
    endings.push_back(
        {driver->copy_.get(), pivots ? dm::CopyStack::End::kPivot : dm::CopyStack::End::kKeep});
    auto nothing = [] {};  // but what its watch has begun comes to an end
    co_await driver->context_.worker.run(std::move(nothing));
  }
  std::string failed = co_await decide(job, all);
  if (failed.empty()) failed = co_await switch_all(endings, all);
  Drivers undone;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i]->settle_end(job, endings[i], failed);
    const bool decided = endings[i].end == dm::CopyStack::End::kPivot;
    if (decided && endings[i].known && !endings[i].done) undone.push_back(all[i]);
  }
  if (!undone.empty()) co_await revoke_pivots(job, undone);
}

void LiveDriver::settle_end(core::Job& job, const LiveCopy::Ending& ending,
                            const std::string& failed) {
  end_failed_ = ending.done ? "" : failed;
  if (ending.done) be_done(job, ending.end == dm::CopyStack::End::kPivot);
}

// On the worker. That the targets hold what we have written, and nobody else.
void LiveDriver::require_own_targets(const Drivers& all) {
  for (const LiveDriver* driver : all) {
    if (!driver->job_->complete_requested()) driver->copy_->require_at_path();
    driver->copy_->require_untouched();
  }
}

// One write of the state file decides for all.
boost::asio::awaitable<std::string> LiveDriver::decide(core::Job& job, Drivers all) {
  auto look = [&] { require_own_targets(all); };
  co_await context_.worker.run(std::move(look));
  std::erase_if(all, [](LiveDriver* driver) { return !driver->job_->complete_requested(); });
  group_->gate().open();
  if (all.empty()) co_return "";
  co_await reserve_revocation(all.size());
  auto hold = [&] {
    std::vector<LiveCopy::TargetName> targets;
    for (const LiveDriver* driver : all) targets.push_back(driver->copy_->name_target());
    for (LiveDriver* driver : all) driver->copy_->require_equal();
    for (LiveDriver* driver : all) driver->copy_->keep_equal(true);
    return targets;
  };
  const auto targets = co_await context_.worker.run(std::move(hold));
  if (!group_->gate().is_open())
    throw core::Error("the target failed before the volume was to switch");
  for (std::size_t i = 0; i < all.size(); ++i)
    all[i]->decide_pivot(targets[i].first, targets[i].second);
  co_return co_await try_persist(job);
}

boost::asio::awaitable<std::string> LiveDriver::switch_all(std::vector<LiveCopy::Ending>& endings,
                                                           Drivers all) {
  std::vector<WantedVolume> volumes;
  for (const LiveDriver* driver : all)
    volumes.emplace_back(driver->context_.plan.volume,
                         "end of job '" + driver->context_.job_id + "'");
  bool held = false;
  try {
    const auto holds = co_await hold_volumes(context_.environment.locks, volumes);
    held = true;
    auto call = [&] { LiveCopy::end_together(endings, [this] { pass_gate(); }); };
    co_await context_.worker.run(std::move(call));
  } catch (const std::exception& error) {
    for (LiveDriver* driver : all) driver->end_put_off_ = !held || is_passing(error);
    co_return error.what();
  }
  co_return "";
}

}  // namespace dmjob::drivers
