// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A commit of a volume that holds something. As root.
#pragma once

#include "libjob/drivers/overlay/commit_driver.h"
#include "tests/drivers/overlay/overlay_jobs_fixture.h"

namespace dmjob::drivers {

class CommitTest : public OverlayJobTest {
 protected:
  // Sectors of the cow.
  static constexpr std::uint64_t kUsed = 1024;

  // room: of the file system that the cow is on, in bytes; 0: enough.
  explicit CommitTest(std::uint64_t room = 0) {
    if (room > 0) {
      small.emplace(folder.path("small"), room);
      write_to_file(small->path("cow"));
    }
    hold();
    fill_cow(kUsed);
    add(volume);
    before = *volume.overlay;
  }
  std::unique_ptr<core::Driver> driver(core::OnError on_error = core::OnError::kReport) {
    return std::make_unique<CommitDriver>(daemon->environment,
                                          CommitPlan{"vol", disk.path(), on_error}, "j");
  }
  void start_commit(core::OnError on_error = core::OnError::kReport) { start(driver(on_error)); }
  void be_paused_at_the_start() {
    make_job(driver());
    job->pause();
    job->start();
    until_status(core::Status::kPaused);
  }
  void all_is_merged() { fill_cow(16); }
  void be_ready() {
    start_commit();
    until_kernel(Kind::kMerging);
    all_is_merged();
    until_ready();
  }
  // Complete, but for the user's word.
  void be_pending() {
    start(driver(), {.id = "j", .auto_finalize = false});
    all_is_merged();
    until_ready();
    job->complete();
    until_status(core::Status::kPending);
  }
  void restart_commit() {
    restart([this](const nlohmann::json& record) {
      return std::make_unique<CommitDriver>(daemon->environment, CommitPlan::restore(record), "j");
    });
  }

  Overlay before;
  std::optional<test::SmallFileSystem> small;
};

}  // namespace dmjob::drivers
