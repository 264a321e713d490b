// SPDX-License-Identifier: LGPL-2.1-or-later
// Two backups of one transaction: one instant, or none.
#include <gtest/gtest.h>

#include "tests/drivers/backup/backup_fixture.h"

namespace dmjob::drivers {
namespace {

using core::Status;
using testing::HasSubstr;

// The other one is of the volume "home", and is called "k".
class BackupMeetingTest : public BackupTest {
 protected:
  BackupMeetingTest() {
    kernel.add_device("home", dm::linear_table(kSize / 512, home_.dev()));
    kernel.set_opened("home", 1);
    kernel.set_number_to_come("dmjob-k-snap", instant_of_home_.dev());
    kernel.set_number_to_come("dmjob-k-tgt", io::probe(over_other_target_.path()).dev);
    left_standing = {"home", "vol"};
  }
  ~BackupMeetingTest() override {
    give_up();
    end_other();
    EXPECT_EQ(kernel.table("home"), dm::linear_table(kSize / 512, home_.dev()));
  }

  void make_both() {
    instant.fill(kOriginal);
    instant_of_home_.fill(kLater);
    make_job(driver(plan, "j"));
    other = core::Job::create(daemon->host, {.id = "k"}, driver(plan_of_home(), "k"));
  }
  void start_both() {
    make_both();
    job->start();
    other->start();
  }
  // The first one is built, the other one has not begun.
  void be_waiting() {
    make_both();
    job->start();
    until_phase("waiting for the other volumes");
  }
  void until_both_are_over() {
    until_over();
    until([&] { return is_over(*other); });
  }
  static bool is_over(const core::Job& one) { return !one.holds_claims() && one.idle(); }

  std::shared_ptr<core::Job> other;

 private:
  CopyPlan plan_of_home() const {
    CopyPlan made = plan;
    made.uuid = "123456789abcdef0123456789abcdef0";
    made.volume = "home";
    made.source = "/dev/mapper/home";
    made.target = other_target_.path();
    made.target_disk = io::identify_disk(made.target);
    made.scratch.path = folder.path("scratch-of-home");
    return made;
  }
  std::unique_ptr<core::Driver> driver(const CopyPlan& of, const std::string& id) {
    CheckedBackup checked{of, make_cow(of), {}, {}};
    return std::make_unique<BackupDriver>(daemon->environment, std::move(checked), id, group_);
  }
  void end_other() {
    if (!other) return;
    if (!is_over(*other)) other->cancel(true);
    daemon->reactor.run_until([&] { return is_over(*other); });
    other.reset();
  }

  test::LoopDisk home_{folder.path("home"), kSize};
  test::LoopDisk instant_of_home_{folder.path("instant-of-home"), kSize};
  test::LoopDisk other_target_{folder.path("other-target"), kSize};
  io::LoopDevice over_other_target_ = io::LoopDevice::over(other_target_.path());
  std::shared_ptr<BackupGroup> group_ = std::make_shared<BackupGroup>();
};

TEST_F(BackupMeetingTest, AreOfOneInstant) {
  start_both();
  until_both_are_over();
  EXPECT_EQ(job->error() + other->error(), "");
  EXPECT_LT(std::max(at("suspend home freeze"), at("suspend vol freeze")),
            std::min(at("resume home"), at("resume vol")));
}

TEST_F(BackupMeetingTest, TheFirstOneWaitsForTheOther) {
  be_waiting();
  EXPECT_EQ(kernel.table("vol"), own_table());
  other->start();
  until_both_are_over();
  EXPECT_EQ(job->error() + other->error(), "");
}

TEST_F(BackupMeetingTest, WithoutTheInstantOfOneThereIsNone) {
  kernel.fail_call("suspend", 2, EIO);
  start_both();
  until_both_are_over();
  EXPECT_THAT(job->error(), HasSubstr("the instant could not be taken"));
  EXPECT_THAT(other->error(), HasSubstr("the instant could not be taken"));
}

TEST_F(BackupMeetingTest, OneThatCannotBeBuiltTakesTheOtherAlong) {
  be_waiting();
  kernel.fail_call("create", 1, EIO);
  other->start();
  until_both_are_over();
  EXPECT_THAT(job->error(), HasSubstr("the backup 'k' of its transaction failed"));
}

TEST_F(BackupMeetingTest, OneThatIsCancelledBeforeTakesTheOtherAlong) {
  be_waiting();
  job->cancel(true);
  until_over();
  other->start();
  until_both_are_over();
  EXPECT_THAT(other->error(), HasSubstr("the backup 'j' of its transaction was cancelled"));
}

TEST_F(BackupMeetingTest, AfterTheInstantEachIsOnItsOwn) {
  make_both();
  job->set_speed(1);
  job->start();
  other->start();
  until([&] { return is_over(*other); });
  EXPECT_EQ(other->error(), "");
  EXPECT_TRUE(keeps_the_instant());
  end_well();
}

TEST_F(BackupMeetingTest, WhoIsKilledBeforeTheInstantHasNone) {
  be_waiting();
  stop_job();
  other.reset();
  restart_copy();
  until_over();
  EXPECT_THAT(job->error(), HasSubstr("dmjobd ended before it was taken"));
}

}  // namespace
}  // namespace dmjob::drivers
