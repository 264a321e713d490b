// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/tool/commands_fixture.h"

namespace dmjob::daemon {
namespace {

using ::testing::IsEmpty;
using ::testing::StartsWith;

TEST_F(CommandsTest, BackupPassesOnWhatIsAsked) {
  EXPECT_EQ(run("blockdev-backup", R"({"device":"data","target":"/x","sync":"full","job-id":"j",
                "speed":7,"granularity":65536,"scratch":"/s","force":true,"error-map":"/m",
                "on-source-error":"ignore","on-target-error":"stop","auto-finalize":false,
                "auto-dismiss":false})"),
            json::object());
  const auto& backup = daemon_.backups.at(0);
  EXPECT_EQ(backup.source + backup.target, "data/x");
  EXPECT_EQ(backup.id.value() + *backup.scratch + *backup.error_map, "j/s/m");
  EXPECT_EQ(backup.speed, 7);
  EXPECT_EQ(backup.granularity, 65536U);
  EXPECT_EQ(backup.on_source_error, core::OnError::kIgnore);
  EXPECT_EQ(backup.on_target_error, core::OnError::kStop);
  EXPECT_TRUE(backup.force && !backup.auto_finalize && !backup.auto_dismiss);
}

TEST_F(CommandsTest, ABackupBeginsAChainOrContinuesIt) {
  run("blockdev-backup", R"({"device":"d","target":"/t","sync":"full"})");
  run("blockdev-backup", R"({"device":"d","target":"/t","sync":"full","x-track":true})");
  run("blockdev-backup", R"({"device":"d","target":"/t","sync":"incremental"})");
  EXPECT_FALSE(daemon_.backups.at(0).track || daemon_.backups.at(0).incremental);
  EXPECT_TRUE(daemon_.backups.at(1).track && !daemon_.backups.at(1).incremental);
  EXPECT_TRUE(!daemon_.backups.at(2).track && daemon_.backups.at(2).incremental);
  EXPECT_THAT(
      run("blockdev-backup", R"({"device":"d","target":"/t","sync":"incremental","x-track":true})")
          .dump(),
      testing::HasSubstr("goes with sync full only"));
}

class RefusedByBackup : public CommandsTest, public ::testing::WithParamInterface<const char*> {};

TEST_P(RefusedByBackup, BeforeTheDaemonIsAsked) {
  const std::string arguments =
      R"({"device":"d","target":"/t","sync":"full",)" + std::string(GetParam()) + "}";
  EXPECT_THAT(run("blockdev-backup", arguments.c_str()).dump(), StartsWith("\"GenericError: "));
  EXPECT_THAT(daemon_.backups, IsEmpty());
}

INSTANTIATE_TEST_SUITE_P(Arguments, RefusedByBackup,
                         ::testing::Values(R"("bitmap":"b")", R"("bitmap-mode":"never")",
                                           R"("compress":true)", R"("filter-node-name":"x")",
                                           R"("x-perf":{})", R"("on-cbw-error":"break-snapshot")",
                                           R"("discard-source":true)", R"("pivot":true)",
                                           R"("copy-mode":"background")"));

TEST_F(CommandsTest, ATransactionTakesBackupsAndCopies) {
  EXPECT_EQ(run("transaction", R"({"actions":[
      {"type":"blockdev-backup","data":{"device":"a","target":"/s","sync":"full"}},
      {"type":"blockdev-mirror","data":{"device":"b","target":"/t","sync":"full"}}]})"),
            json::object());
  EXPECT_EQ(daemon_.backups.at(0).source, "a");
  EXPECT_EQ(daemon_.copies.at(0).source, "b");
}

}  // namespace
}  // namespace dmjob::daemon
