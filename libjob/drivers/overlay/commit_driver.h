// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Merges what a snapshot's volume holds into its own disk. Type "commit", as QEMU's of the active
// layer: ready when all is merged, and complete makes the volume its disk alone. A soft cancel in
// ready keeps the snapshot, of that instant; any other cancel keeps what is not merged yet.
//
// Thread: the reactor; what blocks runs on the worker.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "libjob/core/driver.h"
#include "libjob/drivers/overlay/overlay_merge.h"
#include "libjob/drivers/plan/job_settings.h"

namespace dmjob::drivers {

struct CommitPlan {
  std::string volume;
  std::string disk;  // for the queries: what it is merged into
  core::OnError on_error = core::OnError::kReport;

  nlohmann::json record() const;
  static CommitPlan restore(const nlohmann::json& record);
};

class CommitDriver : public core::Driver {
 public:
  CommitDriver(Environment& environment, CommitPlan plan, const std::string& job_id);

  std::string_view type() const override { return "commit"; }
  boost::asio::awaitable<void> run(core::Job& job) override;
  boost::asio::awaitable<void> prepare(core::Job& job) override;
  boost::asio::awaitable<void> commit(core::Job& job) override;
  boost::asio::awaitable<void> abort(core::Job& job) override;
  boost::asio::awaitable<void> clean(core::Job& job) override;
  void kick(core::Job& /*job*/) override {}
  // The kernel merges as fast as it can.
  void set_speed(std::uint64_t /*bytes_per_second*/) override {}
  bool can_complete() const override { return true; }
  nlohmann::json describe() const override;
  nlohmann::json record() const override { return plan_.record(); }

 private:
  const CommitPlan plan_;
  core::Worker worker_;
  OverlayMerge merge_;
};

}  // namespace dmjob::drivers
