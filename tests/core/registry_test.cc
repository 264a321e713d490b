// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/core/daemon_fixture.h"

namespace dmjob::test {
namespace {

using core::ErrorClass;
using core::Job;
using core::Registry;

struct RegistryTest : DaemonTest {
  Registry& registry() { return daemon->registry; }
  std::string check(const std::string& id, const std::vector<std::string>& claims) {
    return error_of([&] { registry().check_free(id, claims); });
  }
  nlohmann::json history() { return nlohmann::json::parse(registry().history()); }
  void run_through(const std::string& id) {
    toy->has_ready_phase = false;
    toy->work_done = true;
    start({.id = id});
  }
};

TEST_F(RegistryTest, AnIdIsTakenUntilTheJobIsGone) {
  start();
  EXPECT_EQ(check("j", {}), "Job ID 'j' already in use");
  ask([](Job& j) { j.cancel(true); });
  EXPECT_EQ(check("j", {}), "");
}

TEST_F(RegistryTest, AClaimIsRefusedWithItsHolder) {
  start({.id = "j", .claims = {"vol", "8:16"}});
  EXPECT_EQ(check("k", {"8:32", "8:16"}), "'8:16' is in use by job 'j'");
  EXPECT_EQ(check("k", {"8:32"}), "");
}

TEST_F(RegistryTest, AConcludedJobHoldsNothingButItsId) {
  start({.id = "j", .auto_dismiss = false, .claims = {"vol"}});
  ask([](Job& j) { j.cancel(true); });
  EXPECT_EQ(check("k", {"vol"}), "");
  EXPECT_NE(check("j", {}), "");
}

TEST_F(RegistryTest, TheNewestJobIsFirst) {
  start({.id = "old"});
  start({.id = "new"});
  EXPECT_EQ(registry().jobs().front()->id(), "new");
}

TEST_F(RegistryTest, TheNewestHolderOfAClaimIsFound) {
  start({.id = "old", .claims = {"vol"}});
  start({.id = "new", .claims = {"vol"}});
  EXPECT_EQ(registry().holder("vol")->id(), "new");
  EXPECT_EQ(registry().holder("other"), nullptr);
}

TEST_F(RegistryTest, AnUnknownJobIsAnErrorOfTheAskersClass) {
  EXPECT_EQ(error_of([&] { registry().get("x", ErrorClass::kGeneric); }), "Job not found");
  try {
    registry().get("x", ErrorClass::kDeviceNotActive);
    FAIL();
  } catch (const core::Error& error) {
    EXPECT_EQ(error.error_class(), ErrorClass::kDeviceNotActive);
  }
}

TEST_F(RegistryTest, TheOutcomeOfAJobThatIsGoneIsKept) {
  toy->run_error = "disk on fire";
  start();
  EXPECT_EQ(registry().find("j"), nullptr);
  EXPECT_EQ(history().front()["device"], "j");
  EXPECT_EQ(history().front()["error"], "disk on fire");
}

TEST_F(RegistryTest, AHundredOutcomesAreKept) {
  for (int i = 0; i < 102; ++i) run_through("j" + std::to_string(i));
  EXPECT_EQ(history().size(), Registry::kHistory);
  EXPECT_EQ(history().front()["device"], "j101");
  EXPECT_EQ(history().back()["device"], "j2");
}

TEST_F(RegistryTest, AJobThatIsNotThereIsNotRemoved) {
  make({.id = "j"});
  registry().remove(*job);
  registry().remove(*job);
  EXPECT_EQ(history().size(), 1U);
}

struct Id {
  const char* text;
  bool good;
};

class JobId : public ::testing::TestWithParam<Id> {};

TEST(JobIdForTest, IsRightAndLikeTheName) {
  EXPECT_EQ(core::job_id_for("vol"), "vol");
  EXPECT_EQ(core::job_id_for("2024-11-28.img"), "job-2024-11-28.img");
  EXPECT_EQ(core::job_id_for("a b+c\n\xc3\xa4"), "a-b-c---");
  EXPECT_EQ(core::job_id_for(""), "job-");
  EXPECT_EQ(core::job_id_for(std::string(300, 'x')), std::string(100, 'x'));
  for (const char* const name : {"0data", "-", "a b", ""})
    EXPECT_EQ(core::check_job_id(core::job_id_for(name)), "");
}

TEST_P(JobId, IsTakenOrRefused) {
  EXPECT_EQ(core::check_job_id(GetParam().text).empty(), GetParam().good);
}

const std::string kHundred(100, 'a');
const std::string kHundredOne(101, 'a');

INSTANTIATE_TEST_SUITE_P(Registry, JobId,
                         ::testing::Values(Id{"a", true}, Id{"Z-9._x", true}, Id{"", false},
                                           Id{"1a", false}, Id{"-a", false}, Id{"a b", false},
                                           Id{"a/b", false}, Id{"\xc3\xa4", false},
                                           Id{kHundred.c_str(), true},
                                           Id{kHundredOne.c_str(), false}));

}  // namespace
}  // namespace dmjob::test
