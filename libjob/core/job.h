// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// A job: its status, the verbs, its one coroutine. It knows no disk and no kernel; the driver
/// does.
///
///     created -> running <-> paused            the driver's run()
///                   |-> ready <-> standby
///                   '-----------'-> waiting -> pending -> concluded -> null    prepare(), commit()
///     any but the last two -> aborting -> concluded -> null                    abort()
///
/// Thread: the reactor, everything; it is where the job was made. Verbs throw core::Error when
/// refused, and return before their effect is reached; the event tells.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <system_error>
#include <vector>

#include "libjob/core/driver.h"
#include "libjob/core/error.h"
#include "libjob/core/error_policy.h"
#include "libjob/core/event.h"
#include "libjob/core/export.h"
#include "libjob/core/progress.h"
#include "libjob/core/signal.h"
#include "libjob/core/status.h"
#include "libjob/core/transaction.h"

namespace dmjob::core {

/// What a job is asked to be. Thread: any (value).
struct JobOptions {
  std::string id;  ///< check_job_id() says what is allowed
  /// Bytes per second, 0 = unlimited. Above INT64_MAX it stands for a negative number that was
  /// asked for, which create() refuses as late as QEMU does.
  std::uint64_t speed = 0;
  bool auto_finalize = true;  ///< false: a pending job waits for finalize()
  bool auto_dismiss = true;   ///< false: a concluded job is kept until dismiss()
  /// Names of what nobody else may use until the job is concluded: volumes, and "MAJOR:MINOR" or
  /// absolute paths of disks and files.
  std::vector<std::string> claims = {};
};

/// What jobs have in common. Owned by the program; outlives all jobs.
struct JobHost {
  boost::asio::any_io_executor executor;  ///< the reactor
  EventBus& events;                       ///< where jobs tell what happens
  /// Makes the present records of all jobs durable. Throws core::Error if that fails.
  std::function<boost::asio::awaitable<void>()> persist;
  /// The same, asked for and not waited for.
  std::function<void()> persist_soon;
  /// The job has reached null; the registry forgets it.
  std::function<void(Job&)> gone;
  /// Of a job that was taken up: why it cannot go on yet, for people; "" if it can. Asked each
  /// second and after a verb. Null: nothing is ever in the way.
  std::function<std::string(const Job&)> obstacle = nullptr;
};

struct JobState;

/// A job. Thread: the reactor.
class DMJOB_EXPORT Job : public std::enable_shared_from_this<Job> {
 public:
  /// Who takes effect together.
  using Group = std::shared_ptr<Transaction>;

  /// Made in status created, with its event. Throws Error for a bad id (no event) or speed
  /// (created, null). All members of a group are created before one is started.
  static std::shared_ptr<Job> create(JobHost& host, JobOptions options,
                                     std::unique_ptr<Driver> driver,
                                     Group group = std::make_shared<Transaction>());
  /// Takes a job up from record(); no event. A concluded one needs no driver (null). `group`: that
  /// of the record's "transaction"; all members are restored before one is started. Throws Error
  /// for a damaged record.
  static std::shared_ptr<Job> restore(JobHost& host, const nlohmann::json& record,
                                      std::unique_ptr<Driver> driver,
                                      Group group = std::make_shared<Transaction>());
  /// The coroutine holds its job, so one that is destroyed is idle.
  ~Job();
  Job(const Job&) = delete;
  Job& operator=(const Job&) = delete;

  /// Starts the coroutine; a restored job goes on where its status says. Once. A job that is
  /// cancelled instead ends without a BLOCK_JOB_ event and is not kept, whatever auto_dismiss says.
  void start();

  /// @name Verbs
  /// Each throws Error if the job does not take it now.
  /// @{

  /// Cancels. Without force a ready job ends as a success without a pivot, and a paused one
  /// refuses. Refused from when prepare() has begun. The other members of the group are cancelled
  /// with it.
  void cancel(bool force);
  /// Pauses: run() stops at its next pause_point(), and stays there until resume().
  void pause();
  /// Takes the pause back, of the user or of an error.
  void resume();
  /// A new limit in bytes per second, 0: none.
  void set_speed(std::int64_t bytes_per_second);
  /// Lets a ready job end with its effect.
  void complete();
  /// Lets all members of the group, which are pending, take effect.
  void finalize();
  /// Forgets a concluded job.
  void dismiss();
  /// The daemon ends: the coroutine returns at its next point, the record stays as it is. A job
  /// that is in prepare() or beyond first goes to its end.
  void stop_for_exit();

  /// @}
  /// @name Queries
  /// @{

  /// As they are now: set_speed() changes them.
  const JobOptions& options() const;
  /// Its name among the jobs.
  const std::string& id() const;
  /// The id of its transaction; empty: it has one of its own.
  const std::string& transaction() const;
  /// Where it is in its life.
  Status status() const;
  /// The I/O error that it was stopped by; kOk from the resume on.
  IoStatus io_status() const;
  /// Why it failed; empty: it has not. Final once it is concluded.
  const std::string& error() const;
  /// Why it is ready again, after it was to take effect; empty: it is not, or was asked once more.
  const std::string& put_off() const;
  /// By pause(), or by an error whose policy is to stop.
  bool user_paused() const;
  /// False once it is concluded: others may use what it claimed.
  bool holds_claims() const;
  /// A member of the answer to query-jobs.
  nlohmann::json query_job() const;
  /// A member of the answer to query-block-jobs, with the driver's members, and "verbs": those that
  /// it takes now.
  nlohmann::json query_block_job() const;
  /// The same as JSON text; that of a concluded job is kept, since nothing in it changes any more.
  std::string query_block_job_text() const;
  /// {"id", "type", "status", "transaction", "options", "flags", "io-status", "error", "progress",
  /// "driver"}; the driver's part is its record(), or describe() at the end for a concluded job.
  nlohmann::json record() const;
  /// The same as JSON text, kept until something in it changes.
  std::shared_ptr<const std::string> record_text() const;
  /// Notified at each change of status, and when the job becomes idle.
  Signal& changed();
  /// True once the coroutine is not running (concluded, or stopped for exit).
  bool idle() const;

  /// @}
  /// @name For the driver
  /// @{

  /// A cancel that is not soft, or the end of the daemon: run() is to return.
  bool must_return() const;
  /// By a cancel that is not soft, of this job or of another member of its group.
  bool cancelled() const;
  /// The daemon ends: stop_for_exit() was called.
  bool exiting() const;
  /// By the user, by an error, or by a PauseHold.
  bool pause_requested() const;
  /// complete() was called. Never with a soft cancel: the later request wins.
  bool complete_requested() const;
  /// A cancel without force was called when it was ready.
  bool soft_cancel_requested() const;
  /// Both sides have been equal once; holds from then on.
  bool is_ready() const;
  /// How far it is; the driver counts.
  Progress& progress();
  /// How far it is.
  const Progress& progress() const;
  /// What it was created with.
  JobHost& host();
  /// In run(). If a pause is asked for: status paused or standby until it is taken back, the job is
  /// cancelled, or the daemon ends.
  boost::asio::awaitable<void> pause_point();
  /// Takes back the pause of the user or of an error: the job has failed meanwhile, and run() is to
  /// say so now.
  void break_pause();
  /// Waits for a verb, or for `limit`. Returns at once if there was a kick since the last wait.
  boost::asio::awaitable<void> wait_kick(Duration limit);
  /// Wakes wait_kick(), e.g. from a device's event.
  void kick();
  /// First time: status ready, BLOCK_JOB_READY. Later, and when run() is to return: nothing.
  void set_ready();
  /// An I/O error, by policy: the event, io-status, and the user's pause flag if it is to stop.
  ErrorAction io_error(OnError policy, bool is_read, std::error_code error);
  /// @}

 private:
  friend class PauseHold;

  Job(JobHost& host, JobOptions options, std::unique_ptr<Driver> driver, Group group);

  const std::unique_ptr<JobState> state_;
};

/// Keeps a job paused on somebody's behalf, apart from the user's pause; several may. The user's
/// pause and resume do not change it, and it does not change theirs. Thread: the reactor.
class DMJOB_EXPORT PauseHold {
 public:
  /// Asks for the pause.
  explicit PauseHold(std::shared_ptr<Job> job);
  /// Lets the job go on, if nothing else holds it.
  ~PauseHold();
  PauseHold(const PauseHold&) = delete;
  PauseHold& operator=(const PauseHold&) = delete;

 private:
  const std::shared_ptr<Job> job_;
};

}  // namespace dmjob::core
