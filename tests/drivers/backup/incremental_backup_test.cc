// SPDX-License-Identifier: LGPL-2.1-or-later
// A chain of incremental backups: what one has not copied the next one copies, and where it is not
// certain what has changed there is no next one.
#include <gtest/gtest.h>

#include <cerrno>

#include "dm/mirror_log.h"
#include "tests/drivers/backup/backup_fixture.h"

namespace dmjob::drivers {
namespace {

using core::Status;
using testing::HasSubstr;
using volumes::Tracker;
using volumes::Tracking;
using Role = BackupChain::Role;

class IncrementalBackupTest : public BackupTest {
 protected:
  static constexpr std::uint64_t kRegion = 65536;

  IncrementalBackupTest() {
    plan.managed = true;
    add(managed_volume());
    kernel.set_number_to_come("dmjob-_vol-base", disk_of_base.dev());
    kernel.set_number_to_come("dmjob-j-base", base_of_job_.dev());
  }
  ~IncrementalBackupTest() override {
    give_up();
    if (managed()->tracking) volumes::end_tracking(kernel, ledger, *managed());
  }

  std::unique_ptr<core::Driver> new_driver() override {
    CheckedBackup checked{plan, cow, {}, {}};
    checked.chain.chain.role = role;
    checked.chain.chain.on_tracker = true;
    checked.chain.chain.makes_tracker = !managed()->tracking;
    checked.chain.tracking = role == Role::kFull ? begun() : managed()->tracking;
    return std::make_unique<BackupDriver>(daemon->environment, std::move(checked), "j",
                                          std::make_shared<BackupGroup>());
  }
  // The first backup of the chain; from now on backups are incremental.
  void have_a_full_backup() {
    start_copy();
    until_over();
    ASSERT_EQ(job->error(), "");
    role = Role::kIncremental;
  }
  // As the volume's users do, and the kernel for them.
  void write_to_volume(std::uint64_t region) {
    mark(region);
    instant.write(region * kRegion, kRegion, kLater);
  }
  void mark(std::uint64_t region) {
    const int log = volumes::stack_of_tracker(kernel, ledger, *managed()).find().writes->log;
    store::Scratch scratch =
        store::Scratch::open(io::open_device(folder.path("marks"), io::Access::kReadWrite), 0,
                             managed()->tracking->uuid);
    scratch.read_log(log);
    dm::mark_region(scratch.log_buffer(log), region);
    scratch.write_log(log);
  }
  void start_incremental() { start(new_driver()); }
  void back_up() {
    start_incremental();
    until_over();
  }

  // --- what came of it ---

  Tracking::Stage stage() const { return managed()->tracking->stage; }
  std::uint64_t marked() {
    return Tracker(kernel, ledger, *managed(), Tracker::How::kOpen).changed().count();
  }
  // What is copied, in bytes.
  std::uint64_t copied() const { return job->progress().get().offset; }

  Role role = Role::kFull;

 private:
  Tracking begun() const {
    Tracking made;
    made.uuid = "chain";
    made.scratch = {store::ScratchPlace::Kind::kFile, folder.path("marks"), 0};
    made.granularity = kRegion;
    made.target = plan.target;
    return made;
  }

  test::LoopDisk base_of_job_{folder.path("base-of-job"), kSize};
};

TEST_F(IncrementalBackupTest, AFullBackupBeginsIt) {
  have_a_full_backup();
  EXPECT_TRUE(is_copied());
  EXPECT_EQ(stage(), Tracking::Stage::kProven);
  EXPECT_EQ(stored_volume().tracking, managed()->tracking);
  EXPECT_EQ(marked(), 0);
}

TEST_F(IncrementalBackupTest, TheNextOneCopiesWhatHasChangedAndNoMore) {
  have_a_full_backup();
  write_to_volume(5);
  back_up();
  EXPECT_EQ(job->error(), "");
  EXPECT_EQ(copied(), kRegion);
  EXPECT_TRUE(is_copied());
  EXPECT_EQ(marked(), 0);
}

TEST_F(IncrementalBackupTest, WhatAFailedOneHasNotCopiedTheNextOneCopies) {
  have_a_full_backup();
  write_to_volume(5);
  instant.fail_reads_from(5 * kRegion);
  back_up();
  EXPECT_THAT(job->error(), HasSubstr("cannot be read"));
  instant.mend();
  back_up();
  EXPECT_EQ(job->error(), "");
  EXPECT_TRUE(is_copied());
}

TEST_F(IncrementalBackupTest, WhatIsCancelledIsCopiedByTheNextOne) {
  have_a_full_backup();
  write_to_volume(5);
  start(new_driver(), {.id = "j", .speed = 1});
  until_phase("copying");
  give_up();
  back_up();
  EXPECT_EQ(job->error(), "");
  EXPECT_TRUE(is_copied());
}

TEST_F(IncrementalBackupTest, ANewDaemonGoesOnWithIt) {
  have_a_full_backup();
  write_to_volume(5);
  start(new_driver(), {.id = "j", .speed = 1});
  until_phase("copying");
  restart_copy();
  until_phase("copying");
  end_well();
  EXPECT_EQ(marked(), 0);
}

TEST_F(IncrementalBackupTest, AChangeThatNoMarkExplainsEndsTheChain) {
  have_a_full_backup();
  instant.write(5 * kRegion, kRegion, kLater);
  back_up();
  EXPECT_THAT(job->error(), HasSubstr("which no mark explains"));
  EXPECT_EQ(stage(), Tracking::Stage::kBroken);
}

TEST_F(IncrementalBackupTest, ATargetThatSomebodyHasWrittenToIsRefused) {
  have_a_full_backup();
  target.write(20 * kRegion, kRegion, kLater);
  back_up();
  EXPECT_THAT(job->error(), HasSubstr(target.path()));
  EXPECT_EQ(target_at(20 * kRegion), std::byte{kLater}) << "nothing was written to it";
}

TEST_F(IncrementalBackupTest, AFullBackupThatIsCancelledLeavesNoChain) {
  be(Status::kRunning);
  give_up();
  EXPECT_EQ(stage(), Tracking::Stage::kBroken);
}

// --- the n-th call of the kernel fails ---

class IncrementalBackupCallTest : public IncrementalBackupTest,
                                  public testing::WithParamInterface<int> {};

// Whatever came of one, the next one has all that was changed.
TEST_P(IncrementalBackupCallTest, FailsAndNothingIsForgotten) {
  have_a_full_backup();
  write_to_volume(5);
  kernel.clear_log();
  kernel.fail_call(GetParam(), EIO);
  back_up();
  EXPECT_TRUE(has_failed_call());
  EXPECT_EQ(job->error().empty(), is_copied()) << job->error();
  kernel.heal();
  back_up();
  EXPECT_EQ(job->error(), "");
  EXPECT_TRUE(is_copied());
}

constexpr int kCalls = 20;
INSTANTIATE_TEST_SUITE_P(Nth, IncrementalBackupCallTest, testing::Range(1, kCalls + 1));

TEST_F(IncrementalBackupTest, TakesAsManyCallsAsFailAbove) {
  have_a_full_backup();
  kernel.clear_log();
  back_up();
  EXPECT_EQ(calls(), kCalls) << testing::PrintToString(kernel.log());
}

}  // namespace
}  // namespace dmjob::drivers
