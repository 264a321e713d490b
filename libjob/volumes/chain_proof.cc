// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/chain_proof.h"

#include <algorithm>
#include <exception>
#include <utility>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/crc32c.h"
#include "libjob/io/probe.h"

namespace dmjob::volumes {
namespace {

constexpr std::uint64_t kHead = 1 << 20;  // where superblocks and partition tables are
constexpr std::uint64_t kPart = 64 << 10;
constexpr std::uint64_t kCopied = 64;           // regions
constexpr std::uint64_t kMostOfRegion = kHead;  // so 64 MiB of what was copied, at most
constexpr std::uint64_t kAllOver = 256;         // places
constexpr std::uint64_t kPlace = 4096;

bool is_unknown(const std::string& mark) {
  return mark.empty() || mark.find(" unknown=") != std::string::npos;
}

// A file: all but the number of its disk, which is another one after a boot.
std::string of_the_file(const std::string& mark) { return mark.substr(mark.find('/') + 1); }
// A disk: boot, number, and which of all disks, or partitions, of this boot.
std::string instance_of(const std::string& mark) {
  return mark.substr(0, std::min(mark.find(" of,"), mark.find(" written=")));
}
// What was written through it, and before that which partitions its disk has.
std::string own_count(const std::string& mark) {
  return mark.substr(mark.find(" written="), mark.find('+') - mark.find(" written="));
}
std::string without_counts(const std::string& mark) {
  return mark.substr(0, mark.find(" written="));
}

bool is_file(const std::string& mark) { return mark.starts_with("file="); }

std::optional<std::uint32_t> checksum(io::BlockDevice& device, io::AlignedBuffer& buffer,
                                      std::uint64_t offset, std::uint64_t length) {
  const std::uint64_t whole = io::round_up(length, device.alignment());
  if (device.read(offset, buffer.bytes().first(whole))) return std::nullopt;
  return io::crc32c(buffer.bytes().first(length));
}

io::AlignedBuffer buffer_for(const io::BlockDevice& device) {
  return io::AlignedBuffer(io::round_up(kMostOfRegion, device.alignment()));
}

bool touches(const io::DirtyBitmap& marked, const SampledPlace& place) {
  const std::uint64_t first = place.offset / marked.granularity();
  const std::uint64_t last = (place.offset + place.length - 1) / marked.granularity();
  const auto run = marked.next(first, 1);
  return run && run->first <= last;
}

class Places {
 public:
  explicit Places(std::uint64_t size) : size_(size) {}

  void add(std::uint64_t offset, std::uint64_t length) {
    if (offset < size_) places_.push_back({offset, std::min(length, size_ - offset)});
  }
  std::vector<io::Extent> take() { return std::move(places_); }

 private:
  const std::uint64_t size_;
  std::vector<io::Extent> places_;
};

}  // namespace

// --- marks ---

std::string write_mark(const std::string& path) noexcept {
  try {
    return io::write_fingerprint(io::probe(path));
  } catch (const std::exception&) {
    return "";
  }
}

Since compare_marks(const std::string& noted, const std::string& now) {
  if (is_unknown(noted) || is_unknown(now)) return Since::kUnknown;
  if (is_file(noted) != is_file(now)) return Since::kWrittenTo;
  if (is_file(noted))
    return of_the_file(noted) == of_the_file(now) ? Since::kUntouched : Since::kWrittenTo;
  if (instance_of(noted) != instance_of(now)) return Since::kUnknown;
  if (own_count(noted) != own_count(now)) return Since::kWrittenTo;
  if (without_counts(noted) != without_counts(now)) return Since::kUnknown;
  return noted == now ? Since::kUntouched : Since::kWrittenTo;
}

// --- samples ---

std::vector<io::Extent> places_to_sample(const io::DirtyBitmap& copied, std::uint64_t shift) {
  const std::uint64_t size = copied.size();
  Places places(size);
  for (std::uint64_t at = 0; at < kHead; at += kPart) places.add(at, kPart);
  const std::uint64_t step = std::max<std::uint64_t>(1, (copied.count() + kCopied - 1) / kCopied);
  std::uint64_t number = 0;
  for (auto run = copied.next(0, 1); run; run = copied.next(run->first + 1, 1))
    if (number++ % step == 0)
      places.add(run->first * copied.granularity(), std::min(copied.granularity(), kMostOfRegion));
  const std::uint64_t gap = std::max(kPlace, size / kAllOver / kPlace * kPlace);
  for (std::uint64_t at = shift % (gap / kPlace) * kPlace; at < size; at += gap)
    places.add(at, kPlace);
  places.add(size > kPart ? (size - kPart) / kPlace * kPlace : 0, kPart + kPlace);
  return places.take();
}

Sample take_sample(io::BlockDevice& device, const std::vector<io::Extent>& places) {
  io::AlignedBuffer buffer = buffer_for(device);
  Sample sample;
  for (const io::Extent& place : places)
    if (const auto found = checksum(device, buffer, place.offset, place.length))
      sample.push_back({place.offset, place.length, *found});
  return sample;
}

std::optional<std::uint64_t> find_change(io::BlockDevice& device, const Sample& sample,
                                         const io::DirtyBitmap& marked) {
  io::AlignedBuffer buffer = buffer_for(device);
  for (const SampledPlace& place : sample) {
    if (touches(marked, place)) continue;
    const auto found = checksum(device, buffer, place.offset, place.length);
    if (found && *found != place.checksum) return place.offset;
  }
  return std::nullopt;
}

nlohmann::json record_of(const Sample& sample) {
  nlohmann::json record = nlohmann::json::array();
  for (const SampledPlace& place : sample)
    record.push_back({place.offset, place.length, place.checksum});
  return record;
}

Sample restore_sample(const nlohmann::json& record) {
  Sample sample;
  for (const nlohmann::json& place : record)
    sample.push_back({place.at(0).get<std::uint64_t>(), place.at(1).get<std::uint64_t>(),
                      place.at(2).get<std::uint32_t>()});
  return sample;
}

}  // namespace dmjob::volumes
