// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A copy of a disk that nobody uses: to a disk that the kernel holds for the job, to one that it
// cannot hold, and to a new file. As root.
#pragma once

#include <memory>

#include "libjob/drivers/copy/offline_driver.h"
#include "tests/drivers/base/transfer_disks.h"
#include "tests/drivers/base/transfer_story.h"

namespace dmjob::drivers {

class OfflineCopyTest : public TransferStory<TransferDisks> {
 protected:
  OfflineCopyTest() { plan = make_plan(); }

  std::unique_ptr<core::Driver> new_driver() override { return driver(plan, false); }
  std::unique_ptr<core::Driver> driver_of(const nlohmann::json& record) override {
    return driver(CopyPlan::restore(record), true);
  }
  const test::LoopDisk& original() const override { return source; }

  bool has_device_mapper = true;

 private:
  std::unique_ptr<core::Driver> driver(const CopyPlan& of, bool resumed) {
    daemon->environment.state_folder = folder.path("");
    if (!has_device_mapper) daemon->environment.control = nullptr;
    return std::make_unique<OfflineDriver>(daemon->environment, of, "j", resumed);
  }
};

class CopyWithoutDmTest : public OfflineCopyTest {
 protected:
  CopyWithoutDmTest() { has_device_mapper = false; }
};

class CopyToFileTest : public OfflineCopyTest {
 protected:
  CopyToFileTest() {
    plan.target = folder.path("copy");
    plan.target_disk = {};
    plan.new_file = true;
  }
};

}  // namespace dmjob::drivers
