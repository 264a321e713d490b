// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A volume of 4 MiB in a fake kernel on a loop device, another one to copy it to, and a place for
// scratch in a file. As root.
#pragma once

#include "dm/targets.h"
#include "libjob/volumes/managed_volumes.h"
#include "tests/drivers/base/transfer_disks.h"

namespace dmjob::drivers {

class CopyDisks : public TransferDisks {
 protected:
  CopyDisks() {
    kernel.add_device("vol", own_table());
    kernel.set_opened("vol", 1);
    kernel.set_number_to_come("dmjob-j-base", disk_of_base.dev());
    left_standing = {"vol"};
  }

  CopyPlan make_plan() const {
    CopyPlan made = TransferDisks::make_plan();
    made.volume = "vol";
    made.source = "/dev/mapper/vol";
    made.source_disk = {};
    return made;
  }
  volumes::ManagedVolume managed_volume() const {
    volumes::ManagedVolume volume;
    volume.name = "vol";
    volume.uuid = "fedcba9876543210fedcba9876543210";
    volume.device = source.path();
    volume.sectors = kSize / 512;
    return volume;
  }
  dm::Table own_table() const { return dm::linear_table(kSize / 512, source.dev()); }
  dev_t number(const std::string& part) { return kernel.find("dmjob-j-" + part)->dev; }
  dm::Table tracker(int log) {
    return dm::tracker_table(kSize / 512, number("log" + std::to_string(log)), 128, number("base"),
                             number("err"));
  }
  dm::Table writes() { return kernel.table("dmjob-j-wr"); }

  test::LoopDisk disk_of_base{folder.path("base"), kSize};
};

}  // namespace dmjob::drivers
