// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A volume of 64 regions in a fake kernel, with its tracker's scratch in a file, and a hand that
// marks regions in a log as the kernel does.
#pragma once

#include <gmock/gmock.h>
#include <sys/sysmacros.h>

#include <filesystem>
#include <fstream>
#include <initializer_list>
#include <memory>
#include <string>
#include <vector>

#include "dm/mirror_log.h"
#include "dm/targets.h"
#include "libjob/volumes/tracker.h"
#include "tests/support/fake_ledger.h"
#include "tests/support/temp_folder.h"

namespace dmjob::volumes {

using Regions = std::vector<std::uint64_t>;

struct TrackedStage {
  static constexpr std::uint64_t kRegions = 64;
  static constexpr std::uint64_t kGranularity = 65536;

  TrackedStage() {
    volume.name = "vol";
    volume.uuid = "v";
    volume.device = folder.path("disk");
    volume.sectors = kRegions * kGranularity / 512;
    volume.tracking.emplace();
    volume.tracking->uuid = "chain";
    volume.tracking->granularity = kGranularity;
    volume.tracking->scratch = {store::ScratchPlace::Kind::kDevice, folder.path("scratch"), 0};
    make_file("disk", kRegions * kGranularity);
    make_file("scratch", Tracker::scratch_bytes(kRegions * kGranularity, kGranularity));
  }

  void make_file(const std::string& name, std::uint64_t bytes) const {
    std::ofstream(folder.path(name)).close();
    std::filesystem::resize_file(folder.path(name), bytes);
  }
  void add_volume() { kernel.add_device("vol", own, "DMJOBV-v"); }
  Tracker tracker() { return {kernel, ledger, volume, Tracker::How::kOpen}; }
  void begin() {
    add_volume();
    Tracker(kernel, ledger, volume, Tracker::How::kMake).begin();
  }
  // As after a first full backup.
  void begin_proven() {
    begin();
    Tracker all = tracker();
    all.forget(all.collect(), none());
  }
  // What a reboot leaves of the kernel's devices: nothing.
  void end_of_power() {
    kernel.remove("vol");
    for (const char* part : {"wr", "err", "base", "log2", "log1", "log0"})
      kernel.remove(std::string("dmjob-_vol-") + part);
  }
  static io::DirtyBitmap none() { return {kRegions * kGranularity, kGranularity}; }

  // What the kernel does when regions are written to.
  void write_to(std::initializer_list<std::uint64_t> regions, int log) {
    store::Scratch scratch = open();
    scratch.read_log(log);
    for (const std::uint64_t region : regions) dm::mark_region(scratch.log_buffer(log), region);
    scratch.write_log(log);
  }
  void damage_log(int log) { open().write_log(log); }  // all zeroes
  int log_in_use() {
    for (int log = 0; log < dm::kLogs; ++log)
      if (kernel.table("dmjob-_vol-wr") == dm::tracker_table(volume.sectors,
                                                             number("log" + std::to_string(log)),
                                                             128, number("base"), number("err")))
        return log;
    return -1;
  }
  void fail_log() { kernel.set_status("dmjob-_vol-wr", "2 8:0 8:16 60/64 1 AD 3 disk 8:32 D"); }
  dev_t number(const std::string& part) { return kernel.find("dmjob-_vol-" + part)->dev; }

  static Regions regions_of(const io::DirtyBitmap& map) {
    Regions regions;
    for (auto run = map.next(0, 1); run; run = map.next(run->first + 1, 1))
      regions.push_back(run->first);
    return regions;
  }
  Regions changed() { return regions_of(tracker().changed()); }
  Regions to_copy() { return regions_of(tracker().to_copy()); }

  const dm::Table own = dm::Table::parse("0 8192 linear 8:64 0");
  test::TempFolder folder;
  ManagedVolume volume;
  dm::FakeControl kernel;
  dm::FakeLedger ledger{kernel};

 private:
  store::Scratch open() {
    return store::Scratch::open(
        io::open_device(volume.tracking->scratch.path, io::Access::kReadWrite), 0, "chain");
  }
};

}  // namespace dmjob::volumes
