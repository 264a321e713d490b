// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A job that copies something that does not change, and ends with its last block. As root.
#pragma once

#include <memory>
#include <string>

#include "libjob/drivers/plan/copy_plan.h"
#include "tests/drivers/base/job_story.h"
#include "tests/support/loop_disk.h"

namespace dmjob::drivers {

template <typename Stage>
class TransferStory : public JobStory<Stage> {
 protected:
  ~TransferStory() override { this->give_up(); }

  virtual std::unique_ptr<core::Driver> new_driver() = 0;
  virtual std::unique_ptr<core::Driver> driver_of(const nlohmann::json& record) = 0;
  // The disk that the target must be equal to.
  virtual const test::LoopDisk& original() const = 0;

  // --- doing ---

  void start_copy(core::JobOptions options = {.id = "j"}) {
    original().fill(kOriginal);
    this->start(new_driver(), std::move(options));
  }
  // running: in the midst of it; pending: all is copied.
  void be(core::Status status) {
    const bool early = status == core::Status::kRunning || status == core::Status::kPaused;
    start_copy({.id = "j",
                .speed = early ? 1U : 0U,
                .auto_finalize = status != core::Status::kPending,
                .auto_dismiss = status != core::Status::kConcluded});
    if (early) this->until_phase("copying");
    if (status == core::Status::kPaused) this->job->pause();
    this->until_status(status);
  }
  // Half of it is copied; what is read from now on is another value.
  void be_stopped_half_way() {
    plan.on_source_error = core::OnError::kStop;
    start_copy_with_a_bad_half();
    this->until_status(core::Status::kPaused);
    mend_source(kLater);
  }
  void start_copy_with_a_bad_half() {
    make_job_with_a_bad_half();
    this->job->start();
  }
  void ignore_a_bad_half() {
    this->target.fill(kLater);
    plan.on_source_error = core::OnError::kIgnore;
    start_copy_with_a_bad_half();
    this->until_over();
    EXPECT_EQ(this->job->error(), "");
    EXPECT_EQ(target_at(0), std::byte{kOriginal});
    EXPECT_EQ(target_at(Stage::kSize - 1), std::byte{0});
  }
  // Of the kernel, from the start on. What is called a success is one.
  void copy_with_failing_call(int nth, int error) {
    this->kernel.fail_call(nth, error);
    start_copy();
    this->until_over();
    this->kernel.heal();
    EXPECT_TRUE(this->has_failed_call());
    EXPECT_EQ(this->job->error().empty(), is_copied()) << this->job->error();
  }
  void mend_source(unsigned char value) {
    original().mend();
    original().fill_uncounted(value);
  }
  void write_to_target() const {
    const auto device = io::open_device(plan.target, io::Access::kReadWrite);
    const io::AlignedBuffer block(4096);
    EXPECT_FALSE(device->write(0, block.bytes()));
  }
  void restart_copy() {
    this->restart([this](const nlohmann::json& record) { return driver_of(record); });
  }
  void end_well() {
    const core::Status now = this->job->status();
    if (core::may_apply(core::Verb::kSetSpeed, now)) this->job->set_speed(0);
    if (now == core::Status::kPaused) this->job->resume();
    if (now == core::Status::kPending) this->job->finalize();
    this->until_over();
    EXPECT_EQ(this->job->error(), "");
    EXPECT_TRUE(is_copied());
  }

  // --- what came of it ---

  bool is_copied() const {
    return test::bytes_of(plan.target) == test::bytes_of(original().path());
  }
  std::byte target_at(std::uint64_t offset) const { return test::bytes_of(plan.target).at(offset); }
  bool was_copied_anew() const { return this->job->query_block_job().contains("copied-anew"); }

  static constexpr unsigned char kOriginal = 1;
  static constexpr unsigned char kLater = 7;
  CopyPlan plan;

 private:
  void make_job_with_a_bad_half() {
    original().fill(kOriginal);
    original().fail_reads_from(Stage::kSize / 2);
    this->make_job(new_driver());
  }
  std::string stored_stage_word() const override { return ""; }
};

}  // namespace dmjob::drivers
