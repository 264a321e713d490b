// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/write_account.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <charconv>
#include <chrono>
#include <thread>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "libjob/io/disk_identity.h"
#include "libjob/io/probe.h"
#include "libjob/io/sysfs.h"

namespace dmjob::io {
namespace {

constexpr std::size_t kWritten = 6;  // columns of /sys/dev/block/M:N/stat
constexpr std::size_t kInFlight = 8;
constexpr std::size_t kDiscarded = 13;

Fd open_counts(dev_t dev) {
  return Fd(open((sysfs::folder(dev) + "/stat").c_str(), O_RDONLY | O_CLOEXEC));
}

// device-mapper counts by itself, but only a device that has been read from shows it.
void read_a_block(dev_t dev) {
  const auto device = open_device(dev, Access::kRead);
  AlignedBuffer block(device->alignment());
  device->read(0, block.bytes());
}

std::string name_instance(dev_t dev) {
  const dev_t disk = sysfs::is_partition(dev) ? sysfs::whole_disk(dev).value_or(dev) : dev;
  return sysfs::number(dev) + "/" + sysfs::first_line(sysfs::folder(disk) + "/diskseq");
}

}  // namespace

bool write_out(dev_t disk) noexcept {
  try {
    const Fd fd(open(device_path(disk).c_str(), O_RDONLY | O_CLOEXEC));
    return fd && fsync(fd.get()) == 0;
  } catch (const std::system_error&) {
    return false;
  }
}

WriteAccount::WriteAccount(dev_t disk, dev_t ours)
    : ours_(open_counts(ours)),
      disk_(open_counts(disk)),
      instance_("boot=" + boot_id() + " disk=" + name_instance(disk) +
                " over=" + name_instance(ours)) {
  if (const auto whole = sysfs::whole_disk(disk); whole && sysfs::is_partition(disk)) {
    whole_ = open_counts(*whole);
    for (const dev_t part : sysfs::partitions(*whole)) parts_.push_back(open_counts(part));
  }
  try {
    read_a_block(ours);
    usable_ = write_out(disk) && sectors_changed(disk) && sectors_changed(ours);
  } catch (const std::system_error&) {
    // It is away; nobody can tell.
  }
}

std::optional<WriteAccount::Counts> WriteAccount::read(const Fd& stat) {
  std::array<char, 512> text{};
  const ssize_t length = pread(stat.get(), text.data(), text.size(), 0);
  if (length <= 0) return std::nullopt;
  std::array<std::int64_t, 20> columns{};
  std::size_t count = 0;
  const char* at = text.data();
  const char* const end = at + length;
  while (at != end && count < columns.size()) {
    if (*at == ' ' || *at == '\n') {
      ++at;
      continue;
    }
    const auto [next, error] = std::from_chars(at, end, columns.at(count));
    if (error != std::errc()) return std::nullopt;
    at = next;
    ++count;
  }
  if (count <= kInFlight) return std::nullopt;
  return Counts{columns.at(kWritten) + columns.at(kDiscarded), columns.at(kInFlight)};
}

std::optional<std::int64_t> WriteAccount::changed() const {
  const auto own = read(disk_);
  if (!own || !whole_) return own ? std::optional(own->changed) : std::nullopt;
  const auto whole = read(whole_);
  if (!whole) return std::nullopt;
  std::int64_t sum = own->changed + whole->changed;
  for (const Fd& stat : parts_) {
    const auto part = read(stat);
    if (!part) return std::nullopt;
    sum -= part->changed;
  }
  return sum;
}

// At rest: none is in flight before and after, and none has come and gone in between. The counters
// of a disk and its partitions are not read in one instant: until two readings agree.
std::optional<std::int64_t> WriteAccount::others() const {
  constexpr int kTries = 1000;
  for (int i = 0; i < kTries; ++i) {
    const auto before = read(ours_);
    const auto disk = changed();
    const bool steady = !whole_ || changed() == disk;
    const auto after = read(ours_);
    if (!before || !after || !disk) return std::nullopt;
    if (steady && before == after && before->in_flight == 0) return *disk - before->changed;
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  return std::nullopt;
}

std::string WriteAccount::text(std::optional<std::int64_t> others) const {
  return usable_ && others ? instance_ + " others=" + std::to_string(*others) : "";
}

}  // namespace dmjob::io
