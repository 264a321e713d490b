// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/target_check.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "libjob/core/error.h"
#include "libjob/drivers/own_marks.h"

namespace dmjob::drivers {
namespace {

using core::Error;

[[noreturn]] void refuse_target(const io::ProbeResult& target, const std::string& why) {
  throw Error("target " + target.path + " " + why);
}

void check_use(const io::ProbeResult& target) {
  if (!target.mounted_on.empty())
    refuse_target(target, "is mounted on " + target.mounted_on.front() + ": unmount it");
  if (!target.holders.empty())
    refuse_target(target, "is held by " + target.holders.front() + ": release it");
  if (target.held_exclusively) refuse_target(target, "is in use: close what has it open");
}

bool lies_on(dev_t file_system, const io::ProbeResult& source) {
  if (source.kind != io::Kind::kBlockDevice) return false;
  const std::vector<dev_t> below = io::stands_on(file_system);
  return std::ranges::find(below, source.dev) != below.end();
}

void check_distinct(const io::ProbeResult& target, const io::ProbeResult& source) {
  const bool disks = target.kind == io::Kind::kBlockDevice && source.kind == target.kind;
  if (disks && io::overlaps(target.dev, source.dev))
    refuse_target(target, "is the same disk as the source, or lies on or under it");
  if (target.kind == io::Kind::kFile && source.kind == io::Kind::kFile &&
      target.dev == source.dev && target.inode == source.inode)
    refuse_target(target, "is the source itself");
  if (target.kind == io::Kind::kFile && lies_on(target.dev, source))
    refuse_target(target, "lies on the source");
}

void check_size(const io::ProbeResult& target, const io::ProbeResult& source) {
  if (target.size < source.size)
    refuse_target(target, "is too small: " + std::to_string(target.size) +
                              " bytes, the source has " + std::to_string(source.size));
}

void check_disk_target(const io::ProbeResult& target, const Source& source, bool force,
                       const CheckContext& context) {
  check_size(target, source.what);
  if (target.logical_block_size > source.what.logical_block_size && source.what.kind == target.kind)
    refuse_target(target, "has logical blocks of " + std::to_string(target.logical_block_size) +
                              " bytes, the source of " +
                              std::to_string(source.what.logical_block_size) +
                              ": it cannot take every write of the source");
  require_no_mark(target, "target " + target.path, force, 0, context);
  if (!target.signature.empty() && !force)
    refuse_target(target, "carries a signature (" + target.signature + "): --force overwrites it");
}

// Of a file that is to be made.
void check_folder(const std::filesystem::path& target, const io::ProbeResult& source) {
  const std::string folder = target.parent_path();
  struct stat facts{};
  if (stat(folder.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode))
    throw Error("target " + target.string() + ": there is no folder " + folder);
  if (lies_on(facts.st_dev, source))
    throw Error("target " + target.string() + " lies on the source");
}

}  // namespace

std::optional<io::ProbeResult> check_target(const TargetWish& wish, const Source& source,
                                            const CheckContext& context) {
  if (!wish.path.starts_with('/'))
    throw Error("target '" + wish.path + "' is not an absolute path");
  std::error_code ignored;
  const std::filesystem::path path = wish.path;
  const bool exists = std::filesystem::exists(path, ignored);
  if (wish.disk_only && !std::filesystem::is_block_file(path, ignored))
    throw Error("target " + wish.path + (exists ? " is not a disk" : " does not exist") +
                ": a volume in use is copied to a block device (losetup makes one of a file)");
  if (!exists) {
    if (wish.must_exist) throw Error("target " + wish.path + " does not exist");
    check_folder(path, source.what);
    return std::nullopt;
  }
  io::ProbeResult target = probe_or_refuse(wish.path, "target");
  check_distinct(target, source.what);
  require_untaken(context, {.role = "target", .path = target.path}, "target " + target.path,
                  wish.of_volume);
  check_use(target);
  if (target.read_only && !wish.only_read) refuse_target(target, "is read-only");
  if (wish.only_read)
    check_size(target, source.what);
  else if (target.kind == io::Kind::kBlockDevice)
    check_disk_target(target, source, wish.force, context);
  else if (target.size > 0 && !wish.force)
    refuse_target(target, "is a file that is not empty: --force overwrites it");
  return target;
}

}  // namespace dmjob::drivers
