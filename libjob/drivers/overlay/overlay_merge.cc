// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/overlay/overlay_merge.h"

#include <exception>
#include <utility>

#include "dm/topology/volume_table.h"
#include "dm/topology/write_cache.h"
#include "libjob/core/error.h"
#include "libjob/drivers/base/volume_step.h"
#include "libjob/drivers/transfer/same_disk.h"
#include "libjob/io/units.h"

namespace dmjob::drivers {

using boost::asio::awaitable;
using volumes::Overlay;
using volumes::OverlayDevice;
using Kind = dm::OverlayStack::Kind;
using Word = dm::SnapshotStatus::State;

namespace {

constexpr core::Duration kPoll = std::chrono::milliseconds(100);
constexpr core::Duration kAfterError = std::chrono::seconds(1);

// Nor may it be loaded over what somebody else has put there.
bool is_replaced(const volumes::ManagedVolume& volume, const dm::OverlayStack::State& state) {
  return volume.overlay->replaced || volumes::is_replaced(state);
}

// As it is called in this boot, in which the merge writes to it (volumes/overlay_device.cc).
io::DiskIdentity still_its_disk(const volumes::ManagedVolume& volume) {
  if (io::is_another_disk(volume.overlay->origin_disk, volume.device))
    throw core::Error("another disk is in the place of " + volume.device);
  return io::identify_disk(volume.device);
}

}  // namespace

OverlayMerge::OverlayMerge(Environment& environment, core::Worker& worker, std::string volume,
                           std::string job_id, core::OnError on_error)
    : environment_(environment),
      worker_(worker),
      name_(std::move(volume)),
      job_id_(std::move(job_id)),
      on_error_(on_error) {}

const volumes::ManagedVolume* OverlayMerge::volume() const {
  const volumes::ManagedVolume* found = environment_.volumes.find(name_);
  return found && found->overlay ? found : nullptr;
}

bool OverlayMerge::has_begun() const {
  return volume() && volume()->overlay->stage == Overlay::Stage::kMerging;
}

template <typename Step>
auto OverlayMerge::step(const std::string& what, Step function) {
  return run_step(environment_.locks, worker_, name_, what + " of job '" + job_id_ + "'",
                  std::move(function));
}

awaitable<OverlayMerge::State> OverlayMerge::look() {
  auto look = [&, volume = *volume()] {
    return volumes::look_at(*environment_.control, environment_.ledger, volume);
  };
  co_return co_await worker_.run(std::move(look));
}

awaitable<bool> OverlayMerge::run(core::Job& job, std::optional<Successor> disk) {
  while (!job.must_return()) {
    State state = co_await look();
    const bool failed = state.status.state == Word::kMergeFailed;
    if (job.pause_requested()) {
      co_await rest(job, state);
    } else if (state.kind == Kind::kNone) {
      throw core::Error("volume '" + name_ + "' is not active ('dmjob volumes' tells why)");
    } else if (is_replaced(*volume(), state)) {
      throw core::Error(dm::TableReplaced(name_).what() +
                        std::string("; nothing is merged: 'dmjob volumes' tells what to do"));
    } else if (volumes::is_given_up(state)) {  // whoever watches the volume mends it
      phase_ = "waiting for its scratch, which has failed";
      co_await job.wait_kick(kAfterError);
    } else if (state.kind != Kind::kMerging) {
      show(job, state);  // it is in the record when that is written
      co_await begin_by_policy(job, disk);
    } else if (!tried_) {
      co_await begin_by_policy(job, std::nullopt);
    } else if (failed) {
      const auto error = std::make_error_code(std::errc::io_error);
      co_await face_failure(job, error, error.message());
    } else if (show(job, state); state.status.empty()) {
      co_return true;
    } else {
      phase_ = "merging";
      co_await job.wait_kick(kPoll);
    }
  }
  co_return false;
}

awaitable<void> OverlayMerge::run_to_end(core::Job& job, std::optional<Successor> disk) {
  const bool merged = co_await run(job, std::move(disk));
  if (!merged) throw core::Error("the daemon ends before all is merged");
}

awaitable<void> OverlayMerge::begin(core::Job& job, std::optional<Successor> disk) {
  const volumes::ManagedVolume before = *volume();
  std::exception_ptr failed;
  try {
    co_await try_begin(job, std::move(disk));
  } catch (...) {
    failed = std::current_exception();
  }
  if (!failed) co_return;
  co_await take_back(job, before);
  std::rethrow_exception(failed);
}

awaitable<void> OverlayMerge::take_back(core::Job& job, volumes::ManagedVolume before) {
  const State state = co_await look();
  if (state.kind == Kind::kMerging) co_return;
  environment_.volumes.set_device(name_, before.device, before.disk);
  co_await set_stage(job, std::move(*before.overlay));
}

// A scratch that cannot be read is met here first.
awaitable<void> OverlayMerge::begin_by_policy(core::Job& job, std::optional<Successor> disk) {
  tried_ = true;
  std::error_code failed;
  std::string reason;
  try {
    co_await begin(job, std::move(disk));
  } catch (const std::system_error& error) {
    failed = error.code();
    reason = error.what();
  } catch (const dm::CannotFollow& error) {
    failed = std::make_error_code(std::errc::operation_not_supported);
    reason = error.what();
  }
  if (!failed) co_return;
  const State state = co_await look();
  tried_ = false;
  if (volumes::is_given_up(state)) co_return;  // run() waits for it
  co_await face_failure(job, failed, std::move(reason));
}

// Both sides of each step hold the same bytes: a disk that is a copy of the origin may take its
// place, and what is merged is still in the cow until the kernel has noted that it is not.
awaitable<void> OverlayMerge::try_begin(core::Job& job, std::optional<Successor> disk) {
  volumes::ManagedVolume next = *volume();
  next.overlay->stage = Overlay::Stage::kMerging;
  next.overlay->merge_begun = true;
  std::function<void()> prove = [] {};
  if (disk && next.device != disk->path) {
    prove = disk->proof;
    auto identify = [&] {
      return require_same_disk("target " + disk->path, disk->disk, disk->path);
    };
    next.disk = co_await worker_.run(std::move(identify));
    next.device = disk->path;
    next.overlay->origin_disk = next.disk;
    next.overlay->read_only = false;
  }
  auto check = [&] {
    prove();  // before it is decided
    OverlayDevice(*environment_.control, environment_.ledger, next).check_merge();
  };
  co_await worker_.run(std::move(check));

  auto identify = [&] { return still_its_disk(next); };
  next.overlay->origin_disk = co_await worker_.run(std::move(identify));
  phase_ = "beginning to merge";
  environment_.volumes.set_device(name_, next.device, next.disk);
  co_await set_stage(job, *next.overlay);
  auto begin = [&] {
    prove();
    OverlayDevice(*environment_.control, environment_.ledger, next).begin_merge();
  };
  co_await step("merge", std::move(begin));
}

awaitable<void> OverlayMerge::set_stage(core::Job& job, Overlay overlay) {
  environment_.volumes.set_overlay(name_, std::move(overlay));
  co_await job.host().persist();
}

void OverlayMerge::show(core::Job& job, const State& state) {
  const std::uint64_t left = (state.status.used - state.status.metadata) * io::kSector;
  const auto known = job.progress().get();
  // Of an earlier process the record may be older than what it has merged.
  const std::uint64_t before = left_ == 0 ? known.len - known.offset : left_;
  if (left < before) job.progress().add_done(before - left);
  left_ = left;
  job.progress().set_remaining(left);
}

// --- pausing ---

// The record follows: until it is written a boot merges on, for which there is room in any case.
awaitable<bool> OverlayMerge::pause() {
  const volumes::ManagedVolume now = *volume();
  auto pause = [&] {
    return OverlayDevice(*environment_.control, environment_.ledger, now).pause_merge();
  };
  co_return co_await step("pause", std::move(pause));
}

// A merge that failed has stopped by itself.
awaitable<void> OverlayMerge::rest(core::Job& job, const State& state) {
  const bool merges =
      state.kind == Kind::kMerging && state.status.state == Word::kValid && !state.status.empty();
  if (merges) {
    const bool paused = co_await pause();
    if (!paused) {
      phase_ = "merging until there is room in the scratch for a pause";
      show(job, state);
      co_await job.wait_kick(kPoll);
      co_return;
    }
    Overlay overlay = *volume()->overlay;
    overlay.stage = Overlay::Stage::kHolding;
    co_await set_stage(job, std::move(overlay));
  }
  phase_ = "paused";
  co_await job.pause_point();
}

// Nobody can resume a job that takes effect.
core::OnError OverlayMerge::policy(const core::Job& job) const {
  const bool can_stop = core::stage_of(job.status()) == core::Stage::kWork;
  return can_stop || on_error_ == core::OnError::kIgnore ? on_error_ : core::OnError::kReport;
}

// All is still there; loading the table again tries again.
awaitable<void> OverlayMerge::face_failure(core::Job& job, std::error_code error,
                                           std::string reason) {
  phase_ = "the merge has failed";
  tried_ = false;
  const std::string disk = volume()->device;
  const std::string again = volume()->overlay->read_only ? "stream" : "commit";
  const auto action = job.io_error(policy(job), false, error);
  if (action == core::ErrorAction::kReport)
    throw core::Error("the merge into " + disk + " has failed (" + reason +
                      "); nothing is lost: see to the disks, then " + again + " volume '" + name_ +
                      "'");
  if (action == core::ErrorAction::kIgnore) co_await job.wait_kick(kAfterError);
}

// --- the end ---

awaitable<void> OverlayMerge::keep(core::Job& job) {
  if (!has_begun()) co_return;
  const State state = co_await look();
  if (is_replaced(*volume(), state)) co_return;
  Overlay overlay = *volume()->overlay;
  if (state.kind == Kind::kMerging) {
    if (volumes::is_given_up(state)) co_return;
    const bool kept = co_await pause();
    if (!kept) co_return;
  }
  overlay.stage = Overlay::Stage::kHolding;
  // An empty cow is a snapshot of this instant. That of a volume that is not active is not known.
  overlay.merge_begun = state.kind == Kind::kNone || !state.status.empty();
  co_await set_stage(job, std::move(overlay));
}

awaitable<void> OverlayMerge::finish(core::Job& job) {
  if (!volume()) co_return;
  const volumes::ManagedVolume done = *volume();
  Overlay overlay = *done.overlay;
  overlay.stage = Overlay::Stage::kDiscarding;
  co_await set_stage(job, std::move(overlay));
  auto discard = [&] {
    volumes::discard_overlay(*environment_.control, environment_.ledger, done);
  };
  co_await step("end of the merge", std::move(discard));
  environment_.volumes.set_overlay(name_, std::nullopt);
  job.host().events.publish("VOLUME_CHANGE",
                            {{"name", name_}, {"change", "merged"}, {"device", done.device}});
  co_await job.host().persist();
  phase_ = "done";
}

}  // namespace dmjob::drivers
