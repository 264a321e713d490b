// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether somebody wrote while nobody looked, without reading the data.
//
// A disk: the kernel's count of sectors written and discarded since it knows the disk, which only
// means something within one boot and for the same disk (diskseq). The counts of a partition leave
// out what is written through the whole disk, so that is added: the disk's count less those of all
// its partitions. That difference jumps when a partition comes or goes, so it is told which ones
// there are. Where the kernel does not count (queue/iostats 0), no fingerprint equals another.
//
// A file: its times have the resolution of a clock tick, so a file changed within the last one is
// waited for: a write behind our look would not show.
#include <sys/stat.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <iterator>
#include <sstream>
#include <thread>

#include "libjob/io/disk_identity.h"
#include "libjob/io/fd.h"
#include "libjob/io/probe.h"
#include "libjob/io/sysfs.h"

namespace dmjob::io {
namespace {

using namespace std::chrono_literals;

constexpr int kTries = 50;
constexpr auto kTick = 20ms;                   // longer than any kernel's
constexpr std::size_t kSectorsWritten = 6;     // columns of /sys/dev/block/M:N/stat
constexpr std::size_t kSectorsDiscarded = 13;  // since 4.18

// Never the same twice.
std::string unequal() {
  static std::atomic<std::uint64_t> number{0};
  const auto now = std::chrono::steady_clock::now().time_since_epoch().count();
  return " unknown=" + std::to_string(now) + "." + std::to_string(++number);
}

std::vector<std::uint64_t> counts_of(dev_t dev) {
  std::istringstream line(sysfs::first_line(sysfs::folder(dev) + "/stat"));
  return {std::istream_iterator<std::uint64_t>(line), {}};
}

// device-mapper counts by itself; before Linux 6.3 its devices say that they do not. One that has
// been read from shows it.
bool counts(dev_t disk) {
  if (sysfs::first_line(sysfs::folder(disk) + "/queue/iostats") != "0") return true;
  const bool is_dm = !sysfs::first_line(sysfs::folder(disk) + "/dm/name").empty();
  const auto columns = counts_of(disk);
  return is_dm && !columns.empty() && columns.front() > 0;
}

std::optional<std::uint64_t> own_count(dev_t dev) {
  const std::vector<std::uint64_t> columns = counts_of(dev);
  if (columns.size() <= kSectorsWritten) return std::nullopt;
  const bool discards = columns.size() > kSectorsDiscarded;
  return columns[kSectorsWritten] + (discards ? columns[kSectorsDiscarded] : 0);
}

std::optional<std::uint64_t> changed_beside_partitions(dev_t disk) {
  auto sum = own_count(disk);
  for (const dev_t partition : sysfs::partitions(disk)) {
    const auto part = own_count(partition);
    if (!sum || !part) return std::nullopt;
    *sum -= *part;
  }
  return sum;
}

// The disk's and its partitions' counts are not read in one instant: until two readings agree.
std::optional<std::uint64_t> steadily_changed_beside_partitions(dev_t disk) {
  auto last = changed_beside_partitions(disk);
  for (int tries = 0; tries < kTries; ++tries) {
    const auto next = changed_beside_partitions(disk);
    if (next == last) return last;
    last = next;
  }
  return std::nullopt;
}

// Both of a partition: what was written through it and what was written through its disk.
struct Written {
  std::uint64_t own = 0;
  std::uint64_t beside = 0;
};

dev_t disk_of(dev_t dev) {
  return sysfs::is_partition(dev) ? sysfs::whole_disk(dev).value_or(dev) : dev;
}

std::optional<Written> written_to(dev_t dev) {
  const dev_t disk = disk_of(dev);
  if (!counts(disk)) return std::nullopt;
  const auto own = own_count(dev);
  const auto beside = disk == dev ? 0 : steadily_changed_beside_partitions(disk);
  if (!own || !beside) return std::nullopt;
  return Written{*own, *beside};
}

// Another one each time that the device is made: its folder in /sys is, and the kernel gives no
// number of one to another within a boot.
std::string instance_of(dev_t dev) {
  struct stat facts{};
  return stat(sysfs::folder(dev).c_str(), &facts) == 0 ? std::to_string(facts.st_ino) : unequal();
}

// "" of a whole disk.
std::string partitions_around(dev_t dev) {
  const dev_t disk = disk_of(dev);
  if (disk == dev) return "";
  std::string text = " partition=" + instance_of(dev) + " of";
  for (const dev_t partition : sysfs::partitions(disk)) text += "," + instance_of(partition);
  return text;
}

std::string disk_fingerprint(dev_t dev) {
  const std::string around = partitions_around(dev);
  const auto written = written_to(dev);
  std::string text = "boot=" + boot_id() + " dev=" + sysfs::number(dev) +
                     " diskseq=" + sysfs::first_line(sysfs::folder(disk_of(dev)) + "/diskseq") +
                     around;
  if (!written || around != partitions_around(dev)) return text + unequal();
  return text + " written=" + std::to_string(written->own) + "+" + std::to_string(written->beside);
}

std::chrono::nanoseconds since_epoch(const timespec& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

struct stat facts_of(const std::string& path) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) throw_last_error(path);
  return facts;
}

bool is_settled(const struct stat& facts) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  const auto age = now - since_epoch(facts.st_ctim);
  return age > kTick || age < -kTick;
}

std::string file_fingerprint(const std::string& path) {
  struct stat facts = facts_of(path);
  for (int tries = 0; tries < kTries && !is_settled(facts); ++tries) {
    std::this_thread::sleep_for(kTick);
    facts = facts_of(path);
  }
  return "file=" + sysfs::number(facts.st_dev) + "/" + std::to_string(facts.st_ino) +
         " size=" + std::to_string(facts.st_size) +
         " mtime=" + std::to_string(since_epoch(facts.st_mtim).count()) +
         " ctime=" + std::to_string(since_epoch(facts.st_ctim).count()) +
         (is_settled(facts) ? "" : unequal());
}

}  // namespace

std::optional<std::uint64_t> sectors_changed(dev_t dev) {
  const auto written = written_to(dev);
  if (!written) return std::nullopt;
  return written->own + written->beside;
}

std::string write_fingerprint(const ProbeResult& what) {
  return what.kind == Kind::kBlockDevice ? disk_fingerprint(what.dev) : file_fingerprint(what.path);
}

}  // namespace dmjob::io
