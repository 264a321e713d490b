// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The job of a copy of a managed volume in use. As root.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "libjob/drivers/copy/live_driver.h"
#include "tests/drivers/base/copy_disks.h"
#include "tests/drivers/base/job_story.h"

namespace dmjob::drivers {

// Keeps what is revoked, or refuses.
class FakePivots : public PivotRecord {
 public:
  boost::asio::awaitable<void> reserve(std::size_t /*pivots*/) override {
    if (!reserve_error.empty()) throw core::Error(reserve_error);
    co_return;
  }
  boost::asio::awaitable<void> revoke(std::vector<std::string> decisions) override {
    if (!revoke_error.empty()) throw core::Error(revoke_error);
    revoked.insert(revoked.end(), decisions.begin(), decisions.end());
    co_return;
  }

  std::string reserve_error;
  std::string revoke_error;
  std::vector<std::string> revoked;
};

class LiveDriverTest : public JobStory<CopyDisks> {
 protected:
  LiveDriverTest() {
    add(managed_volume());
    daemon->environment.pivots = &pivots;
  }
  ~LiveDriverTest() override { give_up(); }

  std::unique_ptr<core::Driver> driver(const CopyPlan& plan, bool resumed) {
    return std::make_unique<LiveDriver>(daemon->environment, plan, "j", resumed,
                                        std::make_shared<PivotGroup>());
  }
  void start_copy(core::JobOptions options = {.id = "j"}) {
    CopyPlan plan = make_plan();
    plan.managed = true;
    plan.on_target_error = on_target_error;
    start(driver(plan, false), std::move(options));
  }
  void be_ready(core::JobOptions options = {.id = "j"}) {
    start_copy(std::move(options));
    until_ready();
  }
  // running: in the midst of its bulk.
  void be(core::Status status) {
    const bool early = status == core::Status::kRunning || status == core::Status::kPaused;
    if (early) {
      start_copy({.id = "j", .speed = 1});
      until_phase("bulk");
    } else {
      be_ready({.id = "j", .auto_finalize = false});
    }
    if (status == core::Status::kPaused || status == core::Status::kStandby) job->pause();
    if (status == core::Status::kPending) job->complete();
    until_status(status);
  }
  void restart_copy() {
    restart([this](const nlohmann::json& record) {
      daemon->environment.pivots = &pivots;
      return driver(CopyPlan::restore(record), true);
    });
  }

  // --- faults ---

  // "disk" says of its two sides and its log: A alive, D dead, F failed.
  static std::string status_of_mirror(const std::string& base, const std::string& other,
                                      const std::string& log) {
    return "2 7:1 7:2 64/64 1 " + base + other + " 3 disk 7:3 " + log;
  }
  void fail_target() {
    kernel.set_status("dmjob-j-wr", status_of_mirror("A", "D", "A"));
    daemon->dm_events.notify();
  }

  // --- where the volume is ---

  bool is_on_source() { return kernel.table("vol") == own_table(); }
  bool is_on_target() { return kernel.table("vol") == dm::linear_table(kSize / 512, target.dev()); }
  // A boot would take the disk that the kernel has.
  void expect_agreement() {
    const volumes::ManagedVolume volume = stored_volume();
    const std::string boots = volume.pivot_to.value_or(volume.device);
    EXPECT_EQ(boots == source.path(), is_on_source()) << boots;
    EXPECT_EQ(boots == target.path(), is_on_target()) << boots;
  }

  FakePivots pivots;
  core::OnError on_target_error = core::OnError::kReport;

 private:
  std::string stored_stage_word() const override {
    return managed()->pivot_to ? "decision" : managed()->device;
  }
};

}  // namespace dmjob::drivers
