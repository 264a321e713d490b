// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a check may look at: a fake kernel, and disks that are loop devices. As root. Whatever a
// check says, nothing is changed by it: no device, no disk, no file.
#pragma once

#include <gmock/gmock.h>

#include <functional>
#include <iterator>
#include <string>

#include "dm/name.h"
#include "dm/targets.h"
#include "libjob/drivers/check/check_context.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "libjob/io/device_lock.h"
#include "tests/support/fake_control.h"
#include "tests/support/loop_disk.h"
#include "tests/support/temp_folder.h"

namespace dmjob::drivers {

class CheckTest : public testing::Test {
 protected:
  static constexpr std::uint64_t kMiB = 1 << 20;
  static constexpr std::uint64_t kSize = 64 * kMiB;

  CheckTest() { context.control = &kernel; }

  // A volume of ours on `disk`, active.
  volumes::ManagedVolume add_volume(const test::LoopDisk& disk) {
    volumes::ManagedVolume volume;
    volume.name = "vol";
    volume.uuid = "0123456789abcdef0123456789abcdef";
    volume.device = disk.path();
    volume.sectors = kSize / 512;
    kernel.add_device("vol", dm::linear_table(volume.sectors, disk.dev()),
                      dm::volume_uuid(volume.uuid));
    context.volumes["vol"] = volume;
    return volume;
  }
  void be_busy(const test::LoopDisk& disk) {
    context.taken.push_back(
        {.owner = "job 'j7'", .volume = {}, .uses = {{.role = "target", .path = disk.path()}}});
  }
  static void sign(const test::LoopDisk& disk) {
    const auto device = io::open_device(disk.path(), io::Access::kReadWrite);
    io::AlignedBuffer head(4096);
    head.bytes()[510] = std::byte{0x55};
    head.bytes()[511] = std::byte{0xAA};
    head.bytes()[446 + 4] = std::byte{0x83};  // a partition table with one partition
    head.bytes()[446 + 8] = std::byte{1};
    head.bytes()[446 + 12] = std::byte{8};
    ASSERT_FALSE(device->write(0, head.bytes()));
  }

  // What the check says, "" if it agrees.
  std::string refusal_of(const std::function<void()>& check) {
    const auto files = names();
    std::string text;
    try {
      check();
    } catch (const std::exception& error) {
      text = error.what();
    }
    EXPECT_THAT(kernel.log(), testing::IsEmpty());
    EXPECT_EQ(names(), files);
    EXPECT_EQ(text.find('\n'), std::string::npos);
    return text;
  }

  test::TempFolder folder;
  dm::FakeControl kernel;
  CheckContext context;

 private:
  std::vector<std::string> names() const {
    std::vector<std::string> found;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path("")))
      found.push_back(entry.path());
    std::ranges::sort(found);
    return found;
  }
};

}  // namespace dmjob::drivers
