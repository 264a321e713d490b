// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The watch of a live copy. A mirror whose target has failed holds every write until its table is
// changed; a tracker whose base has failed a write fails the later ones until it is reloaded, and
// raises no event for it. So the status of wr is polled after each dm event, and once a second
// while mirroring, every few milliseconds while tracking. What must be done at once for the
// volume's writes the watch's own worker does: the job's may be waiting for a hung disk.
//
// Thread: the reactor; what blocks runs on the two workers.
#pragma once

#include <optional>
#include <string>

#include "libjob/core/worker.h"
#include "libjob/drivers/base/transfer.h"
#include "libjob/drivers/base/watch_loop.h"
#include "libjob/drivers/copy/live_copy.h"

namespace dmjob::drivers {

class MirrorWatch {
 public:
  // What the watch has found, and already acted upon.
  enum class Fault { kNone, kTarget, kSource, kScratch };

  // The job that is watched.
  class Owner {
   public:
    // Its volume is to have our table now.
    virtual bool is_to_stand() const = 0;
    // Its volume goes by that name.
    virtual void note_volume_name(core::Job& job, const std::string& volume) = 0;
    // A pivot is decided, and so the sides of a failed mirror must stay equal.
    virtual bool is_decided() const = 0;
    // Whether the writes that a failed target holds may go on without it; revokes what is decided.
    virtual boost::asio::awaitable<bool> may_release(core::Job& job) = 0;

   protected:
    ~Owner() = default;
  };

  // What becomes of a mirror that has failed.
  enum class OnFailure {
    kLeave,    // it is left for a tracker
    kRelease,  // somebody else is about to change tables: it lets its held writes go, no more
  };

  // All outlive this.
  MirrorWatch(JobContext& context, TransferReport& report, Transfer& transfer, LiveCopy& copy,
              Owner& owner);

  void start(core::Job& job);
  boost::asio::awaitable<void> stop() { return loop_.stop(); }
  // Once, now.
  boost::asio::awaitable<void> poll(core::Job& job);
  // Returns when what was under way on the watch's own worker has come to an end.
  boost::asio::awaitable<void> be_idle();

  void set_on_failure(OnFailure what);
  // Held writes have been let go since kRelease was set.
  bool has_released() const { return released_; }
  // On the watch's worker: LiveCopy::fail_held_writes().
  boost::asio::awaitable<void> fail_held_writes();

  // What LiveCopy said after the last change of tables: mirroring or not.
  bool mirroring() const { return mirroring_; }
  void set_mirroring(bool mirroring);
  // Of a mirror, as of the last poll.
  bool in_sync() const { return in_sync_; }
  // The next poll tells.
  void forget_in_sync() { in_sync_ = false; }

  Fault fault() const { return fault_; }
  Fault take_fault();

  // How the volume's table became another's; "": it has ours. What is left to do is to end.
  const std::string& lost_volume() const { return lost_volume_; }
  void lose_volume(std::string how) { lost_volume_ = std::move(how); }
  // Finds out whether it did; if that cannot be known, it has ours.
  boost::asio::awaitable<void> confirm_volume(core::Job& job);

 private:
  struct Seen {
    std::optional<dm::MirrorStatus> status;
    bool stands = true;  // the volume, after that status was read
    std::string volume;  // its name; "" if that was not looked at
  };

  boost::asio::awaitable<std::optional<core::Duration>> poll_and_say_when(core::Job& job);
  bool is_to_stand() const { return lost_volume_.empty() && owner_.is_to_stand(); }
  Seen see(bool is_to_stand);
  std::optional<dm::MirrorStatus> read_status();
  static Fault judge(const dm::MirrorStatus& status, bool mirroring);
  Fault judge_now();
  boost::asio::awaitable<void> act(core::Job& job);
  boost::asio::awaitable<void> act_beside(core::Job& job);
  boost::asio::awaitable<void> leave();
  boost::asio::awaitable<void> release(core::Job& job);
  Fault leave_failed_table();

  JobContext& context_;
  TransferReport& report_;
  Transfer& transfer_;
  LiveCopy& copy_;
  Owner& owner_;
  OnFailure on_failure_ = OnFailure::kLeave;
  bool released_ = false;
  bool mirroring_ = false;
  unsigned tables_ = 0;  // how often it was set: which table a status is of
  bool in_sync_ = false;
  Fault fault_ = Fault::kNone;
  std::string lost_volume_;
  bool acting_ = false;  // in act_beside()
  WatchLoop loop_;
  core::Worker poller_;  // last: its thread uses what is above
};

}  // namespace dmjob::drivers
