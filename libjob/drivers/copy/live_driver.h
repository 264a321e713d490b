// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The copy of a volume in use. The coroutine decides, LiveCopy does each step on the worker:
//
//   open -> track (copy what is dirty, rotate, again) -> hand over -> mirror (verify) -> ready
//             ^------------- fall back (pause, failed target) ----------'
//   prepare: pivot, or keep (soft cancel)     abort: withdraw     clean: remove
//
// Copies of one transaction end in one moment: prepare() of each waits for the others, and the last
// one to come acts for all (end_all()). A copy of its own is a group of one.
//
// Beside it runs a watch: it looks at the status of wr after every dm event and every so often, and
// leaves a failed mirror at once, since that holds the volume's writes; once a pivot is decided, as
// soon as that is revoked on disk. What it has done the main
// coroutine learns from trouble_.
//
// Thread: the reactor; steps on the worker, the watch's looks on its own.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "libjob/drivers/base/transfer_driver.h"
#include "libjob/drivers/copy/live_copy.h"
#include "libjob/drivers/copy/live_group.h"

namespace dmjob::drivers {

class LiveDriver : public TransferDriver {
 public:
  LiveDriver(Environment& environment, CopyPlan plan, std::string job_id, bool resumed,
             std::shared_ptr<LiveGroup> group);
  ~LiveDriver() override;

  std::string_view type() const override { return "mirror"; }
  boost::asio::awaitable<void> run(core::Job& job) override;
  boost::asio::awaitable<void> attend(core::Job& job) override;
  boost::asio::awaitable<void> prepare(core::Job& job) override;
  boost::asio::awaitable<void> commit(core::Job& job) override;
  boost::asio::awaitable<void> abort(core::Job& job) override;
  boost::asio::awaitable<void> clean(core::Job& job) override;
  bool can_complete() const override { return true; }
  void check_complete() const override;
  nlohmann::json describe() const override;

 private:
  // What the watch has found, and already acted upon.
  enum class Trouble { kNone, kTarget, kSource, kScratch };

  // --- live_driver.cc: the phases ---
  boost::asio::awaitable<void> look_at_mounts_again();
  boost::asio::awaitable<void> open(core::Job& job);
  boost::asio::awaitable<void> begin(core::Job& job);
  // True: both sides are equal. False: run() is to return.
  boost::asio::awaitable<bool> converge(core::Job& job);
  boost::asio::awaitable<void> track(core::Job& job);
  boost::asio::awaitable<void> pass_done(core::Job& job);
  boost::asio::awaitable<void> end_tracking(core::Job& job);
  boost::asio::awaitable<void> hand_over(core::Job& job);
  boost::asio::awaitable<void> mirror(core::Job& job);
  boost::asio::awaitable<void> pause(core::Job& job);
  boost::asio::awaitable<void> rest(core::Job& job) override;
  boost::asio::awaitable<void> face_target(core::Job& job, io::CopyError error);
  boost::asio::awaitable<void> face_trouble(core::Job& job);
  boost::asio::awaitable<void> face_slowness(core::Job& job, std::string what);
  void spend_patience(core::Duration wait, const std::string& in_vain);
  bool worth_handing_over(std::uint64_t dirty) const;
  TargetNote note_of_target() const override {
    return {copy_->target_account(), copy_->copied_anew()};
  }

  // --- live_flush.cc ---
  boost::asio::awaitable<void> look_at_flushes();
  boost::asio::awaitable<void> let_flushes_through();
  std::string refusal_to_pivot() const;

  // --- live_verify.cc ---
  bool is_to_be_verified(const core::Job& job) const;
  bool may_verify(const core::Job& job) const;
  boost::asio::awaitable<void> verify(core::Job& job);
  boost::asio::awaitable<void> look_again(core::Job& job, std::vector<io::Extent>& suspects);
  boost::asio::awaitable<void> look_held(core::Job& job, std::vector<io::Extent>& suspects);

  // --- live_watch.cc ---
  void start_watch(core::Job& job);
  boost::asio::awaitable<void> stop_watch();
  boost::asio::awaitable<void> watch(core::Job& job);
  boost::asio::awaitable<void> look(core::Job& job);
  boost::asio::awaitable<void> act(core::Job& job);
  boost::asio::awaitable<void> act_beside(core::Job& job);
  std::optional<dm::MirrorStatus> look_at_wr();
  struct Seen {
    std::optional<dm::MirrorStatus> status;
    bool stands = true;  // the volume, after that status was read
    std::string volume;  // its name; "" if that was not looked at
  };
  Seen see(bool is_to_stand);
  static Trouble judge(const dm::MirrorStatus& status, bool mirroring);
  Trouble judge_now();
  bool is_to_stand() const;
  boost::asio::awaitable<void> face_lost_volume(core::Job& job);
  Trouble leave_failed_table();
  void set_mirroring(bool mirroring);

  // --- live_end.cc ---
  using Drivers = std::vector<LiveDriver*>;
  // What an earlier process had come to. False: it cannot be known, and nothing may be revoked.
  boost::asio::awaitable<bool> settle_earlier_end(core::Job& job);
  void be_done(core::Job& job, bool on_target);
  boost::asio::awaitable<bool> try_settle(core::Job& job);
  static std::string done_phase(const core::Job& job);
  // On the worker. Returns "" or why it could not be done.
  boost::asio::awaitable<std::string> try_call(void (LiveCopy::*call)());
  void settle_on_target(core::Job& job);

  // --- live_revoke.cc ---
  boost::asio::awaitable<void> reserve_revocation(std::size_t pivots);
  void decide_pivot(const std::string& target, const io::DiskIdentity& disk);
  void pass_gate();
  boost::asio::awaitable<void> release(core::Job& job);
  boost::asio::awaitable<bool> may_release(core::Job& job);
  boost::asio::awaitable<std::string> try_revoke(std::vector<std::string> decisions);
  boost::asio::awaitable<std::string> try_revoke_or_persist(core::Job& job,
                                                            std::vector<std::string> decisions);
  boost::asio::awaitable<void> go_on_holding(core::Job& job, std::string reason);
  boost::asio::awaitable<void> revoke_pivots(core::Job& job, Drivers drivers);
  boost::asio::awaitable<void> be_revoked();

  // --- live_group.cc: a text is "" or why it could not be done; then the volume is as it was ---
  boost::asio::awaitable<std::string> end(core::Job& job);
  bool may_wait_for_the_others(const core::Job& job) const;
  bool all_are_here() const;
  boost::asio::awaitable<void> end_all(core::Job& job);
  boost::asio::awaitable<void> try_end_all(core::Job& job, Drivers all);
  static void require_own_targets(const Drivers& all);
  boost::asio::awaitable<std::string> decide(core::Job& job, Drivers all);
  boost::asio::awaitable<std::string> switch_all(std::vector<LiveCopy::Ending>& endings,
                                                 Drivers all);
  void settle_end(core::Job& job, const LiveCopy::Ending& ending, const std::string& failed);
  void be_ended(std::string failed);

  std::unique_ptr<LiveCopy> copy_;
  bool opened_ = false;
  bool revoking_ = false;  // a decision may still be on disk
  std::string decision_;   // that stands on disk, or may: held writes must not be let go
  std::optional<core::TimePoint> held_since_;  // for want of a revocation
  core::Duration waited_at_end_{};             // for disks, in prepare()
  bool target_away_ = false;                   // open it anew before it is used again
  bool mirroring_ = false;                     // the reactor's copy of LiveCopy's state
  unsigned tables_ = 0;                        // how often it was set: which table a status is of
  bool in_sync_ = false;
  bool preparing_ = false;  // past run(): no pause any more
  bool ending_ = false;     // within end_all(): a failed mirror is only released
  bool holding_ = false;    // within look_held(): the same
  bool released_ = false;   // the watch has done so
  int pass_ = 0;
  std::uint64_t last_dirty_ = 0;  // bytes left after the pass before
  int source_troubles_ = 0;       // in a row, without an error of ours in between
  Trouble trouble_ = Trouble::kNone;
  std::string lost_volume_;     // how its table became another's; "": it has ours
  std::string target_trouble_;  // for describe(): why the target cannot be used
  std::string swallows_;        // who would keep flushes from the target; "": nobody
  core::TimePoint next_flush_look_;
  core::TimePoint next_mount_look_;

  const std::shared_ptr<LiveGroup> group_;
  core::Job* job_ = nullptr;  // in end()
  bool at_end_ = false;       // in end(), and nothing has come of it yet
  bool ended_ = false;        // the volume has switched, maybe by an earlier process
  std::string end_failed_;
  bool end_put_off_ = false;  // it has failed for now only

  bool watching_ = false;
  bool watch_done_ = true;
  bool acting_ = false;  // in act_beside()
  core::Signal watch_ended_;
  core::Worker looker_;
};

}  // namespace dmjob::drivers
