// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The coroutine of a job, from start to end, and when its record is made durable:
//
//   running             record, then run(): a job is known before anything is done for it
//   aborting            record, then abort(): a cancel or failure is not forgotten half-way
//   pending, manual     record: the run is not done a second time
//   finalized           record "preparing", then prepare(). Not written: the job aborts
//   prepared            record "prepared", then commit() and clean(). Not written: tried until it
//   is,
//                       because clean() gives up what could prove the pivot otherwise
//   concluded, null     record
//
// In the other places a record that cannot be written does not stop the job: being killed there
// repeats a step, which every driver must bear anyway.
#include <boost/asio/co_spawn.hpp>
#include <cassert>
#include <utility>

#include "libjob/core/job.h"

namespace dmjob::core {
namespace {

constexpr Duration kPersistAgain = std::chrono::seconds(1);
constexpr Duration kPrepareAgain = std::chrono::seconds(5);
constexpr Duration kAskAgain = std::chrono::seconds(1);

std::string text_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const std::exception& exception) {
    const std::string text = exception.what();
    return text.empty() ? "Unknown error" : text;
  } catch (...) {
    return "Unknown error";
  }
}

}  // namespace

void Job::start() {
  assert(!started_ && idle_);
  if (stage_of(status_) == Stage::kOver) return;
  started_ = true;
  if (status_ == Status::kCreated) move(Status::kRunning);
  launch();
}

// There is nobody yet to act on a cancel.
void Job::launch_if_created() {
  if (status_ == Status::kCreated && idle_) launch();
}

void Job::launch() {
  idle_ = false;
  boost::asio::co_spawn(host_.executor, live(shared_from_this()), [](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);  // nothing of ours throws out of live()
  });
}

boost::asio::awaitable<void> Job::live(std::shared_ptr<Job> job) {
  co_await job->wait_while_obstructed();
  do {
    job->goes_back_ = false;
    co_await job->work_and_take_effect();
  } while (job->goes_back_);
  if (job->flags_.cancelled && !job->exiting_) job->outcome_ = Outcome::kFailure;
  if (job->outcome_ == Outcome::kOpen) {  // the daemon ends; all is kept
    job->give_up_for_exit();
    co_await job->call_at_end(&Driver::clean);
  } else {
    co_await job->conclude();
  }
  job->idle_ = true;
  job->changed_.notify();
}

boost::asio::awaitable<void> Job::work_and_take_effect() {
  if (started_ && stage_of(status_) == Stage::kWork) co_await work();
  if (is_open()) co_await take_effect();
}

// --- before anything is done ---

std::string Job::obstacle() const { return host_.obstacle ? host_.obstacle(*this) : ""; }

// A pause is shown here and kept in run(), which a paused job is to reach as well.
boost::asio::awaitable<void> Job::wait_while_obstructed() {
  obstructed_ = restored_ && !obstacle().empty();
  while (obstructed_ && !must_return()) {
    show_pause(pause_requested());
    co_await wait_kick(kAskAgain);
    obstructed_ = !obstacle().empty();
  }
  obstructed_ = false;
}

// --- running, paused, ready, standby ---

boost::asio::awaitable<void> Job::work() {
  try {
    if (!restored_ && !flags_.ready) co_await host_.persist();
    if (!must_return()) co_await driver_->run(*this);
  } catch (...) {
    fail(std::current_exception());
  }
  if (exiting_) co_return;
  flags_.user_paused = false;
  if (const Status status = unpaused_form(status_); status != status_) move(status);
}

void Job::fail(std::exception_ptr error) {
  if (exiting_) return;
  error_ = text_of(error);
  outcome_ = Outcome::kFailure;
}

// --- waiting, pending ---

boost::asio::awaitable<void> Job::take_effect() {
  const bool taken_up = stage_of(status_) != Stage::kWork;
  converge();
  const bool waits = status_ == Status::kWaiting || is_to_be_finalized();
  if (taken_up && waits && !flags_.preparing) co_await attend();
  co_await wait_for_the_others();
  co_await wait_for_finalize();
  if (!is_open()) co_return;
  if (!flags_.prepared) co_await prepare();
  if (!flags_.prepared) co_return;
  const bool durable = co_await persist_surely();
  if (durable) outcome_ = Outcome::kSuccess;
}

boost::asio::awaitable<void> Job::wait_for_the_others() {
  if (status_ == Status::kWaiting) co_await try_persist();
  while (status_ == Status::kWaiting && is_open()) co_await kicked_.wait();
}

boost::asio::awaitable<void> Job::wait_for_finalize() {
  if (!is_open() || !is_to_be_finalized() || flags_.preparing) co_return;
  co_await try_persist();
  while (!flags_.finalize && is_open()) co_await kicked_.wait();
}

boost::asio::awaitable<void> Job::attend() {
  try {
    co_await driver_->attend(*this);
  } catch (...) {
    fail(std::current_exception());
  }
}

boost::asio::awaitable<void> Job::prepare() {
  try {
    co_await begin_prepare();
    co_await prepare_until_it_is_time();
  } catch (...) {
    fail(std::current_exception());
  }
  if (!ready_to_commit_ && exiting_) co_return;
  while (!flags_.prepared && !goes_back_ && waits_for_the_group()) co_await kicked_.wait();
}

// Where others of the transaction cannot go back, it is tried on: what is finished is not thrown
// away.
boost::asio::awaitable<void> Job::prepare_until_it_is_time() {
  while (!flags_.cancelled && !goes_back_) {
    std::string not_now;
    try {
      co_await driver_->prepare(*this);
    } catch (const NotNow& error) {
      not_now = error.what();
    }
    if (not_now.empty()) break;
    be_put_off(std::move(not_now));
    while (can_go_back() && !goes_back_ && !exiting_ && waits_for_the_group())
      co_await kicked_.wait();
    if (goes_back_ || exiting_ || !waits_for_the_group()) co_return;
    co_await kicked_.wait_for(kPrepareAgain);
    put_off_now_ = false;
  }
  be_prepared();
}

boost::asio::awaitable<void> Job::begin_prepare() {
  enter_prepare();  // first of all: no cancel from here on
  co_await host_.persist();
  durably_preparing_ = true;
  kick_group();
  while (!all_durably_preparing() && waits_for_the_group()) co_await kicked_.wait();
  if (group_has_given_up()) throw Error("the daemon ends");
}

bool Job::waits_for_the_group() const {
  return !flags_.cancelled && outcome_ == Outcome::kOpen && !group_has_given_up();
}

boost::asio::awaitable<bool> Job::persist_surely() {
  for (bool told = false;; told = true) {
    const std::string why_not = co_await try_persist();
    if (why_not.empty()) co_return true;
    if (exiting_) co_return false;
    if (!told) publish("JOB_STALLED", {{"id", id()}, {"reason", why_not}});
    co_await kicked_.wait_for(kPersistAgain);
  }
}

boost::asio::awaitable<std::string> Job::try_persist() {
  try {
    co_await host_.persist();
  } catch (...) {
    co_return text_of(std::current_exception());
  }
  co_return "";
}

// --- aborting, concluded, null ---

boost::asio::awaitable<void> Job::conclude() {
  if (outcome_ == Outcome::kFailure) {
    if (flags_.cancelled) error_ = "Operation canceled";
    break_group();
    move(Status::kAborting);
    co_await try_persist();
    co_await call_at_end(&Driver::abort);
  } else {
    co_await call_at_end(&Driver::commit);
  }
  co_await call_at_end(&Driver::clean);
  announce_end();
  co_await try_persist();
}

boost::asio::awaitable<void> Job::call_at_end(EndCall call) {
  try {
    co_await (driver_.get()->*call)(*this);
  } catch (...) {
    if (error_.empty()) error_ = text_of(std::current_exception());
  }
}

void Job::announce_end() {
  transaction_->leave(*this);
  last_words_ = driver_->describe();
  driver_.reset();
  if (started_) {
    publish_with_progress(flags_.cancelled ? "BLOCK_JOB_CANCELLED" : "BLOCK_JOB_COMPLETED");
  }
  move(Status::kConcluded);
  if (options_.auto_dismiss || !started_) forget();
}

void Job::forget() {
  const std::shared_ptr<Job> self = shared_from_this();  // gone() may drop the last one
  move(Status::kNull);
  host_.gone(*this);
}

}  // namespace dmjob::core
