// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/toy_driver.h"

#include <utility>

#include "libjob/core/error.h"
#include "libjob/core/job.h"

namespace dmjob::test {

using boost::asio::awaitable;

namespace {

constexpr core::Duration kLong = std::chrono::hours(1);

void throw_if(const std::string& text) {
  if (!text.empty()) throw core::Error(text);
}

}  // namespace

ToyDriver::ToyDriver(std::shared_ptr<Toy> toy) : toy_(std::move(toy)) { toy_->exists = true; }

ToyDriver::~ToyDriver() { toy_->exists = false; }

awaitable<void> ToyDriver::run(core::Job& job) {
  toy_->calls.emplace_back("run");
  for (;;) {
    co_await job.pause_point();
    if (job.must_return()) co_return;
    throw_if(toy_->run_error);
    if (toy_->io_error) meet_io_error(job);
    if (toy_->work_done && !toy_->io_error) {
      if (!toy_->has_ready_phase) co_return;
      job.set_ready();
      if (job.complete_requested() || job.soft_cancel_requested()) co_return;
    }
    if (!job.pause_requested()) co_await job.wait_kick(kLong);
  }
}

void ToyDriver::meet_io_error(core::Job& job) {
  const auto action = job.io_error(toy_->on_error, toy_->error_is_read, toy_->io_error);
  if (action == core::ErrorAction::kReport) throw core::Error(toy_->io_error.message());
}

awaitable<void> ToyDriver::attend(core::Job&) {
  toy_->calls.emplace_back("attend");
  throw_if(toy_->attend_error);
  co_return;
}

awaitable<void> ToyDriver::prepare(core::Job& job) {
  toy_->calls.emplace_back("prepare");
  while (toy_->hold_prepare) co_await job.wait_kick(kLong);
  throw_if(toy_->prepare_error);
  if (!toy_->prepare_not_now.empty()) throw core::NotNow(toy_->prepare_not_now);
  if (!job.soft_cancel_requested()) toy_->on_target = true;
}

awaitable<void> ToyDriver::commit(core::Job&) {
  toy_->calls.emplace_back("commit");
  co_return;
}

awaitable<void> ToyDriver::abort(core::Job& job) {
  toy_->calls.emplace_back("abort");
  while (toy_->hold_abort) co_await job.wait_kick(kLong);
  throw_if(toy_->abort_error);
}

awaitable<void> ToyDriver::clean(core::Job&) {
  toy_->calls.emplace_back("clean");
  throw_if(toy_->clean_error);
  co_return;
}

void ToyDriver::kick(core::Job&) { ++toy_->kicks; }

void ToyDriver::check_complete() const { throw_if(toy_->refuse_complete); }

nlohmann::json ToyDriver::describe() const {
  return {{"phase", toy_->work_done ? "equal" : "bulk"}, {"status", "overridden by the job's"}};
}

}  // namespace dmjob::test
