// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A live copy's part in the end of its transaction, a pivot or a detached copy: whether it waits
// for the others, what is decided of it on disk, and what has become of it. Whoever acts for all is
// the PivotGroup.
//
// A pivot is decided by the state file, before it is done: from ManagedVolumes::set_pivot() on, a
// boot takes the target. Both sides are equal all that time; if the target fails in between, the
// decision is revoked (D-006).
//
// Thread: the reactor; what blocks runs on the job's worker.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libjob/drivers/base/job_context.h"
#include "libjob/drivers/base/transfer_report.h"
#include "libjob/drivers/copy/live_copy.h"
#include "libjob/drivers/copy/mirror_watch.h"

namespace dmjob::drivers {

class PivotGroup;

class PivotMember {
 public:
  // All outlive this.
  PivotMember(JobContext& context, TransferReport& report, LiveCopy& copy, MirrorWatch& watch,
              std::shared_ptr<PivotGroup> group);
  ~PivotMember();
  PivotMember(const PivotMember&) = delete;
  PivotMember& operator=(const PivotMember&) = delete;

  // --- for the driver ---
  // Waits for the other copies of the transaction, and ends with them. Returns "" or why it could
  // not be done; then the volume is as it was. Precondition: both sides are equal.
  boost::asio::awaitable<std::string> end(core::Job& job);
  // What an earlier process, or a try that failed, had come to. False: it cannot be known, and
  // nothing may be revoked; the report says why.
  boost::asio::awaitable<bool> resolve(core::Job& job, LiveCopy::How how);
  // The volume has switched, maybe by an earlier process.
  void finish(core::Job& job, bool on_target);
  bool has_ended() const { return ended_; }
  // Somebody acts for it; tables change.
  bool is_ending() const { return state_ == State::kEnding; }
  // The last try has failed for now only.
  bool is_put_off() const { return put_off_; }
  bool has_others() const;
  // The volume's record says that it is to live on the target.
  bool is_recorded() const;
  // Or that on disk may say so still.
  bool may_be_recorded() const { return revoking_ || is_recorded(); }
  // What MirrorWatch asks of its owner.
  bool is_decided() const { return !decision_.empty(); }
  boost::asio::awaitable<bool> may_release(core::Job& job);

  // --- for the group ---
  JobContext& context() { return context_; }
  LiveCopy& copy() { return copy_; }
  core::Job& job() { return *job_; }  // precondition: in end() or resolve()
  const std::string& decision() const { return decision_; }
  bool pivots() const { return job_->complete_requested(); }
  // Its copy is equal, it waits, and is not cancelled.
  bool is_here() const;
  void begin_to_end();
  void show_ending() { report_.set_phase(pivots() ? "pivot" : "detaching the copy"); }
  void decide(const LiveCopy::TargetName& target);
  void note_put_off(bool put_off) { put_off_ = put_off; }
  void note_ending(const LiveCopy::Ending& ending, const std::string& failed);
  // After a try that has failed: the tables that the volume has by now.
  boost::asio::awaitable<void> read_mode_back();
  // failed: "" unless nothing was done, for what reason.
  void leave_the_end(const std::string& failed);
  // From its decision to none, which is not durable yet. Returns the decision.
  std::string begin_to_revoke();
  boost::asio::awaitable<void> go_on_holding(const std::string& reason);
  boost::asio::awaitable<void> be_revoked();

 private:
  enum class State { kRunning, kWaiting, kEnding };

  bool may_wait() const;
  void move_to_target(core::Job& job);

  JobContext& context_;
  TransferReport& report_;
  LiveCopy& copy_;
  MirrorWatch& watch_;
  const std::shared_ptr<PivotGroup> group_;
  core::Job* job_ = nullptr;
  State state_ = State::kRunning;
  bool ended_ = false;
  bool put_off_ = false;
  std::string failed_;     // of the last try
  std::string decision_;   // that stands on disk, or may: held writes must not be let go
  bool revoking_ = false;  // a decision may still be on disk
  std::optional<core::TimePoint> held_since_;  // for want of a revocation
};

}  // namespace dmjob::drivers
