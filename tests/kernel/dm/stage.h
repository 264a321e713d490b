// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the tests on a real kernel have in common: a source of 32 MiB, a target and a scratch disk,
// the devices on top of them, and their removal whatever state a test leaves them in.
#pragma once

#include <gtest/gtest.h>

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "dm/kernel_control.h"
#include "dm/mirror_log.h"
#include "dm/status.h"
#include "dm/suspend_guard.h"
#include "dm/targets.h"
#include "dm/topology/copy_stack.h"
#include "dm/topology/held_disk.h"
#include "tests/dm/end_copy.h"
#include "tests/kernel/dm/disk.h"
#include "tests/kernel/dm/writer.h"

namespace dmjob::dm {

inline constexpr std::uint64_t kSize = 65536;  // sectors of the source: 32 MiB
inline constexpr std::uint64_t kRegion = 128;  // sectors: 64 KiB, 16 blocks
inline constexpr std::uint64_t kRegions = kSize / kRegion;
inline constexpr std::uint64_t kRegionBlocks = kRegion * 512 / kBlock;
inline constexpr std::uint64_t kLogSectors = 64;

using Regions = std::vector<std::uint64_t>;

// A ledger that nobody reads.
class NoLedger : public Ledger {
 public:
  void suspending(const std::string&, OnDeath, Droppable) noexcept override {}
  void follow(const std::string&, const std::string&) noexcept override {}
  void resumed(const std::string&) noexcept override {}
  void watch_mirror(const std::string&) noexcept override {}
  void forget_mirror(const std::string&) noexcept override {}
  void guard_tracker(const std::string&) noexcept override {}
  void forget_tracker(const std::string&) noexcept override {}
};

class KernelStage : public testing::Test {
 protected:
  KernelStage();
  ~KernelStage() override;

  // A public device with that table, and direct I/O on it.
  dev_t make(const std::string& name, const Table& table);
  std::unique_ptr<Disk> open(const std::string& name);
  // Load ahead, suspend, resume.
  void switch_to(const std::string& name, const Table& table, SuspendMode mode);
  // All I/O to a linear device over a whole disk fails from now on, or no longer.
  void break_device(const std::string& name);
  void heal_device(const std::string& name, dev_t disk);

  // Log `number` is a slice of scratch, made by make_log() or by a CopyStack.
  dev_t make_log(int number);
  void write_log(int number, bool in_sync, const Regions& marked = {});
  Regions marked_in_log(int number);

  std::string status_text(const std::string& name);
  MirrorStatus status(const std::string& name) { return parse_mirror_status(status_text(name)); }
  bool wait_for(const std::function<bool()>& condition,
                std::chrono::seconds patience = std::chrono::seconds(10));
  bool wait_in_sync(const std::string& name);

  CopyStackSpec spec();
  // vol is a volume over source; the stack is built on log 0 and interposed, with all logs in sync.
  void interpose();
  // The bulk copy, and a hand-over on log 1 of what was written during it.
  void copy_everything();
  void mirror();
  void be_ready();

  // Where source and target are not the same, at most ten of the blocks.
  std::vector<std::uint64_t> differences() { return differing_blocks(source, target_disk, kSize); }

  Disk source{disk_path(0)};
  Disk target_disk{disk_path(1)};
  Disk scratch{disk_path(2)};
  KernelControl control;
  NoLedger ledger;
  dev_t target = 0;  // the dm device "target" over target_disk, which can be broken
  std::unique_ptr<CopyStack> stack;

 private:
  static std::string disk_path(int number);
  void remove_all();
};

// The code of the std::system_error that the call throws, 0 if none; its text goes into *what.
int error_of(const std::function<void()>& call, std::string* what = nullptr);

}  // namespace dmjob::dm
