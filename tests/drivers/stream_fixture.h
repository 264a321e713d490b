// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A stream of a small volume over a disk that is only read. As root.
#pragma once

#include <fcntl.h>
#include <linux/fs.h>
#include <sys/ioctl.h>

#include "libjob/drivers/stream_driver.h"
#include "libjob/io/fd.h"
#include "tests/drivers/overlay_jobs_fixture.h"

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

  // --- the disks ---

  void write_origin(unsigned char value) const {
    const auto device = io::open_device(origin.path(), io::Access::kReadWrite);
    io::AlignedBuffer all(kBytes);
    std::ranges::fill(all.bytes(), std::byte{value});
    ASSERT_EQ(device->write(0, all.bytes()), std::error_code());
  }
  static std::byte byte_at(const test::LoopDisk& on, std::uint64_t offset) {
    const auto device = io::open_device(on.path(), io::Access::kRead);
    io::AlignedBuffer block(4096);
    EXPECT_FALSE(device->read(offset, block.bytes()));
    return block.bytes()[0];
  }
  // Reads from its second half fail.
  void break_origin() const { std::filesystem::resize_file(folder.path("origin"), kBytes / 2); }
  void mend_origin() const {
    std::filesystem::resize_file(folder.path("origin"), kBytes);
    write_origin(1);
  }
  void set_target_read_only(int on) const {
    const io::Fd fd(::open(target.path().c_str(), O_RDONLY | O_CLOEXEC));
    ASSERT_EQ(ioctl(fd.get(), BLKROSET, &on), 0);
  }
  void break_target() const { set_target_read_only(1); }
  void mend_target() const { set_target_read_only(0); }

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
  bool has_checkpoints() const { return std::filesystem::exists(folder.path("checkpoints")); }

  test::LoopDisk origin{folder.path("origin"), kBytes};
  test::LoopDisk target{folder.path("target"), kBytes};
  StreamPlan plan;
};

}  // namespace dmjob::drivers
