// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A backup of a volume in use. What the snapshot holds is a disk of its own here, so that nothing
// else can be read in its place. As root.
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <utility>

#include "libjob/drivers/backup/backup_driver.h"
#include "tests/drivers/base/copy_disks.h"
#include "tests/drivers/base/transfer_story.h"

namespace dmjob::drivers {

class BackupDisks : public CopyDisks {
 protected:
  BackupDisks() { kernel.set_number_to_come("dmjob-j-snap", instant.dev()); }
  ~BackupDisks() override { EXPECT_EQ(kernel.table("vol"), table_at_the_end); }

  CopyPlan make_plan() const {
    CopyPlan made = CopyDisks::make_plan();
    made.fixed_source = true;
    return made;
  }
  // Beside the scratch, a file as that is.
  static store::CowPlace make_cow(const CopyPlan& plan) {
    return {{plan.scratch.kind, plan.scratch.path + "-cow", 0},
            store::CowSpace::most_bytes(kSize, chunk_bytes(plan))};
  }
  bool keeps_the_instant() {
    return kernel.table("vol") == dm::origin_table(kSize / 512, number("base"));
  }

  test::LoopDisk instant{folder.path("instant"), kSize};
  dm::Table table_at_the_end = own_table();
};

class BackupTest : public TransferStory<BackupDisks> {
 protected:
  BackupTest() {
    plan = make_plan();
    cow = make_cow(plan);
  }

  std::unique_ptr<core::Driver> new_driver() override {
    CheckedBackup checked{plan, cow, {}, {}};
    return std::make_unique<BackupDriver>(daemon->environment, std::move(checked), "j",
                                          std::make_shared<BackupGroup>());
  }
  std::unique_ptr<core::Driver> driver_of(const nlohmann::json& record) override {
    return std::make_unique<BackupDriver>(daemon->environment, record, "j");
  }
  const test::LoopDisk& original() const override { return instant; }

  void lose_the_instant() {
    kernel.set_status("dmjob-j-snap", "Invalid");
    daemon->dm_events.notify();
  }
  // The watch has just looked, and does so again a while later.
  void lose_the_instant_unseen() {
    kernel.set_status("dmjob-j-snap", "32/8192 16");
    daemon->dm_events.notify();
    until([&] { return job->query_block_job().value("scratch-used", 0) == 32 * 512; });
    kernel.set_status("dmjob-j-snap", "Invalid");
  }
  // What a reboot leaves of the kernel's devices.
  void reboot() {
    kernel.set_table("vol", own_table());
    for (const char* part : {"snap", "base", "cow", "tgt"})
      kernel.remove(std::string("dmjob-j-") + part);
  }

  store::CowPlace cow;
};

}  // namespace dmjob::drivers
