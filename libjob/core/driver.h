// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// What makes a job a copy, a backup, ...: the driver. The job calls it, all calls on the reactor;
/// whatever blocks goes through the driver's Worker. After QEMU's struct JobDriver.
///
///     run -> (prepare -> commit | abort) -> clean
///
/// A daemon that was killed calls again, with a new driver made from record(), the call that was
/// under way; what was finished before is not called again. So no call may count on an earlier one
/// of the same object: prepare() without run(), commit() without prepare(), abort() without
/// anything happen.
///
/// Only type() and run() are needed. Each other call has a default that does nothing, which is
/// right for a driver that changes nothing outside itself.
///
/// A call that throws is a failure of the job. What commit(), abort() and clean() throw is told as
/// the job's error and changes nothing else. What is thrown while job.exiting() is forgotten: the
/// next start finds out again.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string_view>

#include "libjob/core/export.h"

namespace dmjob::core {

class Job;

/// A kind of job. Thread: the reactor, everything.
class DMJOB_EXPORT Driver {
 public:
  virtual ~Driver();

  /// QEMU's word: "mirror", "backup", "stream", "commit".
  virtual std::string_view type() const = 0;

  /// The long run. Entered in status running; a job that is taken up again may be in paused, ready
  /// or standby as well, so what must go on in a pause (tracking) is set up before the first
  /// job.pause_point(). Returns when the work is done, or soon after job.must_return(). Throws
  /// core::Error if the job is to fail.
  /// A driver with a ready phase calls job.set_ready(), then returns once job.complete_requested()
  /// or job.soft_cancel_requested() and both sides are equal.
  virtual boost::asio::awaitable<void> run(Job& job) = 0;

  /// In status pending, by a daemon that has taken the job up: what run() had left behind, and what
  /// must go on while the job waits to be finalized, is set up again. Throws as run().
  virtual boost::asio::awaitable<void> attend(Job& job);
  /// In status pending, finalized: the step that takes effect (a pivot, unless
  /// job.soft_cancel_requested()). From here on a cancel is refused, and job.exiting() changes
  /// nothing. Throws: nothing has taken effect, the job aborts. Throws NotNow: it does not abort.
  /// If that is so for all jobs of the transaction, they are ready again, and run() is called once
  /// more; else prepare() is.
  virtual boost::asio::awaitable<void> prepare(Job& job);
  /// In status pending, after prepare() of every job of the transaction.
  virtual boost::asio::awaitable<void> commit(Job& job);
  /// In status aborting, instead of prepare and commit, or after a prepare that threw or whose
  /// transaction did not come about: the volume is to be as it was before the job.
  virtual boost::asio::awaitable<void> abort(Job& job);
  /// Last: releases what is left; the driver is destroyed when the job is concluded. Also after a
  /// run that returned because of job.exiting(), which is followed by none of the others; then
  /// everything that a next start needs is kept.
  virtual boost::asio::awaitable<void> clean(Job& job);

  /// A verb has changed what the job wants; stops a copy loop under way so that run() looks. Does
  /// not block.
  virtual void kick(Job& job);
  /// A new limit in bytes per second, 0: none. Also before run(), with the speed at the start.
  virtual void set_speed(std::uint64_t bytes_per_second);

  /// True if the job has a ready phase, and so takes the verb complete.
  virtual bool can_complete() const;
  /// Throws core::Error with the reason if complete is refused for this job (a foreign volume).
  virtual void check_complete() const;

  /// Members for the queries beyond the job's own, e.g. phase, dirty, scratch. Does not block.
  /// Called at any time; after clean() once more for what remains to be seen of a concluded job.
  virtual nlohmann::json describe() const;
  /// What a next start of the daemon needs to carry on. Does not block.
  virtual nlohmann::json record() const;
  /// Another number whenever record() is not what it was. None: nobody has looked, so it is made
  /// anew each time that the state is written.
  virtual std::optional<std::uint64_t> record_version() const;
};

}  // namespace dmjob::core
