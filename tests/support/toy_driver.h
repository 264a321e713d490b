// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A driver without disks. What it works on and what it is told to do is in a Toy, which outlives
// the driver as disks outlive the daemon.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <system_error>
#include <vector>

#include "libjob/core/driver.h"
#include "libjob/core/error_policy.h"

namespace dmjob::test {

struct Toy {
  // What the test arranges; kick the job after a change.
  bool has_ready_phase = true;
  bool work_done = false;  // both sides are equal
  std::string run_error;   // non-empty: the call throws it
  std::string attend_error;
  std::string prepare_error;
  std::string prepare_not_now;
  std::string abort_error;
  std::string clean_error;
  std::string refuse_complete;
  bool hold_prepare = false;
  bool hold_abort = false;
  std::error_code io_error;  // met at each round until it is mended
  bool error_is_read = true;
  core::OnError on_error = core::OnError::kReport;

  // What came of it.
  std::vector<std::string> calls;  // "run", "attend", "prepare", "commit", "abort", "clean"
  std::uint64_t speed = 0;
  int kicks = 0;
  bool on_target = false;  // pivoted
  bool exists = true;      // false: the driver was destroyed
};

class ToyDriver : public core::Driver {
 public:
  explicit ToyDriver(std::shared_ptr<Toy> toy);
  ~ToyDriver() override;

  std::string_view type() const override { return toy_->has_ready_phase ? "mirror" : "backup"; }
  boost::asio::awaitable<void> run(core::Job& job) override;
  boost::asio::awaitable<void> attend(core::Job& job) override;
  boost::asio::awaitable<void> prepare(core::Job& job) override;
  boost::asio::awaitable<void> commit(core::Job& job) override;
  boost::asio::awaitable<void> abort(core::Job& job) override;
  boost::asio::awaitable<void> clean(core::Job& job) override;
  void kick(core::Job& job) override;
  void set_speed(std::uint64_t bytes_per_second) override { toy_->speed = bytes_per_second; }
  bool can_complete() const override { return toy_->has_ready_phase; }
  void check_complete() const override;
  nlohmann::json describe() const override;
  nlohmann::json record() const override { return {{"toy", true}}; }
  std::optional<std::uint64_t> record_version() const override { return 1; }

 private:
  void meet_io_error(core::Job& job);

  std::shared_ptr<Toy> toy_;
};

}  // namespace dmjob::test
