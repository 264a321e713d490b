// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/base/copy_driver.h"

#include <algorithm>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/plan/planned_volume.h"
#include "libjob/volumes/late_disks.h"
#include "libjob/volumes/mounted_above.h"

namespace dmjob::drivers {
namespace {

// Of errors or of extents.
template <typename Places>
nlohmann::json extents(const Places& places) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& place : places)
    list.push_back({{"offset", place.offset}, {"length", place.length}});
  return list;
}

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

CopyDriver::CopyDriver(Environment& environment, CopyPlan plan, std::string job_id, bool resumed)
    : environment_(environment),
      plan_(std::move(plan)),
      job_id_(std::move(job_id)),
      resumed_(resumed),
      error_map_(plan_.error_map, plan_.uuid),
      phase_(resumed ? "taken up" : "starting"),
      volume_now_(plan_.volume),
      to_verify_(plan_.verify ? plan_.size : 0) {
  control_.set_speed(plan_.speed);
}

void CopyDriver::kick(core::Job& job) {
  if (job.pause_requested() || job.must_return()) control_.stop();
}

void CopyDriver::set_speed(std::uint64_t bytes_per_second) {
  plan_.speed = bytes_per_second;
  control_.set_speed(bytes_per_second);
}

// Comparing costs a hundredth of making the record, and cannot be forgotten in a place that changes
// the plan.
std::optional<std::uint64_t> CopyDriver::record_version() const {
  if (plan_version_ == 0 || plan_ != last_plan_) {
    last_plan_ = plan_;
    ++plan_version_;
  }
  return (plan_version_ << 16) + renamed_;
}

nlohmann::json CopyDriver::record() const {
  nlohmann::json record = plan_.record();
  if (renamed_ == 0 || plan_.managed) return record;
  record["volume"] = volume_now_;
  record["source"] = "/dev/mapper/" + volume_now_;
  return record;
}

void CopyDriver::note_name(core::Job& job, const std::string& volume) {
  if (volume.empty() || volume == volume_now_) return;
  volume_now_ = volume;
  ++renamed_;
  job.host().persist_soon();
}

boost::asio::awaitable<io::CopyEnd> CopyDriver::copy_slice(core::Job& job, BulkCopy& bulk) {
  if (halted_ || job.pause_requested() || job.must_return()) co_return io::CopyEnd::kStopped;
  control_.go_on();
  auto run = [&] {
    look_after_target();
    return bulk.run_slice(job.progress(), kSlice, [this] { confirm_source(); });
  };
  BulkCopy::Slice slice = co_await worker_.run(std::move(run));
  show_left(job, slice.dirty);
  show_unreadable(bulk);
  for (const io::CopyError& error : slice.ignored) face(job, error);
  const bool target_failed =
      std::ranges::any_of(slice.ignored, [](const auto& error) { return !error.is_read; });
  if (slice.error)
    co_await face_and_wait(job, *slice.error);
  else if (target_failed)
    co_await job.wait_kick(kSlice);
  co_return slice.end;
}

boost::asio::awaitable<void> CopyDriver::copy_all(core::Job& job, BulkCopy& bulk) {
  set_phase("copying");
  bool more = true;
  while (more) {
    co_await copy_what_is_dirty(job, bulk);
    if (job.must_return()) co_return;
    more = co_await try_given_up_again(bulk);
    if (more) set_phase("trying once more what could not be read");
  }
}

boost::asio::awaitable<void> CopyDriver::copy_what_is_dirty(core::Job& job, BulkCopy& bulk) {
  io::CopyEnd end = io::CopyEnd::kTime;
  while (end != io::CopyEnd::kClean || bulk.dirty().count() > 0) {
    end = co_await copy_slice(job, bulk);
    if (end != io::CopyEnd::kClean && end != io::CopyEnd::kStopped) continue;
    auto store = [&] { return bulk.checkpoint(); };
    const auto error = co_await worker_.run(std::move(store));
    // One that has stopped the job has been told of.
    const bool told = job.io_status() != core::IoStatus::kOk;
    if (error && !told) co_await face_and_wait(job, *error);
    if (job.must_return()) co_return;
    co_await rest(job);
    if (job.must_return()) co_return;
  }
}

void CopyDriver::halt() {
  halted_ = true;
  control_.stop();
}

boost::asio::awaitable<void> CopyDriver::rest(core::Job& job) { co_await job.pause_point(); }

boost::asio::awaitable<void> CopyDriver::wait_for_late_disks(core::Job& job) {
  constexpr core::Duration kLook = std::chrono::seconds(1);
  if (!resumed_) co_return;
  auto look = [this] { return late_disk_of(plan_); };
  co_await follow_volume(job);
  late_disk_ = co_await worker_.run(look);
  while (!late_disk_.empty() && !job.must_return()) {
    set_phase("waiting for a disk or file");
    if (job.pause_requested())
      co_await job.pause_point();
    else
      co_await job.wait_kick(kLook);
    co_await follow_volume(job);
    late_disk_ = co_await worker_.run(look);
  }
  late_disk_.clear();
}

// The name of a managed one is in the state file.
boost::asio::awaitable<void> CopyDriver::follow_volume(core::Job& job) {
  if (!plan_.live() || plan_.managed) co_return;
  auto look = [this] { return name_of_planned_volume(*environment_.control, plan_); };
  const std::string name = co_await worker_.run(std::move(look));
  if (name == plan_.volume) co_return;
  plan_.volume = name;
  plan_.source = "/dev/mapper/" + name;
  note_name(job, name);
}

void CopyDriver::show_copied(core::Job& job, std::uint64_t bytes_left) {
  const std::uint64_t copied = plan_.size - bytes_left;
  const std::uint64_t known = job.progress().get().offset;
  if (copied > known) job.progress().add_done(copied - known);
}

void CopyDriver::show_left(core::Job& job, std::uint64_t bytes) {
  left_ = bytes;
  show_progress(job);
}

void CopyDriver::show_to_verify(core::Job& job, std::uint64_t bytes) {
  to_verify_ = bytes;
  show_progress(job);
}

void CopyDriver::show_progress(core::Job& job) {
  job.progress().set_remaining(left_ + to_verify_);
  rate_.note(environment_.clock.now(), job.progress().get().offset);
}

void CopyDriver::face(core::Job& job, const io::CopyError& error) {
  const auto policy = error.is_read ? plan_.on_source_error : plan_.on_target_error;
  if (job.io_error(policy, error.is_read, error.error) != core::ErrorAction::kReport) return;
  const std::string place = error.length < plan_.size ? place_of(error.offset, error.length) : "";
  const std::string why = place + ": " + error.error.message();
  if (error.is_read)
    throw core::Error("source " + plan_.source + " cannot be read" + why +
                      "; --on-source-error=ignore leaves such blocks out");
  throw core::Error("target " + plan_.target + " cannot be written" + why +
                    "; --on-target-error=stop waits until it is back");
}

// What is ignored is not tried again at once.
boost::asio::awaitable<void> CopyDriver::face_and_wait(core::Job& job, io::CopyError error) {
  face(job, error);
  if (!job.pause_requested()) co_await job.wait_kick(kSlice);
}

boost::asio::awaitable<bool> CopyDriver::try_given_up_again(BulkCopy& bulk) {
  auto again = [&bulk] { return bulk.try_given_up_again(); };
  return worker_.run(std::move(again));
}

boost::asio::awaitable<void> CopyDriver::note_account(core::Job& job) {
  auto read = [this] { return note_of_target(); };
  TargetNote note = co_await worker_.run(std::move(read));
  show_copied_anew(std::move(note.copied_anew));
  if (note.account == plan_.target_account) co_return;
  plan_.target_account = std::move(note.account);
  co_await try_persist(job);
}

boost::asio::awaitable<void> CopyDriver::look_at_mounts() {
  auto look = [this, volume = volume_now_] {
    return volumes::not_frozen_with(*environment_.control, volume);
  };
  plan_.not_frozen = co_await worker_.run(std::move(look));
}

boost::asio::awaitable<std::string> CopyDriver::try_persist(core::Job& job) {
  try {
    co_await job.host().persist();
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return "";
}

boost::asio::awaitable<void> CopyDriver::take_away(std::string what,
                                                   std::function<void()> function) {
  constexpr int kTries = 5;
  for (int i = 0; i < kTries; ++i) {
    try {
      if (plan_.live())
        co_await step(what, function);
      else
        co_await worker_.run(function);
      left_behind_.clear();
      co_return;
    } catch (const std::exception& error) {
      left_behind_ = error.what();
    }
  }
}

void CopyDriver::finish_map() {
  constexpr core::Duration kPatience = std::chrono::seconds(10);
  error_map_.finish(kPatience);
}

nlohmann::json CopyDriver::describe() const {
  nlohmann::json about{{"phase", phase_},
                       {"volume", volume_now_},
                       {"source", plan_.source},
                       {"target", plan_.target},
                       {"dirty", left_},
                       {"granularity", plan_.granularity},
                       {"scratch", plan_.scratch.describe()},
                       {"on-source-error", core::to_string(plan_.on_source_error)},
                       {"on-target-error", core::to_string(plan_.on_target_error)}};
  const std::uint64_t rate = rate_.bytes_per_second(environment_.clock.now());
  about["rate"] = rate;
  if (rate > 0) about["eta"] = (left_ + to_verify_) / rate;
  if (plan_.verify) about["verify"] = true;
  if (differences_.bytes() > 0) {
    about["x-different-bytes"] = differences_.bytes();
    about["x-differences"] = extents(differences_.places());
  }
  if (!late_disk_.empty()) about["waiting-for"] = late_disk_ + " is not there";
  if (!copied_anew_.empty()) about["copied-anew"] = copied_anew_;
  if (!left_behind_.empty()) about["left-behind"] = left_behind_;
  if (!plan_.not_frozen.empty()) about["not-frozen"] = plan_.not_frozen;
  if (!unreadable_.empty()) about["x-error-map"] = extents(unreadable_);
  if (error_map_.wanted()) about["error-map"] = plan_.error_map;
  if (const std::string trouble = error_map_.trouble(); !trouble.empty())
    about["error-map-trouble"] = trouble;
  return about;
}

}  // namespace dmjob::drivers
