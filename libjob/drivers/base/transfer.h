// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The loop of a job that copies: slices of the bulk copy and of its verification, and what comes of
// their errors by the job's policies. What differs from job to job its Hooks say.
//
// Thread: the reactor; what blocks runs on the context's worker.
#pragma once

#include <cstdint>
#include <functional>

#include "libjob/core/job.h"
#include "libjob/drivers/base/job_context.h"
#include "libjob/drivers/base/transfer_report.h"
#include "libjob/drivers/transfer/bulk_copy.h"

namespace dmjob::drivers {

class Transfer {
 public:
  static constexpr core::Duration kSlice = std::chrono::seconds(1);

  class Hooks {
   public:
    // Takes the pause that may be asked for, in copy_all().
    virtual boost::asio::awaitable<void> rest(core::Job& job) { return job.pause_point(); }
    // On the worker: when something could not be read, and when all was read. Throws Error if the
    // source as a whole has failed, so that neither its errors nor its bytes count.
    virtual void confirm_source() {}
    // On the worker, at each slice. Throws Error if the target, a file, is not what it was: all
    // that is still to be copied would be in vain.
    virtual void require_target() {}
    // On the worker, before a difference is told. Throws Error if it may be another's doing, not
    // the target's.
    virtual void confirm_difference() {}
    // What came of a slice of a comparison, before its errors are handled.
    virtual void note_result(const BulkCopy::VerifyResult& /*result*/) {}
    // A verification has found differences. False: the job goes on nevertheless.
    virtual bool fails_for(const io::Differences& /*differences*/) { return true; }

   protected:
    ~Hooks() = default;
  };

  // All outlive this.
  Transfer(JobContext& context, TransferReport& report, Hooks& hooks)
      : context_(context), report_(report), hooks_(hooks) {}

  // Copies a slice of what is dirty, and acts upon its errors. Throws Error if the job is to fail.
  boost::asio::awaitable<io::CopyEnd> copy_slice(core::Job& job, BulkCopy& bulk);
  // Of a source that does not change: copies until all of it is on stable storage, and what could
  // not be read has had its second try; or until the job must return.
  boost::asio::awaitable<void> copy_all(core::Job& job, BulkCopy& bulk);
  // copy_all(), and all of it verified, if the user wants that, and the source confirmed. Throws
  // Error if the target differs.
  boost::asio::awaitable<void> copy_and_verify(core::Job& job, BulkCopy& bulk);
  // At the end: true if there is now more to copy, since what was given up gets a second try.
  boost::asio::awaitable<bool> try_bad_blocks_again(BulkCopy& bulk);
  // Nothing is copied any more: Hooks::rest() is to find out why.
  void halt();

  using Compare = std::function<BulkCopy::VerifyResult()>;  // on the worker
  // A slice of a comparison; acts upon its errors as copy_slice().
  boost::asio::awaitable<BulkCopy::VerifyResult> compare_slice(core::Job& job, Compare compare);
  // Reads both sides of a slice of what is not verified, and acts upon errors as copy_slice().
  // What differs the caller judges.
  boost::asio::awaitable<BulkCopy::VerifyResult> verify_slice(core::Job& job, BulkCopy& bulk);
  [[noreturn]] void fail_verification(const io::Differences& differences);

  // By policy: returns if the job goes on (or has been asked to pause), throws if it is to fail.
  void handle_error(core::Job& job, const io::CopyError& error) const;
  // The same, for an error that must not be met again at once if it is ignored.
  boost::asio::awaitable<void> handle_error_and_wait(core::Job& job, io::CopyError error) const;

 private:
  bool is_to_stop(const core::Job& job) const;
  boost::asio::awaitable<void> copy_what_is_dirty(core::Job& job, BulkCopy& bulk);
  boost::asio::awaitable<void> verify_all(core::Job& job, BulkCopy& bulk);
  void handle_error(core::Job& job, const io::CompareError& error) const;

  JobContext& context_;
  TransferReport& report_;
  Hooks& hooks_;
  bool halted_ = false;
};

}  // namespace dmjob::drivers
