// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A stream of a small volume over a disk that is only read. As root.
#pragma once

#include "libjob/drivers/overlay/stream_driver.h"
#include "tests/drivers/overlay/overlay_jobs_fixture.h"

namespace dmjob::drivers {

class StreamTest : public OverlayJobTest {
 protected:
  static constexpr std::uint64_t kBytes = kMiB;
  static constexpr std::uint64_t kUsed = 256;  // sectors of the cow

  StreamTest() {
    write_origin(1);
    volume.device = origin.path();
    volume.sectors = kBytes / 512;
    volume.overlay->origin_disk = io::identify_disk(origin.path());
    volume.overlay->read_only = true;
    volume.overlay->cow.bytes = store::CowSpace::most_bytes(kBytes, kChunk * 512);
    make().activate();
    write_header(1);
    fill_cow(kUsed);
    kernel.clear_log();
    kernel.set_number_to_come("dmjob-j-tgt", io::probe(over_target.path()).dev);
    add(volume);
    plan = make_plan();
  }

  StreamPlan make_plan() const {
    StreamPlan made;
    made.volume = "vol";
    made.copy.uuid = "fedcba9876543210fedcba9876543210";
    made.copy.source = origin.path();
    made.copy.target = target.path();
    made.copy.source_disk = io::identify_disk(origin.path());
    made.copy.target_disk = io::identify_disk(target.path());
    made.copy.managed = true;
    made.copy.size = kBytes;
    made.copy.granularity = 65536;
    made.read_only = true;
    made.merge_begun = false;
    made.copy.scratch = {store::ScratchPlace::Kind::kFile, folder.path("checkpoints"), 0};
    return made;
  }

  // --- doing ---

  std::unique_ptr<core::Driver> driver() {
    return std::make_unique<StreamDriver>(daemon->environment, plan, "j", false);
  }
  void start_stream(core::JobOptions options = {.id = "j"}) { start(driver(), options); }
  // The disks are open, nothing is copied yet.
  void be_paused_in_the_copy() {
    make_job(driver());
    job->pause();
    job->start();
    until_status(core::Status::kPaused);
  }
  void be_merging() {
    start_stream();
    until_kernel(Kind::kMerging);
    kernel.clear_log();
  }
  void all_is_merged() { fill_cow(16); }
  void be_pending() {
    all_is_merged();
    start_stream({.id = "j", .auto_finalize = false});
    until_status(core::Status::kPending);
  }
  void restart_stream() {
    restart([this](const nlohmann::json& record) {
      return std::make_unique<StreamDriver>(daemon->environment, StreamDriver::restore_plan(record),
                                            "j", true);
    });
  }

  // The daemon ends with the first half copied; what is copied from now on shows.
  void be_stopped_half_way() {
    plan.copy.on_source_error = core::OnError::kStop;
    break_origin();
    start_stream();
    until_status(core::Status::kPaused);
    stored["job"] = job->record();
    stop_daemon();
    mend_origin();
    write_origin(7);
  }
  // As a daemon leaves it that was killed after it had decided that the target takes the origin's
  // place, and before the kernel was told.
  void decide_and_die() {
    stop_daemon();
    volumes::ManagedVolumes decided;
    decided.restore(stored["volumes"]);
    Overlay overlay = *volume.overlay;
    overlay.stage = Overlay::Stage::kMerging;
    overlay.origin_disk = plan.copy.target_disk;
    overlay.read_only = false;
    overlay.merge_begun = true;
    decided.set_device("vol", target.path(), plan.copy.target_disk);
    decided.set_overlay("vol", overlay);
    stored["volumes"] = decided.record();
  }
  // What the kernel counts is not what was noted.
  void be_written_to_by_others() {
    std::string account = stored["job"]["driver"]["target-account"];
    EXPECT_THAT(account, testing::HasSubstr(" others="));
    stored["job"]["driver"]["target-account"] = account + "8";
  }

  // --- the disks ---

  void write_to_target() const { target.write(8192, 4096, 0); }
  void write_origin(unsigned char value) const { origin.fill(value); }
  static std::byte byte_at(const test::LoopDisk& on, std::uint64_t offset) {
    return on.byte_at(offset);
  }
  // Reads from its second half fail.
  void break_origin() const { origin.fail_reads_from(kBytes / 2); }
  void mend_origin() const {
    origin.mend();
    write_origin(1);
  }
  void break_target() const { test::refuse_writes(over_target.path(), true); }
  void mend_target() const { test::refuse_writes(over_target.path(), false); }

  // --- what came of it ---

  bool is_as_before() {
    return stored_volume().device == origin.path() && *stored_volume().overlay == *volume.overlay &&
           *managed()->overlay == *volume.overlay && look().kind == Kind::kHolding &&
           count("load vol") == 0;
  }
  bool stands_alone_on_target() {
    return kernel.table("vol") == dm::linear_table(volume.sectors, target.dev()) &&
           kernel.names() == std::vector<std::string>{"vol"} && !stored_volume().overlay &&
           stored_volume().device == target.path();
  }
  bool was_copied_anew() const { return job->query_block_job().contains("copied-anew"); }
  bool has_checkpoints() const { return std::filesystem::exists(folder.path("checkpoints")); }

  test::LoopDisk origin{folder.path("origin"), kBytes};
  test::LoopDisk target{folder.path("target"), kBytes};
  // As the device that holds it: both count.
  io::LoopDevice over_target = io::LoopDevice::over(target.path());
  StreamPlan plan;
};

}  // namespace dmjob::drivers
