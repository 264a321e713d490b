// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/kernel/dm/stage.h"

#include <cstdlib>
#include <sstream>
#include <system_error>
#include <thread>

namespace dmjob::dm {
namespace {

std::string node(const std::string& name) { return "/dev/mapper/" + name; }

std::uint64_t log_offset(int number) { return static_cast<std::uint64_t>(number) * kLogSectors; }

}  // namespace

KernelStage::KernelStage() {
  remove_all();
  target = make("target", linear_table(kSize, target_disk.dev()));
}

KernelStage::~KernelStage() { remove_all(); }

std::string KernelStage::disk_path(int number) {
  std::istringstream disks(std::getenv("DISKS"));
  std::string path;
  for (int i = 0; i <= number; ++i) disks >> path;
  return path;
}

// Held writes are let go with an error and whatever is suspended is resumed; then nothing holds
// anything.
void KernelStage::remove_all() {
  for (const Device& device : control.list()) {
    shell("dmsetup wipe_table --noflush --nolockfs " + device.name + " >/dev/null 2>&1");
  }
  const auto removed = [this] {
    for (const Device& device : control.list()) {
      shell("dmsetup remove " + device.name + " >/dev/null 2>&1");
    }
    return control.list().empty();
  };
  EXPECT_TRUE(wait_for(removed)) << "devices are left";
}

dev_t KernelStage::make(const std::string& name, const Table& table) {
  return control.create({name, "", table, Visibility::kPublic, false});
}

std::unique_ptr<Disk> KernelStage::open(const std::string& name) {
  return std::make_unique<Disk>(node(name));
}

void KernelStage::switch_to(const std::string& name, const Table& table, SuspendMode mode) {
  control.load(name, table);
  control.suspend(name, mode);
  control.resume(name);
}

void KernelStage::break_device(const std::string& name) {
  switch_to(name, error_table(control.table(name).sectors()), SuspendMode::kNoFlush);
}

void KernelStage::heal_device(const std::string& name, dev_t disk) {
  switch_to(name, linear_table(control.table(name).sectors(), disk), SuspendMode::kNoFlush);
}

dev_t KernelStage::make_log(int number) {
  return make("log" + std::to_string(number),
              linear_table(kLogSectors, scratch.dev(), log_offset(number)));
}

void KernelStage::write_log(int number, bool in_sync, const Regions& marked) {
  std::vector<std::byte> log(mirror_log_bytes(kRegions));
  format_mirror_log(log, kRegions, in_sync);
  for (const auto region : marked) mark_region(log, region);
  scratch.write(log_offset(number) * 512, log);
}

Regions KernelStage::marked_in_log(int number) {
  const auto log = scratch.read(log_offset(number) * 512, mirror_log_bytes(kRegions));
  EXPECT_TRUE(valid_mirror_log(log, kRegions));
  const auto bits = mirror_log_bits(log, kRegions);
  Regions marked;
  for (std::uint64_t region = 0; region < kRegions; ++region) {
    const auto byte = std::to_integer<unsigned>(bits[region / 8]);
    if ((byte >> (region % 8) & 1U) == 0) marked.push_back(region);
  }
  return marked;
}

std::string KernelStage::status_text(const std::string& name) {
  return control.status(name).at(0).text;
}

bool KernelStage::wait_for(const std::function<bool()>& condition, std::chrono::seconds patience) {
  const auto deadline = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > deadline) return false;
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  return true;
}

bool KernelStage::wait_in_sync(const std::string& name) {
  return wait_for([&] { return status(name).in_sync(); });
}

CopyStackSpec KernelStage::spec() {
  CopyStackSpec spec;
  spec.job = "j";
  spec.uuid = "u";
  spec.volume = "vol";
  spec.has_target = true;
  spec.target = target;
  spec.region = kRegion;
  spec.scratch = scratch.dev();
  for (int log = 0; log < kLogs; ++log) {
    spec.log_offset.at(static_cast<std::size_t>(log)) = log_offset(log);
  }
  spec.log_length = kLogSectors;
  return spec;
}

void KernelStage::interpose() {
  if (!control.find("vol")) make("vol", linear_table(kSize, source.dev()));
  for (int log = 0; log < kLogs; ++log) write_log(log, true);
  stack = std::make_unique<CopyStack>(control, ledger, spec());
  HeldDisk(control, ledger, "j", "u").take(target, kSize);
  stack->build(0);
  stack->interpose();
}

void KernelStage::copy_everything() {
  const auto base = open("dmjob-j-base");
  const auto to = open("dmjob-j-tgt");
  for (std::uint64_t offset = 0; offset < kSize * 512; offset += 1 << 20) {
    to->write(offset, base->read(offset, 1 << 20));
  }
}

void KernelStage::mirror() {
  interpose();
  copy_everything();
  stack->preload({WriteMode::Kind::kMirroring, 1});
  stack->switch_writes(SuspendMode::kFlush, [this] { write_log(1, true, marked_in_log(0)); });
  write_log(2, true);
  stack->preload({WriteMode::Kind::kTracking, 2});
}

void KernelStage::be_ready() {
  mirror();
  ASSERT_TRUE(wait_in_sync("dmjob-j-wr"));
}

int error_of(const std::function<void()>& call, std::string* what) {
  try {
    call();
  } catch (const std::system_error& error) {
    if (what != nullptr) *what = error.what();
    return error.code().value();
  }
  return 0;
}

}  // namespace dmjob::dm
