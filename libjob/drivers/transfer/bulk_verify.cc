// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How BulkCopy proves that the target holds what the source does: both are read past every cache of
// ours and compared.
#include <algorithm>
#include <cstring>
#include <stdexcept>
#include <string>

#include "libjob/drivers/transfer/bulk_copy.h"

namespace dmjob::drivers {
namespace {

constexpr std::uint64_t kUnit = io::CompareEngine::kUnit;
constexpr std::uint64_t kRecheckPart = 1 << 20;

}  // namespace

io::CompareEngine& BulkCopy::compare_engine() {
  if (!compare_engine_) {
    engine_.reset();  // its buffers are locked memory
    compare_engine_.emplace(*source_, *target_, control_, clock_);
  }
  return *compare_engine_;
}

BulkCopy::VerifyResult BulkCopy::verify_slice(core::Progress& progress, core::Duration time) {
  VerifyResult verified;
  if (!source_ || !target_) {
    verified.end = io::CopyEnd::kStopped;
    verified.left = unverified_.dirty_bytes();
    return verified;
  }
  Regions differing;
  const io::CompareEngine::Calls calls{
      [&](const io::Extent& extent) { note_difference(verified.differences, differing, extent); },
      [this](const io::CompareError& error) { return leave_out(error); }};
  io::CompareResult result =
      compare_engine().run(unverified_, progress, clock_.now() + time, calls);
  verified.end = result.end;
  verified.error = result.error;
  for (const io::CompareError& error : result.left_out)
    if (!bad_blocks_.holds(error.offset)) verified.unreadable.push_back(error);
  if (only_compare_) differing.clear();  // nobody writes: what differs, differs
  for (const auto& [region, places] : differing) {
    verified.suspects.push_back(places.hull());
    unverified_.set(region);
  }
  verified.left = unverified_.dirty_bytes();
  return verified;
}

bool BulkCopy::leave_out(const io::CompareError& error) const {
  if (only_compare_ && !error.at_source)
    return core::decide(on_target_error_, error.error) == core::ErrorAction::kIgnore;
  if (!error.at_source) return false;
  return bad_blocks_.holds(error.offset) ||
         core::decide(on_source_error_, error.error) == core::ErrorAction::kIgnore;
}

// What is given up is zeroes on the target, whatever the source tells by now.
std::vector<io::Extent> BulkCopy::not_bad(const io::Extent& extent) const {
  std::vector<io::Extent> parts;
  for (std::uint64_t at = extent.offset; at < extent.offset + extent.length; at += kUnit) {
    if (bad_blocks_.holds(at)) continue;
    const std::uint64_t length = std::min(kUnit, extent.offset + extent.length - at);
    if (!parts.empty() && parts.back().offset + parts.back().length == at)
      parts.back().length += length;
    else
      parts.push_back({at, length});
  }
  return parts;
}

void BulkCopy::note_difference(io::Differences& differences, Regions& differing,
                               const io::Extent& extent) const {
  for (const io::Extent& part : not_bad(extent)) {
    differences.add(part);
    differing[part.offset / unverified_.granularity()].add(part);
  }
}

void BulkCopy::hand_over_dirty() {
  unverified_.add(dirty_);
  dirty_.clear_all();
}

// --- once more ---

void BulkCopy::prepare_recheck(const std::vector<io::Extent>& suspects) {
  for (const io::Extent& suspect : suspects)
    if (!is_in_a_region(suspect))
      throw std::logic_error("what is to be read again, " + std::to_string(suspect.length) +
                             " bytes at byte " + std::to_string(suspect.offset) +
                             ", is not within a region of the disk");
  for (io::AlignedBuffer& buffer : recheck_buffers_)
    if (buffer.size() == 0) buffer = io::AlignedBuffer(kRecheckPart);
}

bool BulkCopy::is_in_a_region(const io::Extent& extent) const {
  const std::uint64_t region = extent.offset / unverified_.granularity();
  if (region >= unverified_.regions()) return false;
  const std::uint64_t before = extent.offset % unverified_.granularity();
  const std::uint64_t bytes = unverified_.region_bytes(region);
  return extent.length > 0 && before < bytes && extent.length <= bytes - before;
}

bool BulkCopy::recheck(std::vector<io::Extent>& suspects, std::uint64_t most,
                       io::Differences& found) {
  if (!source_ || !target_) return false;
  prepare_recheck(suspects);
  bool readable = true;
  for (io::Extent& suspect : suspects) {
    bool equal = true;
    while (equal && suspect.length > 0 && most > 0) {
      const io::Extent part = first_part(suspect, most);
      const io::Extent read = whole_blocks(part);
      const std::optional<bool> looked = is_equal(part, read, found);
      readable = readable && looked;
      equal = looked.value_or(false);
      if (equal) suspect = {suspect.offset + part.length, suspect.length - part.length};
      most -= std::min(most, read.length);
    }
    if (suspect.length == 0) unverified_.clear((suspect.offset - 1) / unverified_.granularity());
  }
  std::erase_if(suspects, [](const io::Extent& suspect) { return suspect.length == 0; });
  return readable;
}

std::uint64_t BulkCopy::block() const {
  return std::max(source_->alignment(), target_->alignment());
}

// What fits into the buffers, whole blocks around it included.
io::Extent BulkCopy::first_part(const io::Extent& extent, std::uint64_t most) const {
  const std::uint64_t ahead = extent.offset - io::round_down(extent.offset, block());
  return {extent.offset, std::min({extent.length, most, kRecheckPart - ahead})};
}

io::Extent BulkCopy::whole_blocks(const io::Extent& part) const {
  const std::uint64_t begin = io::round_down(part.offset, block());
  return {begin, io::round_up(end_of(part), block()) - begin};
}

// read: the blocks around the part. nullopt: a side could not be read.
std::optional<bool> BulkCopy::is_equal(const io::Extent& part, const io::Extent& read,
                                       io::Differences& found) {
  auto& [source, target] = recheck_buffers_;
  if (source_->read(read.offset, source.bytes().first(read.length))) return std::nullopt;
  if (target_->read(read.offset, target.bytes().first(read.length))) return std::nullopt;
  bool equal = true;
  for (std::uint64_t at = part.offset; at < part.offset + part.length; at += kUnit) {
    const std::uint64_t bytes = std::min(kUnit, part.offset + part.length - at);
    const std::uint64_t in_buffer = at - read.offset;
    if (std::memcmp(&source.data()[in_buffer], &target.data()[in_buffer], bytes) == 0) continue;
    if (bad_blocks_.holds(at)) continue;
    found.add({at, bytes});
    equal = false;
  }
  return equal;
}

}  // namespace dmjob::drivers
