// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What copies and backups have in common: the plan, the worker, the loop over slices of the bulk
// copy with its error policy, and what the queries show. Type "mirror", as a copy's in QEMU.
//
// Thread: the reactor; what blocks runs on worker_.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libjob/core/driver.h"
#include "libjob/core/job.h"
#include "libjob/core/worker.h"
#include "libjob/drivers/base/rate_meter.h"
#include "libjob/drivers/base/volume_step.h"
#include "libjob/drivers/plan/copy_plan.h"
#include "libjob/drivers/plan/environment.h"
#include "libjob/drivers/transfer/bulk_copy.h"

namespace dmjob::drivers {

class CopyDriver : public core::Driver {
 public:
  CopyDriver(Environment& environment, CopyPlan plan, std::string job_id, bool resumed);

  std::string_view type() const override { return "mirror"; }
  void kick(core::Job& job) override;
  void set_speed(std::uint64_t bytes_per_second) override;
  nlohmann::json describe() const override;
  nlohmann::json record() const override;
  std::optional<std::uint64_t> record_version() const override;

 protected:
  static constexpr core::Duration kSlice = std::chrono::seconds(1);

  // On the worker, alone on the volume. `what`: "hand over".
  template <typename Step>
  auto step(const std::string& what, Step function) {
    return run_step(environment_.locks, worker_, plan_.volume, what + " of job '" + job_id_ + "'",
                    std::move(function));
  }
  // Copies a slice of what is dirty, and acts upon its errors. Throws Error if the job is to fail.
  boost::asio::awaitable<io::CopyEnd> copy_slice(core::Job& job, BulkCopy& bulk);
  // Of a source that does not change: copies until all of it is on stable storage, and what could
  // not be read has had its second try; or until the job must return.
  boost::asio::awaitable<void> copy_all(core::Job& job, BulkCopy& bulk);
  // Nothing is copied any more: rest() is to find out why.
  void halt();
  // Takes the pause that may be asked for, in copy_all().
  virtual boost::asio::awaitable<void> rest(core::Job& job);
  // Of a job that was taken up and has nothing under way: returns when its disks are there, or when
  // it must return. Whether they are the right ones is looked at later.
  boost::asio::awaitable<void> wait_for_late_disks(core::Job& job);
  // Of a job that was taken up, with nothing of its own under the volume: one that was renamed
  // while no dmjobd was there is the volume still.
  boost::asio::awaitable<void> follow_volume(core::Job& job);
  // On the worker: when something could not be read, and when all was read. Throws Error if the
  // source as a whole has failed, so that neither its errors nor its bytes count.
  virtual void confirm_source() {}
  // On the worker, at each slice. Throws Error if the target, a file, is not what it was: all that
  // is still to be copied would be in vain.
  virtual void look_after_target() {}
  static std::string place_of(std::uint64_t offset, std::uint64_t length);  // " at byte ..."
  // By policy: returns if the job goes on (or has been asked to pause), throws if it is to fail.
  void face(core::Job& job, const io::CopyError& error);
  // As face(), for an error that must not be met again at once if it is ignored.
  boost::asio::awaitable<void> face_and_wait(core::Job& job, io::CopyError error);
  // --- copy_verify.cc ---
  using LookAt = std::function<BulkCopy::Look()>;  // on the worker
  // A slice of a comparison; acts upon its errors as copy_slice().
  boost::asio::awaitable<BulkCopy::Look> look_slice(core::Job& job, LookAt look_at);
  // What came of it, before its errors are faced.
  virtual void note_look(const BulkCopy::Look& /*look*/) {}
  // Reads both sides of a slice of what is not verified, and acts upon errors as copy_slice().
  // What differs the caller judges.
  boost::asio::awaitable<BulkCopy::Look> verify_slice(core::Job& job, BulkCopy& bulk);
  // copy_all(), and all of it verified, if the user wants that, and the source confirmed. Throws
  // Error if the target differs.
  boost::asio::awaitable<void> copy_and_verify(core::Job& job, BulkCopy& bulk);
  // What a verification has found. Throws Error, unless a difference is only to be told.
  virtual boost::asio::awaitable<void> face_differences(const BulkCopy::Look& look);
  // On the worker, before a difference is told. Throws Error if it may be another's doing, not the
  // target's.
  virtual void confirm_difference() {}
  [[noreturn]] void fail_verification(const io::Differences& differences);
  std::uint64_t to_verify() const { return to_verify_; }  // bytes, as far as known
  void show_to_verify(core::Job& job, std::uint64_t bytes);
  void show_differences(const io::Differences& differences) { differences_ = differences; }
  // At the end: true if there is now more to copy, since what was given up gets a second try.
  boost::asio::awaitable<bool> try_given_up_again(BulkCopy& bulk);
  void set_phase(std::string phase) { phase_ = std::move(phase); }
  void show_left(core::Job& job, std::uint64_t bytes);
  // The record of a daemon that was killed may be older than its last checkpoint.
  void show_copied(core::Job& job, std::uint64_t bytes_left);
  // For the queries. The worker must be idle.
  void show_unreadable(const BulkCopy& bulk) { unreadable_ = bulk.given_up().extents(); }
  // For the queries: why all was copied once more.
  void show_copied_anew(std::string why) { copied_anew_ = std::move(why); }
  struct TargetNote {
    std::string account;      // TargetDisk::account()
    std::string copied_anew;  // why all was copied once more; "" if it was not
  };
  // On the worker: what is known of writes of others to the target.
  virtual TargetNote note_of_target() const { return {plan_.target_account, copied_anew_}; }
  // Takes the note into the record and the queries. If the record cannot be written, a next start
  // finds that it does not fit, and copies all.
  boost::asio::awaitable<void> note_account(core::Job& job);
  // What is mounted above the volume and is not frozen with it, for the record and the queries.
  boost::asio::awaitable<void> look_at_mounts();
  // What the volume is called by now, for the queries, and for a next start. That of a managed one
  // is in the state file, and is its name again at the next boot.
  void note_name(core::Job& job, const std::string& volume);
  // Returns "" or why the record cannot be written.
  static boost::asio::awaitable<std::string> try_persist(core::Job& job);
  // On the worker, and of a live job alone on the volume: takes devices of ours away. Something may
  // have one open for a moment (a probe, a scan): a few more tries. What is left in the end
  // describe() tells.
  boost::asio::awaitable<void> take_away(std::string what, std::function<void()> function);
  // On the worker, when the copy is closed: the map is on disk then, or describe() tells why not.
  void finish_map();

  Environment& environment_;
  CopyPlan plan_;  // changed on the reactor only, which reads it for the record
  const std::string job_id_;
  const bool resumed_;
  io::CopyControl control_;
  ErrorMapFile error_map_;
  std::string left_behind_;  // for describe(): what could not be taken away

 private:
  boost::asio::awaitable<void> copy_what_is_dirty(core::Job& job, BulkCopy& bulk);
  boost::asio::awaitable<void> verify_all(core::Job& job, BulkCopy& bulk);

  std::string phase_;
  std::string late_disk_;  // or file; for describe(): which is waited for
  std::string copied_anew_;
  std::string volume_now_;     // its name
  std::uint64_t renamed_ = 0;  // so often
  bool halted_ = false;
  void face(core::Job& job, const io::CompareError& error);
  void show_progress(core::Job& job);

  std::uint64_t left_ = 0;  // bytes still to copy, as far as known
  std::uint64_t to_verify_;
  io::Differences differences_;  // that the job failed for
  RateMeter rate_;
  std::vector<io::CopyError> unreadable_;
  mutable CopyPlan last_plan_;  // of record_version()
  mutable std::uint64_t plan_version_ = 0;

 protected:
  core::Worker worker_;  // last: its thread uses what is above
};

}  // namespace dmjob::drivers
