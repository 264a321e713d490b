// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/base/transfer_driver.h"

#include <utility>

#include "libjob/drivers/plan/planned_volume.h"
#include "libjob/volumes/late_disks.h"

namespace dmjob::drivers {
namespace {

// "the target /dev/sdb"; "" if all are there. A target file that was never made, and a scratch
// file, are made when they are needed.
std::string late_disk_of(const CopyPlan& plan) {
  const auto is_late = [](bool was_there, const std::string& path) {
    return was_there && !volumes::is_there(path);
  };
  const bool had_target = !plan.new_file || !plan.target_file.empty();
  if (is_late(true, plan.source)) return "the source " + plan.source;
  if (is_late(had_target, plan.target)) return "the target " + plan.target;
  if (is_late(plan.scratch_disk != io::DiskIdentity{}, plan.scratch.path))
    return "the scratch " + plan.scratch.path;
  return "";
}

}  // namespace

TransferDriver::TransferDriver(Environment& environment, CopyPlan plan, std::string job_id,
                               bool resumed)
    : context_(environment, std::move(plan), std::move(job_id), resumed),
      volume_now_(context_.plan.volume) {}

void TransferDriver::kick(core::Job& job) {
  if (job.pause_requested() || job.must_return()) context_.control.stop();
}

void TransferDriver::set_speed(std::uint64_t bytes_per_second) {
  context_.plan.speed = bytes_per_second;
  context_.control.set_speed(bytes_per_second);
}

nlohmann::json TransferDriver::describe() const {
  nlohmann::json about = report_.describe();
  about["volume"] = volume_now_;
  return about;
}

// Comparing costs a hundredth of making the record, and cannot be forgotten in a place that changes
// the plan.
std::optional<std::uint64_t> TransferDriver::record_version() const {
  if (plan_version_ == 0 || context_.plan != last_plan_) {
    last_plan_ = context_.plan;
    ++plan_version_;
  }
  return (plan_version_ << 16) + renamed_;
}

nlohmann::json TransferDriver::record() const {
  nlohmann::json record = context_.plan.record();
  if (renamed_ == 0 || context_.plan.managed) return record;
  record["volume"] = volume_now_;
  record["source"] = "/dev/mapper/" + volume_now_;
  return record;
}

boost::asio::awaitable<void> TransferDriver::wait_for_late_disks(core::Job& job) {
  constexpr core::Duration kPoll = std::chrono::seconds(1);
  if (!context_.resumed) co_return;
  auto find = [this] { return late_disk_of(context_.plan); };
  co_await follow_volume(job);
  std::string late = co_await context_.worker.run(find);
  while (!late.empty() && !job.must_return()) {
    report_.show_late_disk(late);
    report_.set_phase("waiting for a disk or file");
    if (job.pause_requested())
      co_await job.pause_point();
    else
      co_await job.wait_kick(kPoll);
    co_await follow_volume(job);
    late = co_await context_.worker.run(find);
  }
  report_.show_late_disk("");
}

// The name of a managed one is in the state file.
boost::asio::awaitable<void> TransferDriver::follow_volume(core::Job& job) {
  CopyPlan& plan = context_.plan;
  if (!plan.live() || plan.managed) co_return;
  auto find = [this] {
    return name_of_planned_volume(*context_.environment.control, context_.plan);
  };
  const std::string name = co_await context_.worker.run(std::move(find));
  if (name == plan.volume) co_return;
  plan.volume = name;
  plan.source = "/dev/mapper/" + name;
  note_name(job, name);
}

void TransferDriver::note_name(core::Job& job, const std::string& volume) {
  if (volume.empty() || volume == volume_now_) return;
  volume_now_ = volume;
  ++renamed_;
  job.host().persist_soon();
}

TransferDriver::TargetNote TransferDriver::note_of_target() const {
  return {context_.plan.target_account, report_.copied_anew()};
}

boost::asio::awaitable<void> TransferDriver::note_account(core::Job& job) {
  auto read = [this] { return note_of_target(); };
  TargetNote note = co_await context_.worker.run(std::move(read));
  report_.show_copied_anew(std::move(note.copied_anew));
  if (note.account == context_.plan.target_account) co_return;
  context_.plan.target_account = std::move(note.account);
  co_await try_persist(job);
}

boost::asio::awaitable<void> TransferDriver::take_away(std::string what,
                                                       std::function<void()> function) {
  std::string left = co_await context_.take_away(std::move(what), std::move(function));
  report_.show_left_behind(std::move(left));
}

}  // namespace dmjob::drivers
