// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/scratch_place.h"

#include <linux/magic.h>
#include <sys/vfs.h>

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "libjob/core/error.h"
#include "libjob/drivers/check/open_check.h"
#include "libjob/drivers/check/own_marks.h"
#include "libjob/io/disks_below.h"
#include "libjob/io/geometry.h"
#include "libjob/io/units.h"
#include "libjob/volumes/disk_users.h"

namespace dmjob::drivers {
namespace {

constexpr std::uint64_t kAlignment = 4096;

// Why a file in it would be no place; "" if there is no reason.
std::string fault_of_ground(const std::string& folder, const ScratchWish& wish,
                            const io::ProbeResult& source) {
  std::error_code missing;
  if (!std::filesystem::is_directory(folder, missing))
    return missing ? "is not there (" + missing.message() + ")" : "is not a folder";
  if (source.kind == io::Kind::kFile) return "";
  const io::DisksBelow below = io::disks_below(folder);
  if (std::ranges::find(below.disks, source.dev) != below.disks.end())
    return "lives on the source itself";
  if (!wish.waited_for || below.unknown.empty()) return "";
  return "may live on the source itself (" + below.unknown + ")";
}

[[noreturn]] void refuse(const std::string& path, const std::string& why) {
  throw core::Error("scratch " + path + " " + why + ": name another with --scratch");
}

void check_disk(const io::ProbeResult& disk, const ScratchWish& wish, const io::ProbeResult& source,
                const std::optional<io::ProbeResult>& target, const CheckContext& context) {
  if (source.kind == io::Kind::kBlockDevice && io::overlaps(disk.dev, source.dev))
    refuse(disk.path, "is the source, lies on it or under it");
  if (target && target->kind == io::Kind::kBlockDevice && io::overlaps(disk.dev, target->dev))
    refuse(disk.path, "is the target, lies on it or under it");
  require_untaken(context, {.role = "scratch", .path = disk.path}, "scratch " + disk.path);
  if (const auto user = volumes::user_of(disk)) refuse(disk.path, "is " + user->how);
  if (!wish.force && is_open(disk, context)) refuse(disk.path, "is open in a program");
  const std::string fault =
      io::geometry_fault(disk, {.bytes = wish.bytes, .block = wish.most_block});
  if (!fault.empty()) refuse(disk.path, fault);
  require_no_mark(disk, "scratch " + disk.path, wish.force, 0, context);
  if (!disk.signature.empty() && !wish.force)
    throw core::Error("scratch " + disk.path + " carries a signature (" + disk.signature +
                      "): --force overwrites it");
}

ScratchPlace in_folder(const std::string& folder, const ScratchWish& wish,
                       const io::ProbeResult& source) {
  if (const std::string fault = fault_of_ground(folder, wish, source); !fault.empty())
    refuse(folder, fault);
  if (std::filesystem::space(folder).available < wish.bytes)
    refuse(folder, "has no room: " + std::to_string(wish.bytes) + " bytes are needed");
  struct statfs fs{};
  const bool memory = statfs(folder.c_str(), &fs) == 0 && fs.f_type == TMPFS_MAGIC;
  return {memory ? ScratchPlace::Kind::kMemory : ScratchPlace::Kind::kFile,
          folder + "/" + wish.file_name, 0};
}

ScratchPlace given(const ScratchWish& wish, const io::ProbeResult& source,
                   const std::optional<io::ProbeResult>& target, const CheckContext& context) {
  const std::filesystem::path path = *wish.path;
  std::error_code ignored;
  if (std::filesystem::is_block_file(path, ignored)) {
    check_disk(io::probe(path), wish, source, target, context);
    return {ScratchPlace::Kind::kDevice, path, 0};
  }
  if (std::filesystem::is_directory(path, ignored)) return in_folder(path, wish, source);
  if (std::filesystem::is_symlink(path, ignored) && !std::filesystem::exists(path, ignored))
    refuse(path, "is a link that leads nowhere");
  if (std::filesystem::exists(path, ignored)) refuse(path, "is a file that exists already");
  ScratchPlace place = in_folder(path.parent_path(), wish, source);
  place.path = path;
  return place;
}

bool fits_in_tail(const ScratchWish& wish, const io::ProbeResult& source,
                  const std::optional<io::ProbeResult>& target) {
  return target && target->kind == io::Kind::kBlockDevice &&
         target->size >= io::round_up(source.size, kAlignment) + wish.bytes;
}

}  // namespace

ScratchPlace choose_scratch(const ScratchWish& wish, const io::ProbeResult& source,
                            const std::optional<io::ProbeResult>& target,
                            const CheckContext& context) {
  if (wish.path) return given(wish, source, target, context);
  if (fits_in_tail(wish, source, target)) {
    require_no_mark(*target, "target " + target->path, wish.force,
                    io::round_up(source.size, kAlignment), context);
    return {ScratchPlace::Kind::kTail, target->path, io::round_up(source.size, kAlignment)};
  }
  const std::string fault = wish.folder.empty() ? "" : fault_of_ground(wish.folder, wish, source);
  if (!wish.folder.empty() && fault.empty()) return in_folder(wish.folder, wish, source);
  if (wish.memory_folder.empty())
    throw core::Error("there is no place with room for what is written over meanwhile (" +
                      std::to_string(wish.bytes) + " bytes to begin with)" +
                      (fault.empty() ? "" : ", since " + wish.folder + " " + fault) +
                      ": name a disk or a folder with --scratch");
  return {ScratchPlace::Kind::kMemory, wish.memory_folder + "/" + wish.file_name, 0};
}

}  // namespace dmjob::drivers
