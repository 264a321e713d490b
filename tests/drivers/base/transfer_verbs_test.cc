// SPDX-License-Identifier: LGPL-2.1-or-later
// Each verb in each phase, a new daemon in each phase, and a state file that cannot be written, of
// each kind of job that ends with its last block.
#include <gtest/gtest.h>

#include <filesystem>

#include "tests/drivers/backup/backup_fixture.h"
#include "tests/drivers/copy/offline_fixture.h"

namespace dmjob::drivers {
namespace {

using core::Status;

template <typename Kind>
class TransferTest : public Kind {
 protected:
  bool has_scratch() const {
    const std::string scratch = this->plan.scratch.path;
    return std::filesystem::exists(scratch) || std::filesystem::exists(scratch + "-cow");
  }
  void expect_refused(void (core::Job::*verb)()) {
    EXPECT_THROW((this->job.get()->*verb)(), core::Error) << core::to_string(this->job->status());
  }
  // The state file cannot be written once the job's flag is in it.
  void refuse_to_store(const std::string& flag) {
    this->before_store = [this, flag] {
      if (this->job->record()["flags"][flag]) throw core::Error("no room");
    };
  }
};

using Kinds = testing::Types<OfflineCopyTest, CopyWithoutDmTest, CopyToFileTest, BackupTest>;
TYPED_TEST_SUITE(TransferTest, Kinds);

constexpr Status kPhases[] = {Status::kRunning, Status::kPaused, Status::kPending};

TYPED_TEST(TransferTest, CopiesAllAndLeavesNoScratch) {
  this->start_copy();
  this->until_over();
  EXPECT_EQ(this->job->error(), "");
  EXPECT_TRUE(this->is_copied());
  EXPECT_FALSE(this->has_scratch());
  EXPECT_FALSE(this->was_copied_anew());
}

// --- pause, resume, set-speed ---

TYPED_TEST(TransferTest, PausedAndResumedItCopiesAll) {
  this->be(Status::kPaused);
  this->expect_refused(&core::Job::pause);
  this->job->resume();
  this->until_status(Status::kRunning);
  this->expect_refused(&core::Job::resume);
  this->end_well();
}

TYPED_TEST(TransferTest, ItsSpeedIsSetWhileItIsPaused) {
  this->be(Status::kPaused);
  this->job->set_speed(0);
  this->job->resume();
  this->until_over();
  EXPECT_TRUE(this->is_copied());
}

TYPED_TEST(TransferTest, PendingItTakesNoMorePauseOrSpeed) {
  this->be(Status::kPending);
  this->expect_refused(&core::Job::pause);
  this->expect_refused(&core::Job::resume);
  EXPECT_THROW(this->job->set_speed(0), core::Error);
  this->end_well();
}

// --- cancel ---

TYPED_TEST(TransferTest, CancelledInAnyPhaseItLeavesNothing) {
  for (const Status status : kPhases) {
    this->be(status);
    this->job->cancel(true);
    this->until_over();
    EXPECT_EQ(this->job->error(), "Operation canceled") << core::to_string(status);
    EXPECT_FALSE(this->has_scratch()) << core::to_string(status);
    EXPECT_EQ(this->kernel.names(), this->left_standing) << core::to_string(status);
  }
}

TYPED_TEST(TransferTest, WithoutForceACancelIsOneAsWell) {
  for (const Status status : {Status::kRunning, Status::kPending}) {
    this->be(status);
    this->job->cancel(false);
    this->until_over();
    EXPECT_EQ(this->job->error(), "Operation canceled") << core::to_string(status);
  }
}

TYPED_TEST(TransferTest, PausedItIsNotCancelledWithoutForce) {
  this->be(Status::kPaused);
  EXPECT_THROW(this->job->cancel(false), core::Error);
  this->end_well();
}

// --- complete, finalize, dismiss ---

TYPED_TEST(TransferTest, HasNothingToComplete) {
  for (const Status status : kPhases) {
    this->be(status);
    this->expect_refused(&core::Job::complete);
    this->give_up();
  }
}

TYPED_TEST(TransferTest, IsFinalizedOnceItIsPending) {
  this->be(Status::kRunning);
  this->expect_refused(&core::Job::finalize);
  this->give_up();
  this->be(Status::kPending);
  this->expect_refused(&core::Job::dismiss);
  this->end_well();
}

TYPED_TEST(TransferTest, IsDismissedOnceItIsConcluded) {
  this->be(Status::kConcluded);
  EXPECT_THROW(this->job->cancel(true), core::Error);
  this->job->dismiss();
  EXPECT_EQ(this->job->status(), Status::kNull);
}

// --- a new daemon ---

TYPED_TEST(TransferTest, TakenUpInAnyPhaseItEndsWell) {
  for (const Status status : kPhases) {
    this->be(status);
    this->restart_copy();
    this->until_status(status);
    this->end_well();
    EXPECT_FALSE(this->has_scratch()) << core::to_string(status);
  }
}

TYPED_TEST(TransferTest, TakenUpInAnyPhaseItIsCancelled) {
  for (const Status status : kPhases) {
    this->be(status);
    this->restart_copy();
    this->until_status(status);
    this->give_up();
    EXPECT_EQ(this->job->error(), "Operation canceled") << core::to_string(status);
    EXPECT_FALSE(this->has_scratch()) << core::to_string(status);
  }
}

TYPED_TEST(TransferTest, TakenUpHalfWayItGoesOnFromItsCheckpoint) {
  this->be_stopped_half_way();
  this->restart_copy();
  this->until_status(Status::kPaused);
  this->job->resume();
  this->until_over();
  EXPECT_EQ(this->job->error(), "");
  EXPECT_EQ(this->target_at(0), std::byte{this->kOriginal});
  EXPECT_EQ(this->target_at(this->kSize - 1), std::byte{this->kLater});
}

TYPED_TEST(TransferTest, WhoseTargetSomebodyHasWrittenToIsCopiedAnewByANewDaemon) {
  this->be_stopped_half_way();
  this->stop_job();
  this->write_to_target();
  this->restart_copy();
  this->until_status(Status::kPaused);
  this->end_well();
  EXPECT_TRUE(this->was_copied_anew());
}

// --- the state file cannot be written ---

TYPED_TEST(TransferTest, ThatCannotBeStoredIsNotBegun) {
  this->store_error = "no room";
  this->start_copy();
  this->until_over();
  EXPECT_EQ(this->job->error(), "no room");
  EXPECT_EQ(this->calls(), 0);
}

TYPED_TEST(TransferTest, WhoseEndCannotBeStoredFails) {
  this->refuse_to_store("preparing");
  this->start_copy();
  this->until_over();
  EXPECT_EQ(this->job->error(), "no room");
  EXPECT_FALSE(this->has_scratch());
}

TYPED_TEST(TransferTest, WhoseSuccessCannotBeStoredWaits) {
  this->refuse_to_store("prepared");
  this->start_copy();
  this->until([&] { return this->has_event("JOB_STALLED", "reason", "no room"); });
  EXPECT_EQ(this->job->status(), Status::kPending);
  this->before_store = nullptr;
  this->end_well();
}

}  // namespace
}  // namespace dmjob::drivers
