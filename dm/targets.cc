// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/targets.h"

#include <sys/sysmacros.h>

#include <algorithm>

namespace dmjob::dm {
namespace {

Table one(std::uint64_t length, const char* target, std::string args) {
  return Table({Segment{0, length, target, std::move(args)}});
}

std::string pair_on_disk_log(const DeviceWord& log, std::uint64_t region, const DeviceWord& first,
                             const DeviceWord& second) {
  return "disk 2 " + log.text() + ' ' + std::to_string(region) + " 2 " + first.text() + " 0 " +
         second.text() + " 0";
}

std::string origin_and_cow(const DeviceWord& origin, const DeviceWord& cow, std::uint64_t chunk) {
  return origin.text() + ' ' + cow.text() + " PO " + std::to_string(chunk);
}

}  // namespace

std::string print_dev(dev_t dev) {
  return std::to_string(major(dev)) + ':' + std::to_string(minor(dev));
}

Table linear_table(std::uint64_t length, const DeviceWord& device, std::uint64_t offset) {
  return one(length, "linear", device.text() + ' ' + std::to_string(offset));
}

Table error_table(std::uint64_t length) { return one(length, "error", ""); }

// snapshot-origin: one of the targets that have no discards whatever is below them, and that do
// nothing when they are made.
Table failing_table(std::uint64_t length, const DeviceWord& base) {
  constexpr std::uint64_t kTail = 8;  // a block of 4 KiB
  return Table({Segment{0, length, "error", ""},
                Segment{length, std::min(kTail, length), "snapshot-origin", base.text()}});
}

Table bypass_table(std::uint64_t length, const DeviceWord& reads, const DeviceWord& writes) {
  return one(length, "delay", reads.text() + " 0 0 " + writes.text() + " 0 0");
}

Table tracker_table(std::uint64_t length, const DeviceWord& log, std::uint64_t region,
                    const DeviceWord& base, const DeviceWord& error) {
  return one(length, "mirror", pair_on_disk_log(log, region, base, error));
}

Table mirror_table(std::uint64_t length, const DeviceWord& log, std::uint64_t region,
                   const DeviceWord& base, const DeviceWord& target) {
  return one(length, "mirror", pair_on_disk_log(log, region, base, target) + " 1 handle_errors");
}

// The longest delay there is: the kernel takes milliseconds that look negative for ever.
Table waiting_table(std::uint64_t length, std::uint64_t boundary, const DeviceWord& device,
                    std::uint64_t offset) {
  const std::string front = device.text() + ' ' + std::to_string(offset);
  if (boundary >= length) return linear_table(length, device, offset);
  const std::string back = device.text() + ' ' + std::to_string(offset + boundary);
  std::vector<Segment> segments;
  if (boundary > 0) segments.push_back({0, boundary, "linear", front});
  segments.push_back(
      {boundary, length - boundary, "delay", back + " 0 " + back + " 4294967295 " + back + " 0"});
  return Table(std::move(segments));
}

Table origin_table(std::uint64_t length, const DeviceWord& base) {
  return one(length, "snapshot-origin", base.text());
}

Table snapshot_table(std::uint64_t length, const DeviceWord& origin, const DeviceWord& cow,
                     std::uint64_t chunk) {
  return one(length, "snapshot", origin_and_cow(origin, cow, chunk));
}

Table merge_table(std::uint64_t length, const DeviceWord& origin, const DeviceWord& cow,
                  std::uint64_t chunk) {
  return one(length, "snapshot-merge", origin_and_cow(origin, cow, chunk));
}

}  // namespace dmjob::dm
