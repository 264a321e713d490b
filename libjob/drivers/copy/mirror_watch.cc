// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy/mirror_watch.h"

#include <utility>

#include "dm/topology/tracker_renewal.h"

namespace dmjob::drivers {
namespace {

// From one poll to the next, where a fault raises an event, and where it does not.
constexpr core::Duration kWithEvents = std::chrono::seconds(1);
constexpr core::Duration kWithout = std::chrono::milliseconds(20);

}  // namespace

MirrorWatch::MirrorWatch(JobContext& context, TransferReport& report, Transfer& transfer,
                         LiveCopy& copy, Owner& owner)
    : context_(context),
      report_(report),
      transfer_(transfer),
      copy_(copy),
      owner_(owner),
      loop_(context.environment) {}

// --- the loop ---

void MirrorWatch::start(core::Job& job) {
  loop_.start([this, &job] { return poll_and_say_when(job); });
}

boost::asio::awaitable<std::optional<core::Duration>> MirrorWatch::poll_and_say_when(
    core::Job& job) {
  co_await poll(job);
  co_return mirroring_ ? kWithEvents : kWithout;
}

boost::asio::awaitable<void> MirrorWatch::be_idle() {
  auto nothing = [] {};
  co_await poller_.run(std::move(nothing));
}

boost::asio::awaitable<void> MirrorWatch::fail_held_writes() {
  auto fail = [this] { copy_.fail_held_writes(); };
  co_await poller_.run(std::move(fail));
}

void MirrorWatch::set_on_failure(OnFailure what) {
  on_failure_ = what;
  if (what == OnFailure::kRelease) released_ = false;
}

void MirrorWatch::set_mirroring(bool mirroring) {
  mirroring_ = mirroring;
  ++tables_;
}

MirrorWatch::Fault MirrorWatch::take_fault() { return std::exchange(fault_, Fault::kNone); }

// --- what is seen ---

MirrorWatch::Fault MirrorWatch::judge(const dm::MirrorStatus& status, bool mirroring) {
  if (status.log != dm::Health::kAlive) return Fault::kScratch;
  if (status.legs.at(0) != dm::Health::kAlive) return Fault::kSource;
  // While tracking, the second side fails by design.
  if (mirroring && status.legs.at(1) != dm::Health::kAlive) return Fault::kTarget;
  return Fault::kNone;
}

// A status that is older than the last change of tables tells nothing: the failing side of a
// tracker would be taken for the target, and a tracker that has marked nothing for a mirror in
// sync.
boost::asio::awaitable<void> MirrorWatch::poll(core::Job& job) {
  const unsigned table = tables_;
  Seen seen;
  try {
    auto read = [this, stand = is_to_stand()] { return see(stand); };
    seen = co_await poller_.run(std::move(read));
  } catch (const std::exception&) {
    // The device goes away under us when the copy ends; the next poll tells otherwise.
  }
  if (!seen.stands && is_to_stand()) co_await confirm_volume(job);
  if (!lost_volume_.empty()) co_return;
  owner_.note_volume_name(job, seen.volume);
  const auto& status = seen.status;
  if (!status || status->legs.size() != 2 || table != tables_) co_return;
  const Fault fault = judge(*status, mirroring_);
  if (fault == Fault::kSource && !mirroring_) {
    if (!std::exchange(acting_, true)) loop_.spawn(act_beside(job));
    co_return;
  }
  if (fault != Fault::kNone) {
    co_await act(job);
    co_return;
  }
  if (!mirroring_ || !owner_.is_to_stand()) co_return;
  report_.show_left(job, (status->regions - status->regions_in_sync) * context_.plan.granularity);
  if (std::exchange(in_sync_, status->in_sync()) != in_sync_) job.kick();
}

// On the poller. What must be done at once for the volume's writes comes first. In sync is only
// what its volume still stood on afterwards.
MirrorWatch::Seen MirrorWatch::see(bool is_to_stand) {
  Seen seen;
  seen.status = read_status();
  seen.stands = !is_to_stand || copy_.stands();
  if (is_to_stand) seen.volume = copy_.volume_name();
  return seen;
}

// On the poller.
std::optional<dm::MirrorStatus> MirrorWatch::read_status() {
  auto status = copy_.mirror_status();
  if (status && dm::fails_good_writes(*status) && copy_.renew_tracker())
    status = copy_.mirror_status();
  return status;
}

// What the poller has seen may have been a step of the worker, half done.
boost::asio::awaitable<void> MirrorWatch::confirm_volume(core::Job& job) {
  std::string why;
  try {
    auto confirm = [this] { return copy_.why_replaced(); };
    why = co_await context_.worker.run(std::move(confirm));
  } catch (const std::exception&) {
    // It is not known; the next poll asks again.
  }
  if (why.empty()) co_return;
  lost_volume_ = why + "; the copy is not complete: start it again";
  transfer_.halt();
  job.break_pause();
}

// --- what is done ---

// A fresh log can wait for the worker; the next refused write cannot.
boost::asio::awaitable<void> MirrorWatch::act_beside(core::Job& job) {
  co_await act(job);
  acting_ = false;
}

boost::asio::awaitable<void> MirrorWatch::act(core::Job& job) {
  context_.control.stop();
  const bool only_release = on_failure_ == OnFailure::kRelease || owner_.is_decided();
  try {
    if (only_release)
      co_await release(job);
    else
      co_await leave();
  } catch (const std::exception&) {
    if (!only_release) fault_ = Fault::kScratch;
  }
  in_sync_ = false;
  job.kick();
}

// The writes that a failed target holds, through the tracker that is loaded.
boost::asio::awaitable<void> MirrorWatch::release(core::Job& job) {
  const bool may = co_await owner_.may_release(job);
  if (!may || on_failure_ != OnFailure::kRelease) co_return;
  released_ = true;
  auto release = [this] { copy_.release_held_writes(); };
  co_await poller_.run(std::move(release));
}

// What the worker finds counts, not what the status said: the main coroutine may have left the
// mirror meanwhile.
boost::asio::awaitable<void> MirrorWatch::leave() {
  auto leave = [this] {
    const Fault left = leave_failed_table();
    return std::pair(left, copy_.mirroring());
  };
  const auto [left, mirroring] = co_await context_.worker.run(std::move(leave));
  if (left != Fault::kNone) {
    fault_ = left;
    report_.set_phase("falling back");
  }
  set_mirroring(mirroring);
}

MirrorWatch::Fault MirrorWatch::judge_now() {
  try {
    const auto status = copy_.mirror_status();
    if (!status || status->legs.size() != 2) return Fault::kNone;
    return judge(*status, copy_.mirroring());
  } catch (const std::exception&) {
    return Fault::kNone;
  }
}

// On the worker. What the main coroutine is to know. If the logs are in the target's tail, their
// failure is the target's.
MirrorWatch::Fault MirrorWatch::leave_failed_table() {
  const Fault fault = judge_now();
  if (fault == Fault::kNone) return fault;
  const bool tail = context_.plan.scratch.kind == ScratchPlace::Kind::kTail;
  if (fault == Fault::kScratch && tail && (copy_.mirroring() || copy_.tracking())) {
    copy_.leave_target();
    return Fault::kTarget;
  }
  if (copy_.mirroring()) {
    if (fault == Fault::kTarget)
      copy_.leave_target();
    else
      copy_.fall_back();
    return fault;
  }
  if (!copy_.tracking()) return Fault::kNone;
  if (fault == Fault::kScratch) copy_.restart_tracking();
  if (fault == Fault::kSource) copy_.rotate();
  return Fault::kNone;
}

}  // namespace dmjob::drivers
