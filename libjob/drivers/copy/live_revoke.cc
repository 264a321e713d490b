// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How a pivot that was decided is revoked, since its target has failed before the switch. The
// mirror holds every write that the target refuses, so up to here both sides have all that was
// acknowledged. What is let go from here on is on the source alone. So first no boot may take the
// target any more, by a record that is durable, and then the writes go on.
//
// Should that not be possible, the writes are held, which job and events say; after kMostHold they
// fail, and reads go on. Letting them go would lose them should the power fail; holding them for
// ever would hang whoever writes.
#include <functional>
#include <system_error>

#include "libjob/core/attempt.h"
#include "libjob/core/error.h"
#include "libjob/drivers/copy/live_driver.h"

namespace dmjob::drivers {
namespace {

constexpr core::Duration kMostHold = std::chrono::seconds(30);
// A disk that takes longer for a few blocks is as good as none.
constexpr core::Duration kAnswer = std::chrono::seconds(10);

}  // namespace

boost::asio::awaitable<void> LiveDriver::reserve_revocation(std::size_t pivots) {
  if (!context_.environment.pivots) throw core::Error("nothing is there that could revoke a pivot");
  co_await context_.environment.pivots->reserve(pivots);
}

void LiveDriver::decide_pivot(const std::string& target, const io::DiskIdentity& disk) {
  context_.environment.volumes.set_pivot(context_.plan.volume, target, disk);
  decision_ = context_.environment.volumes.find(context_.plan.volume)->decision;
}

// On the worker, with all volumes suspended.
void LiveDriver::pass_gate() {
  if (!group_->gate().pass())
    throw std::system_error(EIO, std::generic_category(),
                            "the target failed while the volume came to rest");
}

// On the watch. The writes that a failed target holds, through the tracker that is loaded.
boost::asio::awaitable<void> LiveDriver::release(core::Job& job) {
  const bool may = co_await may_release(job);
  if (!may || !(ending_ || holding_)) co_return;
  released_ = true;
  auto release = [this] { copy_->release_held_writes(); };
  co_await looker_.run(std::move(release));
}

boost::asio::awaitable<bool> LiveDriver::may_release(core::Job& job) {
  if (decision_.empty()) {
    // Nor is it decided any more once they are let go.
    if (ending_) group_->gate().close();
    co_return true;
  }
  // Else all writes have ended, and the switch is under way.
  if (!group_->gate().close()) co_return false;
  std::vector<std::string> decisions;  // all of a group or none
  for (const LiveDriver* driver : group_->members()) decisions.push_back(driver->decision_);
  const std::string failed = co_await try_revoke(std::move(decisions));
  if (failed.empty()) {
    decision_.clear();
    co_return true;
  }
  if (!decision_.empty()) co_await go_on_holding(job, failed);
  co_return decision_.empty();
}

// "" once the record has it.
boost::asio::awaitable<std::string> LiveDriver::try_revoke(std::vector<std::string> decisions) {
  PivotRecord* record = context_.environment.pivots;
  std::erase(decisions, "");
  if (!record || decisions.empty()) co_return "it has no place in the record of revoked pivots";
  std::function<boost::asio::awaitable<void>()> revoke = [record, decisions] {
    return record->revoke(decisions);
  };
  co_return co_await core::attempt_within(context_.environment.executor, kAnswer,
                                          std::move(revoke));
}

boost::asio::awaitable<std::string> LiveDriver::try_revoke_or_persist(
    core::Job& job, std::vector<std::string> decisions) {
  std::string failed = co_await try_revoke(std::move(decisions));
  core::JobHost* host = &job.host();
  if (failed.empty()) {
    host->persist_soon();
    co_return "";
  }
  std::function<boost::asio::awaitable<void>()> persist = [host] { return host->persist(); };
  const std::string also =
      co_await core::attempt_within(context_.environment.executor, kAnswer, std::move(persist));
  co_return also.empty() ? "" : failed;
}

boost::asio::awaitable<void> LiveDriver::go_on_holding(core::Job& job, std::string reason) {
  const core::TimePoint now = context_.environment.clock.now();
  if (!held_since_) {
    held_since_ = now;
    report_.set_phase("a pivot cannot be revoked: " + reason +
                      "; should the target have failed, the volume's writes wait, then fail");
    job.host().events.publish("JOB_STALLED", {{"id", context_.job_id}, {"reason", reason}});
  }
  if (now - *held_since_ < kMostHold) co_return;
  auto fail = [this] { copy_->fail_held_writes(); };
  try {
    co_await looker_.run(std::move(fail));
  } catch (const std::exception&) {
    // They are held on; the next look tries again.
  }
}

// Returns when no boot would take the targets any more; before that the sides must stay equal.
boost::asio::awaitable<void> LiveDriver::revoke_pivots(core::Job& job, Drivers drivers) {
  group_->gate().shut();
  std::vector<std::string> decisions;
  for (LiveDriver* driver : drivers) {
    driver->decision_ = context_.environment.volumes.find(driver->context_.plan.volume)->decision;
    decisions.push_back(driver->decision_);
    context_.environment.volumes.revoke_pivot(driver->context_.plan.volume);
    driver->revoking_ = true;
  }
  std::string failed = co_await try_revoke_or_persist(job, decisions);
  while (!failed.empty() && !job.exiting()) {
    for (LiveDriver* driver : drivers) co_await driver->go_on_holding(job, failed);
    co_await job.wait_kick(kSlice);
    failed = co_await try_revoke_or_persist(job, decisions);
  }
  if (!failed.empty()) throw core::Error(failed);
  for (LiveDriver* driver : drivers) co_await driver->be_revoked();
}

boost::asio::awaitable<void> LiveDriver::be_revoked() {
  decision_.clear();
  held_since_.reset();
  auto go_on = [this] {
    copy_->keep_equal(false);
    if (opened_) copy_->read_mode_back();
    return copy_->mirroring();
  };
  const bool mirroring = co_await context_.worker.run(std::move(go_on));
  set_mirroring(mirroring);
  revoking_ = false;
}

}  // namespace dmjob::drivers
