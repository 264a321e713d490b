// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy/pivot_member.h"

#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/copy/pivot_group.h"

namespace dmjob::drivers {
namespace {

// Writes that wait for a revocation. After that they fail.
constexpr core::Duration kMostHold = std::chrono::seconds(30);

}  // namespace

PivotMember::PivotMember(JobContext& context, TransferReport& report, LiveCopy& copy,
                         MirrorWatch& watch, std::shared_ptr<PivotGroup> group)
    : context_(context), report_(report), copy_(copy), watch_(watch), group_(std::move(group)) {
  group_->join(*this);
}

PivotMember::~PivotMember() { group_->leave(*this); }

bool PivotMember::has_others() const { return group_->members().size() > 1; }

// --- the wait for the others ---

// Whoever acts for this one is not left alone with it.
bool PivotMember::may_wait() const {
  return is_ending() || (watch_.mirroring() && watch_.in_sync() && !job_->must_return());
}

bool PivotMember::is_here() const { return state_ != State::kRunning && may_wait(); }

// The last copy of the transaction to come here acts for all.
boost::asio::awaitable<std::string> PivotMember::end(core::Job& job) {
  job_ = &job;
  state_ = State::kWaiting;
  put_off_ = false;
  failed_ = "the target failed while the other volumes were waited for";
  report_.set_phase("waiting for the other volumes");
  // One of them may have left in the meantime: who waits looks again.
  while (is_here()) {
    if (!is_ending() && group_->all_are_here())
      co_await group_->end_all(*this);
    else
      co_await job.wait_kick(Transfer::kSlice);
  }
  state_ = State::kRunning;
  co_return failed_;
}

void PivotMember::begin_to_end() {
  state_ = State::kEnding;
  watch_.set_on_failure(MirrorWatch::OnFailure::kRelease);
}

void PivotMember::note_ending(const LiveCopy::Ending& ending, const std::string& failed) {
  failed_ = ending.done ? "" : failed;
  if (ending.done) finish(*job_, ending.end == dm::CopyStack::End::kPivot);
}

// A decision that may still count keeps failed writes failing.
boost::asio::awaitable<void> PivotMember::read_mode_back() {
  if (ended_ || revoking_ || is_decided()) co_return;
  std::function<void()> read_back = [this] { copy_.read_mode_back(); };
  co_await context_.attempt(std::move(read_back));
}

void PivotMember::leave_the_end(const std::string& failed) {
  if (!failed.empty()) failed_ = failed;
  state_ = State::kRunning;
  watch_.set_on_failure(MirrorWatch::OnFailure::kLeave);
  watch_.set_mirroring(copy_.mirroring());
  watch_.forget_in_sync();
  job_->kick();
}

// --- what has become of it ---

void PivotMember::finish(core::Job& job, bool on_target) {
  ended_ = true;
  group_->leave(*this);
  if (!on_target) return;
  context_.plan.not_frozen.clear();  // a pivot needs nothing frozen
  move_to_target(job);
}

// Made durable with the job's record, before commit().
void PivotMember::move_to_target(core::Job& job) {
  volumes::ManagedVolumes& volumes = context_.environment.volumes;
  const volumes::ManagedVolume* volume = volumes.find(context_.plan.volume);
  if (!volume || !volume->pivot_to) return;
  const std::string target = *volume->pivot_to;
  volumes.finish_pivot(context_.plan.volume);
  job.host().events.publish(
      "VOLUME_CHANGE", {{"name", context_.plan.volume}, {"change", "moved"}, {"device", target}});
}

// Only a volume that is still interposed has not switched. One that is neither here nor there (its
// target is late after a boot) keeps its decision: the file says where it lives.
boost::asio::awaitable<bool> PivotMember::resolve(core::Job& job, LiveCopy::How how) {
  job_ = &job;
  volumes::ManagedVolumes& volumes = context_.environment.volumes;
  const std::string& name = context_.plan.volume;
  const volumes::ManagedVolume* volume = volumes.find(name);
  const bool decided = volume && volume->pivot_to;
  if (!decided && !job.soft_cancel_requested()) co_return true;
  const std::string target = decided ? *volume->pivot_to : context_.plan.target;
  auto find = [this, target, how] {
    const LiveCopy::Side now = copy_.side(target, how);
    const bool moved = now == LiveCopy::Side::kOnTarget;
    return std::pair(now, moved ? copy_.name_other_than(target) : std::nullopt);
  };
  const auto [side, other_name] = co_await context_.step("look", std::move(find));
  if (other_name && decided) volumes.set_pivot(name, other_name->first, other_name->second);
  if (side == LiveCopy::Side::kOnTarget && decided) finish(job, true);
  if (side == LiveCopy::Side::kKept && !decided) finish(job, false);
  const bool has_own_table = side == LiveCopy::Side::kKept || side == LiveCopy::Side::kGivenBack;
  if (!ended_ && has_own_table)
    watch_.lose_volume(
        dm::TableReplaced(name).what() +
        std::string(" while dmjobd was away; the copy is not complete: start it again"));
  if (ended_ || !decided) co_return true;
  // What the kernel has is in use, whoever has brought it back: a boot is to take the same.
  if (side != LiveCopy::Side::kInterposed && !has_own_table) {
    report_.show_left_behind("volume '" + name + "' lives on " + target +
                             " by decision, but its device does not show it: see to that disk, "
                             "then restart dmjobd");
    co_return false;
  }
  PivotGroup::Members self{this};
  co_await group_->revoke(*this, std::move(self));
  co_return true;
}

// --- its decision ---

bool PivotMember::is_recorded() const {
  const volumes::ManagedVolume* volume = context_.environment.volumes.find(context_.plan.volume);
  return volume && volume->pivot_to;
}

void PivotMember::decide(const LiveCopy::TargetName& target) {
  volumes::ManagedVolumes& volumes = context_.environment.volumes;
  volumes.set_pivot(context_.plan.volume, target.first, target.second);
  decision_ = volumes.find(context_.plan.volume)->decision;
}

boost::asio::awaitable<bool> PivotMember::may_release(core::Job& job) {
  if (!is_decided()) {
    // Nor is it decided any more once they are let go.
    if (is_ending()) group_->gate().close();
    co_return true;
  }
  // Else all writes have ended, and the switch is under way.
  if (!group_->gate().close()) co_return false;
  const std::string failed = co_await group_->revoke_decisions(context_.environment);
  if (failed.empty()) {
    decision_.clear();
    co_return true;
  }
  job_ = &job;
  if (is_decided()) co_await go_on_holding(failed);
  co_return !is_decided();
}

std::string PivotMember::begin_to_revoke() {
  volumes::ManagedVolumes& volumes = context_.environment.volumes;
  decision_ = volumes.find(context_.plan.volume)->decision;
  volumes.revoke_pivot(context_.plan.volume);
  revoking_ = true;
  return decision_;
}

boost::asio::awaitable<void> PivotMember::go_on_holding(const std::string& reason) {
  const core::TimePoint now = context_.environment.clock.now();
  if (!held_since_) {
    held_since_ = now;
    report_.set_phase("a pivot cannot be revoked: " + reason +
                      "; should the target have failed, the volume's writes wait, then fail");
    job_->host().events.publish("JOB_STALLED", {{"id", context_.job_id}, {"reason", reason}});
  }
  if (now - *held_since_ < kMostHold) co_return;
  try {
    co_await watch_.fail_held_writes();
  } catch (const std::exception&) {
    // They are held on; the next poll tries again.
  }
}

boost::asio::awaitable<void> PivotMember::be_revoked() {
  decision_.clear();
  held_since_.reset();
  auto go_on = [this] {
    copy_.keep_equal(false);
    copy_.read_mode_back();
    return copy_.mirroring();
  };
  const bool mirroring = co_await context_.worker.run(std::move(go_on));
  watch_.set_mirroring(mirroring);
  revoking_ = false;
}

}  // namespace dmjob::drivers
