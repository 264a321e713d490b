// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The watch of a live copy. A mirror whose target has failed holds every write until its table is
// changed; a tracker whose base has failed a write fails the later ones until it is reloaded, and
// raises no event for it. So: a look after each dm event, and one a second while mirroring, every
// few milliseconds while tracking. What must be done at once for the volume's writes the looker
// does itself: the worker may be waiting for a hung disk.
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <utility>

#include "dm/topology/tracker_renewal.h"
#include "libjob/drivers/copy/live_driver.h"

namespace dmjob::drivers {

void LiveDriver::start_watch(core::Job& job) {
  watching_ = true;
  watch_done_ = false;
  boost::asio::co_spawn(context_.environment.executor, watch(job), boost::asio::detached);
}

boost::asio::awaitable<void> LiveDriver::stop_watch() {
  watching_ = false;
  context_.environment.dm_events.notify();
  while (!watch_done_ || acting_) co_await watch_ended_.wait();
}

boost::asio::awaitable<void> LiveDriver::watch(core::Job& job) {
  constexpr core::Duration kWithEvents = std::chrono::seconds(1);
  constexpr core::Duration kWithout = std::chrono::milliseconds(20);
  while (watching_) {
    const core::Duration at_most = mirroring_ ? kWithEvents : kWithout;
    co_await context_.environment.dm_events.wait_for(at_most);
    if (watching_) co_await look(job);
  }
  watch_done_ = true;
  watch_ended_.notify();
}

void LiveDriver::set_mirroring(bool mirroring) {
  mirroring_ = mirroring;
  ++tables_;
}

LiveDriver::Trouble LiveDriver::judge(const dm::MirrorStatus& status, bool mirroring) {
  if (status.log != dm::Health::kAlive) return Trouble::kScratch;
  if (status.legs.at(0) != dm::Health::kAlive) return Trouble::kSource;
  // While tracking, the second side fails by design.
  if (mirroring && status.legs.at(1) != dm::Health::kAlive) return Trouble::kTarget;
  return Trouble::kNone;
}

// A status that is older than the last change of tables tells nothing: the failing side of a
// tracker would be taken for the target, and a tracker that has marked nothing for a mirror in
// sync.
boost::asio::awaitable<void> LiveDriver::look(core::Job& job) {
  const unsigned table = tables_;
  Seen seen;
  try {
    auto read = [this, stand = is_to_stand()] { return see(stand); };
    seen = co_await looker_.run(std::move(read));
  } catch (const std::exception&) {
    // The device goes away under us when the copy ends; the next look tells otherwise.
  }
  if (!seen.stands && is_to_stand()) co_await face_lost_volume(job);
  if (!lost_volume_.empty()) co_return;
  note_name(job, seen.volume);
  const auto& status = seen.status;
  if (!status || status->legs.size() != 2 || table != tables_) co_return;
  const Trouble trouble = judge(*status, mirroring_);
  if (trouble == Trouble::kSource && !mirroring_) {
    if (!acting_)
      boost::asio::co_spawn(context_.environment.executor, act_beside(job), boost::asio::detached);
    co_return;
  }
  if (trouble != Trouble::kNone) {
    co_await act(job);
    co_return;
  }
  if (!mirroring_ || ending_) co_return;
  report_.show_left(job, (status->regions - status->regions_in_sync) * context_.plan.granularity);
  if (std::exchange(in_sync_, status->in_sync()) != in_sync_) job.kick();
}

// On the looker. What must be done at once for the volume's writes comes first. In sync is only
// what its volume still stood on afterwards.
LiveDriver::Seen LiveDriver::see(bool is_to_stand) {
  Seen seen;
  seen.status = look_at_wr();
  seen.stands = !is_to_stand || copy_->stands();
  if (is_to_stand) seen.volume = copy_->volume_name();
  return seen;
}

// With its logs gone with the target the volume has its own table, by us.
bool LiveDriver::is_to_stand() const {
  const bool left = target_away_ && context_.plan.scratch.kind == ScratchPlace::Kind::kTail;
  return !left && !ending_ && !ended_ && lost_volume_.empty();
}

// What the looker has seen may have been a step of the worker, half done. The volume is another's
// now; what is left to do is to end.
boost::asio::awaitable<void> LiveDriver::face_lost_volume(core::Job& job) {
  auto confirm = [this] { return copy_->why_replaced(); };
  const std::string why = co_await context_.worker.run(std::move(confirm));
  if (why.empty()) co_return;
  lost_volume_ = why + "; the copy is not complete: start it again";
  transfer_.halt();
  job.break_pause();
}

// On the looker.
std::optional<dm::MirrorStatus> LiveDriver::look_at_wr() {
  auto status = copy_->mirror_status();
  if (status && dm::fails_good_writes(*status) && copy_->renew_tracker())
    status = copy_->mirror_status();
  return status;
}

// A fresh log can wait for the worker; the next refused write cannot.
boost::asio::awaitable<void> LiveDriver::act_beside(core::Job& job) {
  acting_ = true;
  co_await act(job);
  acting_ = false;
  watch_ended_.notify();
}

// What the worker finds counts, not what the status said: the main coroutine may have left the
// mirror meanwhile.
boost::asio::awaitable<void> LiveDriver::act(core::Job& job) {
  context_.control.stop();
  const bool only_release = ending_ || holding_ || !decision_.empty();
  try {
    if (only_release) {
      co_await release(job);
    } else {
      auto leave = [this] {
        const Trouble left = leave_failed_table();
        return std::pair(left, copy_->mirroring());
      };
      const auto [left, mirroring] = co_await context_.worker.run(std::move(leave));
      if (left != Trouble::kNone) {
        trouble_ = left;
        report_.set_phase("falling back");
      }
      set_mirroring(mirroring);
    }
  } catch (const std::exception&) {
    if (!only_release) trouble_ = Trouble::kScratch;
  }
  in_sync_ = false;
  job.kick();
}

LiveDriver::Trouble LiveDriver::judge_now() {
  try {
    const auto status = copy_->mirror_status();
    if (!status || status->legs.size() != 2) return Trouble::kNone;
    return judge(*status, copy_->mirroring());
  } catch (const std::exception&) {
    return Trouble::kNone;
  }
}

// On the worker. What the main coroutine is to know. If the logs are in the target's tail, their
// failure is the target's.
LiveDriver::Trouble LiveDriver::leave_failed_table() {
  const Trouble trouble = judge_now();
  if (trouble == Trouble::kNone) return trouble;
  const bool tail = context_.plan.scratch.kind == ScratchPlace::Kind::kTail;
  if (trouble == Trouble::kScratch && tail && (copy_->mirroring() || copy_->tracking())) {
    copy_->leave_target();
    return Trouble::kTarget;
  }
  if (copy_->mirroring()) {
    if (trouble == Trouble::kTarget)
      copy_->leave_target();
    else
      copy_->fall_back();
    return trouble;
  }
  if (!copy_->tracking()) return Trouble::kNone;
  if (trouble == Trouble::kScratch) copy_->restart_tracking();
  if (trouble == Trouble::kSource) copy_->rotate();
  return Trouble::kNone;
}

}  // namespace dmjob::drivers
