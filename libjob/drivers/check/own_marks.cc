// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/own_marks.h"

#include <algorithm>
#include <optional>
#include <system_error>
#include <vector>

#include "libjob/core/error.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "libjob/store/superblock.h"

namespace dmjob::drivers {
namespace {

// A scratch has two copies, of which one may be torn.
std::vector<std::uint64_t> places(std::uint64_t tail, const CheckContext& context) {
  std::vector<std::uint64_t> starts{0, tail};
  for (const Holding& holder : context.taken)
    for (const Mark& mark : holder.marks) starts.push_back(mark.offset);
  std::ranges::sort(starts);
  const auto twice = std::ranges::unique(starts);
  starts.erase(twice.begin(), twice.end());
  std::vector<std::uint64_t> all;
  for (const std::uint64_t start : starts) {
    all.push_back(start);
    all.push_back(start + store::kSuperblockBytes);
  }
  return all;
}

std::optional<std::string> uuid_at(io::BlockDevice& disk, std::uint64_t offset) {
  io::AlignedBuffer block(store::kSuperblockBytes);
  if (offset + block.bytes().size() > disk.size() || disk.read(offset, block.bytes()))
    return std::nullopt;
  const auto superblock = store::decode(block.bytes());
  return superblock ? std::optional(superblock->job_uuid) : std::nullopt;
}

std::string owner_of(const std::string& uuid, const CheckContext& context) {
  for (const Holding& holder : context.taken)
    if (std::ranges::any_of(holder.marks, [&](const Mark& mark) { return mark.uuid == uuid; }))
      return holder.owner;
  return "";
}

void refuse(const std::string& shown, const std::string& owner, bool force) {
  if (!owner.empty())
    throw core::Error(shown + " holds the scratch of " + owner +
                      ", and perhaps the only copy of what was written: name another disk");
  if (!force)
    throw core::Error(shown + " carries a signature (a scratch of dmjob): --force overwrites it");
}

}  // namespace

void require_no_mark(const io::ProbeResult& disk, const std::string& shown, bool force,
                     std::uint64_t tail, const CheckContext& context) {
  if (disk.kind != io::Kind::kBlockDevice) return;
  const auto device = io::open_device(disk.path, io::Access::kRead);
  for (const std::uint64_t offset : places(tail, context))
    if (const auto uuid = uuid_at(*device, offset)) refuse(shown, owner_of(*uuid, context), force);
}

}  // namespace dmjob::drivers
