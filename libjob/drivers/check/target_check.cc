// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/target_check.h"

#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <vector>

#include "libjob/core/error.h"
#include "libjob/drivers/check/open_check.h"
#include "libjob/drivers/check/own_marks.h"
#include "libjob/io/disks_below.h"
#include "libjob/io/geometry.h"
#include "libjob/volumes/disk_users.h"

namespace dmjob::drivers {
namespace {

using core::Error;

[[noreturn]] void refuse_target(const io::ProbeResult& target, const std::string& why) {
  throw Error("target " + target.path + " " + why);
}

void check_use(const io::ProbeResult& target) {
  if (const auto user = volumes::user_of(target))
    refuse_target(target, "is " + user->how + ": " + user->cure);
}

void check_open(const io::ProbeResult& target, const TargetWish& wish,
                const CheckContext& context) {
  if (wish.force || wish.only_read || !wish.of_volume.empty() || !is_open(target, context)) return;
  refuse_target(target, "is open: close what has it open ('fuser -v " + target.path +
                            "' names it); --force overwrites it all the same");
}

// A file, or one that is to be made. Whoever writes to a live volume makes the job write to it
// again.
void check_ground(const std::string& path, const Source& source) {
  if (source.what.kind != io::Kind::kBlockDevice) return;
  const io::DisksBelow below = io::disks_below(path);
  if (std::ranges::find(below.disks, source.what.dev) != below.disks.end())
    throw Error("target " + path + " lies on the source");
  if (!source.volume.empty() && !below.unknown.empty())
    throw Error("target " + path + ": on which disks it lies cannot be told (" + below.unknown +
                "), perhaps on volume '" + source.volume + "' itself: name another target");
}

void check_distinct(const io::ProbeResult& target, const io::ProbeResult& source) {
  const bool disks = target.kind == io::Kind::kBlockDevice && source.kind == target.kind;
  if (disks && io::overlaps(target.dev, source.dev))
    refuse_target(target, "is the same disk as the source, or lies on or under it");
  if (target.kind == io::Kind::kFile && source.kind == io::Kind::kFile &&
      target.dev == source.dev && target.inode == source.inode)
    refuse_target(target, "is the source itself");
}

// A file grows as it is written; one that is only read is as large as it is.
void check_geometry(const io::ProbeResult& target, const io::ProbeResult& source, bool only_read) {
  const bool disks = target.kind == io::Kind::kBlockDevice && source.kind == target.kind;
  const bool grows = target.kind == io::Kind::kFile && !only_read;
  const std::string fault =
      io::geometry_fault(target, {.written = !only_read,
                                  .bytes = grows ? 0 : source.size,
                                  .bytes_of = "the source has",
                                  .block = disks && !only_read ? source.logical_block_size : 0,
                                  .block_of = "the source"});
  if (!fault.empty()) refuse_target(target, fault);
}

void check_disk_target(const io::ProbeResult& target, bool force, const CheckContext& context) {
  require_no_mark(target, "target " + target.path, force, 0, context);
  if (!target.signature.empty() && !force)
    refuse_target(target, "carries a signature (" + target.signature + "): --force overwrites it");
}

// Of a file that is to be made.
void check_folder(const std::filesystem::path& target, const Source& source) {
  const std::string folder = target.parent_path();
  struct stat facts{};
  if (stat(folder.c_str(), &facts) != 0 || !S_ISDIR(facts.st_mode))
    throw Error("target " + target.string() + ": there is no folder " + folder);
  check_ground(target, source);
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
    if (std::filesystem::is_symlink(path, ignored)) probe_or_refuse(wish.path, "target");
    if (wish.must_exist) throw Error("target " + wish.path + " does not exist");
    check_folder(path, source);
    return std::nullopt;
  }
  io::ProbeResult target = probe_or_refuse(wish.path, "target");
  check_distinct(target, source.what);
  if (target.kind == io::Kind::kFile) check_ground(target.path, source);
  require_untaken(context, {.role = "target", .path = target.path}, "target " + target.path,
                  wish.of_volume);
  check_use(target);
  check_open(target, wish, context);
  check_geometry(target, source.what, wish.only_read);
  if (wish.only_read) return target;
  if (target.kind == io::Kind::kBlockDevice)
    check_disk_target(target, wish.force, context);
  else if (target.size > 0 && !wish.force)
    refuse_target(target, "is a file that is not empty: --force overwrites it");
  return target;
}

}  // namespace dmjob::drivers
