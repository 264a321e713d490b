// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A volume of 64 MiB in a fake kernel, on a disk that is a loop device; what is written to it goes
// to a file, or to another such disk. As root.
#pragma once

#include <endian.h>
#include <gmock/gmock.h>

#include <array>
#include <cstring>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "dm/name.h"
#include "dm/targets.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "libjob/volumes/overlay_device.h"
#include "tests/support/fake_ledger.h"
#include "tests/support/loop_disk.h"
#include "tests/support/small_file_system.h"
#include "tests/support/temp_folder.h"

namespace dmjob::volumes {

struct OverlayStage {
  using Kind = dm::OverlayStack::Kind;
  static constexpr std::uint64_t kMiB = 1 << 20;
  static constexpr std::uint64_t kSize = 64 * kMiB;
  static constexpr std::uint64_t kChunk = 8;  // sectors
  // Bytes that a cow is given at first beyond the least that it needs.
  static constexpr std::uint64_t kSlice = 16 * kMiB;

  OverlayStage() {
    volume.name = "vol";
    volume.uuid = "0123456789abcdef0123456789abcdef";
    volume.device = disk.path();
    volume.sectors = kSize / 512;
    volume.overlay.emplace();
    volume.overlay->chunk = kChunk;
    volume.overlay->origin_disk = io::identify_disk(disk.path());
    write_to_file(folder.path("cow"));
  }

  // --- the stage ---

  void write_to_file(const std::string& path) {
    volume.overlay->cow = {{store::ScratchPlace::Kind::kFile, path, 0}, most_bytes()};
  }
  // To a disk of that size, behind the mark.
  void write_to_disk(std::uint64_t bytes) {
    scratch.emplace(folder.path("scratch"), bytes);
    constexpr std::uint64_t kMark = OverlayDevice::kMarkBytes;
    volume.overlay->cow = {{store::ScratchPlace::Kind::kDevice, scratch->path(), kMark},
                           std::min(bytes - kMark, most_bytes())};
    volume.overlay->cow_disk = io::identify_disk(scratch->path());
  }
  void add_volume() {
    kernel.add_device("vol", dm::linear_table(volume.sectors, disk.dev()),
                      dm::volume_uuid(volume.uuid));
  }
  // What a reboot leaves of the kernel's devices: nothing.
  void end_of_power() {
    for (const char* name : {"vol", "dmjob-vol-vorigin", "dmjob-vol-vcow", "dmjob-vol-vdisk"})
      if (kernel.exists(name)) kernel.remove(name);
    kernel.clear_log();
  }
  // As if so many sectors of the cow were in use; 16 of them say where the others belong.
  void fill_cow(std::uint64_t used) {
    kernel.set_kept(std::to_string(used) + '/' + std::to_string(length()) + " 16");
  }

  // As the kernel does it: the head of its store.
  static constexpr std::uint32_t kMagic = 0x70416e53;  // "SnAp"
  void write_header(std::uint32_t valid, std::uint32_t magic = kMagic) {
    io::AlignedBuffer block(4096);
    const std::array<std::uint32_t, 2> words{htole32(magic), htole32(valid)};
    std::memcpy(block.bytes().data(), words.data(), sizeof words);
    block.bytes()[100] = std::byte{7};
    EXPECT_FALSE(cow_disk()->write(cow_offset(), block.bytes()));
  }
  // As if something had been written to the volume.
  void write_exception() {
    io::AlignedBuffer area(4096);
    area.bytes()[8] = std::byte{2};  // the chunk of the store that it is in
    EXPECT_FALSE(cow_disk()->write(cow_offset() + kChunk * 512, area.bytes()));
  }
  // As if somebody else had given it the table of its disk alone.
  void replace_table() { kernel.set_table("vol", dm::linear_table(volume.sectors, disk.dev())); }
  io::AlignedBuffer read_header() {
    io::AlignedBuffer block(4096);
    EXPECT_FALSE(cow_disk()->read(cow_offset(), block.bytes()));
    return block;
  }
  std::uint32_t valid_word() {
    std::uint32_t word = 0;
    std::memcpy(&word, read_header().bytes().data() + sizeof word, sizeof word);
    return le32toh(word);
  }
  // As the kernel does it when a disk fails.
  void give_up(const char* word = "Invalid") {
    kernel.set_status("vol", word);
    write_header(0);
  }
  // As if the disk's identity had been noted before the last boot.
  void be_of_an_earlier_boot() { volume.overlay->origin_disk.instance = "an earlier boot"; }

  // --- the story ---

  OverlayDevice make() {
    OverlayDevice made(kernel, ledger, volume, true);
    if (!scratch) user_of_cow = io::LoopDevice::over(volume.overlay->cow.place.path);
    return made;
  }
  OverlayDevice open() { return {kernel, ledger, volume}; }
  void hold() {
    add_volume();
    make().hold();
    write_header(1);
    kernel.clear_log();
  }
  void merge() {
    hold();
    volume.overlay->stage = Overlay::Stage::kMerging;
    open().begin_merge();
    fill_cow(256);
    kernel.clear_log();
  }
  dm::OverlayStack::State look() { return look_at(kernel, ledger, volume); }
  void discard() { discard_overlay(kernel, ledger, volume); }

  // --- what came of it ---

  bool is_disk_alone() {
    return kernel.table("vol") == dm::linear_table(volume.sectors, disk.dev()) &&
           kernel.names() == std::vector<std::string>{"vol"};
  }
  bool has_cow_file() const { return std::filesystem::exists(volume.overlay->cow.place.path); }
  std::uint64_t length() const { return volume.overlay->cow.bytes / 512; }
  static std::uint64_t margin() { return dm::OverlayStack::margin(kChunk); }
  static std::uint64_t least_bytes() { return OverlayDevice::least_bytes(kChunk); }
  static std::uint64_t most_bytes() { return store::CowSpace::most_bytes(kSize, kChunk * 512); }
  // Of a cow for which so many bytes are there.
  static std::uint64_t boundary_for(std::uint64_t bytes) { return bytes / 512 - margin(); }

  test::TempFolder folder;
  test::LoopDisk& disk = some_disk();
  std::optional<test::LoopDisk> scratch;
  std::optional<io::LoopDevice> user_of_cow;  // as the kernel's device would be
  ManagedVolume volume;
  dm::FakeControl kernel;
  dm::FakeLedger ledger{kernel};

 private:
  std::unique_ptr<io::BlockDevice> cow_disk() {
    const auto space = store::CowSpace::open(volume.overlay->cow, false);
    return io::open_device(space.dev(), io::Access::kReadWrite);
  }
  std::uint64_t cow_offset() const { return volume.overlay->cow.place.offset; }
  // For all tests: none of them writes to it, and a loop device takes its time to go.
  static test::LoopDisk& some_disk() {
    static const test::TempFolder folder;
    static test::LoopDisk disk(folder.path("disk"), kSize);
    return disk;
  }
};

// Whatever happens, nothing stays suspended.
class OverlayStory : public testing::Test, protected OverlayStage {
 protected:
  ~OverlayStory() override {
    EXPECT_THAT(kernel.suspended_devices(), testing::IsEmpty());
    EXPECT_TRUE(ledger.empty());
  }
};

// What it throws, as the user sees it; "" for nothing.
template <typename Call>
std::string refusal_of(Call call) {
  try {
    call();
  } catch (const std::exception& error) {
    return error.what();
  }
  return "";
}

}  // namespace dmjob::volumes
