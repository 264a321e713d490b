// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The copy of a volume in use. The coroutine decides, LiveCopy does each step on the worker:
//
//   open -> track (copy what is dirty, rotate, again) -> hand over -> mirror (verify) -> ready
//             ^------------- fall back (pause, failed target) ----------'
//   prepare: pivot, or keep (soft cancel)     abort: withdraw     clean: remove
//
// Copies of one transaction end in one moment: prepare() of each waits for the others (PivotGroup).
// Beside it runs a watch, which leaves a failed mirror at once, since that holds the volume's
// writes (MirrorWatch).
//
// Thread: the reactor; steps on the worker, the watch's polls on its own.
#pragma once

#include <memory>
#include <string>

#include "libjob/drivers/base/transfer_driver.h"
#include "libjob/drivers/copy/flush_care.h"
#include "libjob/drivers/copy/live_copy.h"
#include "libjob/drivers/copy/live_verifier.h"
#include "libjob/drivers/copy/mirror_watch.h"
#include "libjob/drivers/copy/pivot_group.h"
#include "libjob/drivers/copy/pivot_member.h"

namespace dmjob::drivers {

class LiveDriver : public TransferDriver, private MirrorWatch::Owner {
 public:
  LiveDriver(Environment& environment, CopyPlan plan, std::string job_id, bool resumed,
             std::shared_ptr<PivotGroup> group);

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
  // --- the phases ---
  boost::asio::awaitable<void> poll_mounts();
  boost::asio::awaitable<void> open(core::Job& job);
  boost::asio::awaitable<void> begin(core::Job& job);
  // True: both sides are equal. False: run() is to return.
  boost::asio::awaitable<bool> converge(core::Job& job);
  boost::asio::awaitable<void> track(core::Job& job);
  boost::asio::awaitable<void> pass_done(core::Job& job);
  boost::asio::awaitable<void> end_tracking(core::Job& job);
  boost::asio::awaitable<void> hand_over(core::Job& job);
  boost::asio::awaitable<void> wait_for_resync(core::Job& job);
  boost::asio::awaitable<void> pause(core::Job& job);
  boost::asio::awaitable<void> rest(core::Job& job) override;
  boost::asio::awaitable<void> handle_target_error(core::Job& job, io::CopyError error);
  boost::asio::awaitable<void> handle_fault(core::Job& job);
  boost::asio::awaitable<void> handle_slowness(core::Job& job, std::string what);
  void spend_patience(core::Duration wait, const std::string& in_vain);
  bool worth_handing_over(std::uint64_t dirty) const;
  TargetNote note_of_target() const override;

  // --- live_end.cc ---
  boost::asio::awaitable<std::string> end(core::Job& job);
  boost::asio::awaitable<bool> try_resolve(core::Job& job);
  boost::asio::awaitable<bool> resolve(core::Job& job);

  // --- for the watch ---
  bool is_to_stand() const override;
  void note_volume_name(core::Job& job, const std::string& volume) override {
    note_name(job, volume);
  }
  bool is_decided() const override { return pivot_.is_decided(); }
  boost::asio::awaitable<bool> may_release(core::Job& job) override {
    return pivot_.may_release(job);
  }

  std::unique_ptr<LiveCopy> copy_;
  MirrorWatch watch_;
  LiveVerifier verifier_;
  FlushCare flushes_;
  PivotMember pivot_;
  bool opened_ = false;
  bool target_away_ = false;  // open it anew before it is used again
  bool preparing_ = false;    // past run(): no pause any more
  int pass_ = 0;
  std::uint64_t last_dirty_ = 0;    // bytes left after the pass before
  int source_faults_ = 0;           // in a row, without an error of ours in between
  core::Duration waited_at_end_{};  // for disks, in prepare()
  std::string target_fault_;        // for describe(): why the target cannot be used
  core::TimePoint next_mount_poll_;
};

}  // namespace dmjob::drivers
