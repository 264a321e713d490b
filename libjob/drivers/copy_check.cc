// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy_check.h"

#include <sys/stat.h>

#include <algorithm>
#include <bit>
#include <filesystem>
#include <sstream>
#include <system_error>

#include "dm/mirror_log.h"
#include "dm/name.h"
#include "dm/targets.h"
#include "dm/topology/stateless.h"
#include "libjob/core/error.h"
#include "libjob/drivers/error_map_check.h"
#include "libjob/drivers/scratch_place.h"
#include "libjob/io/probe.h"
#include "libjob/store/scratch.h"

namespace dmjob::drivers {
namespace {

using core::Error;

io::ProbeResult probe_or_refuse(const std::string& path, const std::string& role) {
  try {
    return io::probe(path);
  } catch (const std::system_error& error) {
    throw Error(role + " " + path + ": " + error.code().message());
  }
}

std::string name_claim(const io::ProbeResult& what) {
  if (what.kind == io::Kind::kBlockDevice) return dm::print_dev(what.dev);
  return std::filesystem::canonical(what.path);
}

// A job's own use of a disk also looks like a holder; this says more.
void require_no_job(const CheckContext& context, const io::ProbeResult& what,
                    const std::string& shown) {
  const auto job = context.busy.find(name_claim(what));
  if (job != context.busy.end()) throw Error(shown + " is in use by job '" + job->second + "'");
}

// --- the source ---

std::string owner_of(const std::string& uuid) {
  if (uuid.starts_with("LVM-")) return "LVM";
  if (uuid.starts_with("CRYPT-")) return "cryptsetup";
  if (uuid.starts_with("mpath-")) return "multipath";
  return "another program";
}

struct Source {
  io::ProbeResult what;
  std::string volume;  // empty: offline
  bool managed = false;
  std::string owner;
};

// cryptsetup puts a key where it alone finds it, while it runs: such a table cannot be loaded
// again.
bool has_lost_key(const dm::Segment& segment) {
  std::istringstream words(segment.args);
  std::string cipher;
  std::string key;
  words >> cipher >> key;
  return segment.target == "crypt" && key.starts_with(':') &&
         key.find(":cryptsetup:") != std::string::npos;
}

// What the stack of a job would find out only when the job has begun.
void check_table(const dm::Table& table, const std::string& name) {
  const std::string stateful = dm::first_stateful_target(table);
  if (!stateful.empty())
    throw Error("volume '" + name + "' has a " + stateful +
                " target, which must not be active twice: it cannot be copied while in use");
  if (std::ranges::any_of(table.segments(), has_lost_key))
    throw Error("volume '" + name +
                "' has its key in a keyring that is gone: 'cryptsetup refresh "
                "--disable-keyring " +
                name + "' puts it into the table, then copy");
}

Source live_source(const std::string& name, const CheckContext& context) {
  if (!context.control)
    throw Error("volume '" + name + "': this kernel has no device-mapper (modprobe dm-mod)");
  auto device = context.control->find(name);
  if (!device)
    throw Error("Cannot find volume '" + name + "': 'dmjob volumes' and 'dmsetup ls' list them");
  if (device->uuid.starts_with(dm::kInnerUuidPrefix))
    throw Error("'" + name + "' is an inner device of a dmjob job: name its volume");
  if (device->suspended)
    throw Error("volume '" + name + "' is suspended: 'dmsetup resume " + name + "' first");
  if (device->read_only)
    throw Error("volume '" + name +
                "' is read-only: a volume that is copied live must be writable");
  Source source;
  source.what = probe_or_refuse(io::device_path(device->dev), "volume");
  require_no_job(context, source.what, "volume '" + name + "'");
  source.volume = name;
  auto ours = context.volumes.find(name);
  source.managed =
      ours != context.volumes.end() && device->uuid == dm::volume_uuid(ours->second.uuid);
  if (!source.managed) source.owner = owner_of(device->uuid);
  check_table(context.control->table(name), name);
  return source;
}

void require_idle(const io::ProbeResult& disk) {
  std::string user;
  if (!disk.mounted_on.empty())
    user = "mounted on " + disk.mounted_on.front();
  else if (!disk.holders.empty())
    user = "held by " + disk.holders.front();
  else if (disk.held_exclusively)
    user = "open exclusively";
  if (user.empty()) return;
  throw Error("source " + disk.path + " is in use (" + user +
              ") and not a device-mapper volume: release it once and put it under dmjob with "
              "'dmjob attach NAME " +
              disk.path + "', then copy NAME");
}

// Whoever writes through the loop device may not have written yet.
void require_idle_file(const io::ProbeResult& file) {
  if (!file.mounted_on.empty())
    throw Error("source " + file.path + " is in use (" + file.mounted_on.front() + ")");
  if (!file.holders.empty())
    throw Error("source " + file.path + " is in use (held by " + file.holders.front() +
                "): copy /dev/" + file.holders.front() + ", or detach that first");
}

Source find_source(const CopyRequest& request, const CheckContext& context) {
  if (request.source.find('/') == std::string::npos) return live_source(request.source, context);
  io::ProbeResult what = probe_or_refuse(request.source, "source");
  if (!what.dm_name.empty()) return live_source(what.dm_name, context);
  require_no_job(context, what, "source " + what.path);
  what.kind == io::Kind::kBlockDevice ? require_idle(what) : require_idle_file(what);
  return {.what = what, .volume = {}, .managed = false, .owner = {}};
}

// --- the target ---

[[noreturn]] void refuse_target(const io::ProbeResult& target, const std::string& why) {
  throw Error("target " + target.path + " " + why);
}

void check_use(const io::ProbeResult& target) {
  if (!target.mounted_on.empty())
    refuse_target(target, "is mounted on " + target.mounted_on.front() + ": unmount it");
  if (!target.holders.empty())
    refuse_target(target, "is held by " + target.holders.front() + ": release it");
  if (target.held_exclusively) refuse_target(target, "is in use: close what has it open");
  if (target.read_only) refuse_target(target, "is read-only");
}

bool lies_on(const io::ProbeResult& file, dev_t disk) {
  const std::vector<dev_t> below = io::stands_on(file.dev);
  return std::ranges::find(below, disk) != below.end();
}

void check_distinct(const io::ProbeResult& target, const io::ProbeResult& source) {
  const bool disks = target.kind == io::Kind::kBlockDevice && source.kind == target.kind;
  if (disks && io::overlaps(target.dev, source.dev))
    refuse_target(target, "is the same disk as the source, or lies on or under it");
  if (target.kind == io::Kind::kFile && source.kind == io::Kind::kFile &&
      target.dev == source.dev && target.inode == source.inode)
    refuse_target(target, "is the source itself");
  if (target.kind == io::Kind::kFile && source.kind == io::Kind::kBlockDevice &&
      lies_on(target, source.dev))
    refuse_target(target, "lies on the source");
}

void check_disk_target(const io::ProbeResult& target, const Source& source, bool force) {
  if (target.size < source.what.size)
    refuse_target(target, "is too small: " + std::to_string(target.size) +
                              " bytes, the source has " + std::to_string(source.what.size));
  if (target.logical_block_size > source.what.logical_block_size && source.what.kind == target.kind)
    refuse_target(target, "has logical blocks of " + std::to_string(target.logical_block_size) +
                              " bytes, the source of " +
                              std::to_string(source.what.logical_block_size) +
                              ": it cannot take every write of the source");
  if (!target.signature.empty() && !force)
    refuse_target(target, "carries a signature (" + target.signature + "): --force overwrites it");
}

// nullopt: a file that does not exist yet.
std::optional<io::ProbeResult> check_target(const CopyRequest& request, const Source& source,
                                            const CheckContext& context) {
  if (!request.target.starts_with('/'))
    throw Error("target '" + request.target + "' is not an absolute path");
  std::error_code ignored;
  const std::filesystem::path path = request.target;
  const bool exists = std::filesystem::exists(path, ignored);
  if (!source.volume.empty() && !std::filesystem::is_block_file(path, ignored))
    throw Error("target " + request.target + (exists ? " is not a disk" : " does not exist") +
                ": a volume in use is copied to a block device (losetup makes one of a file)");
  if (!exists) {
    if (request.must_exist) throw Error("target " + request.target + " does not exist");
    if (!std::filesystem::is_directory(path.parent_path(), ignored))
      throw Error("target " + request.target + ": there is no folder " +
                  path.parent_path().string());
    return std::nullopt;
  }
  io::ProbeResult target = probe_or_refuse(request.target, "target");
  require_no_job(context, target, "target " + target.path);
  check_distinct(target, source.what);
  check_use(target);
  if (target.kind == io::Kind::kBlockDevice)
    check_disk_target(target, source, request.force);
  else if (target.size > 0 && !request.force)
    refuse_target(target, "is a file that is not empty: --force overwrites it");
  return target;
}

// --- numbers ---

std::uint64_t pick_granularity(const CopyRequest& request, std::uint64_t size) {
  if (!request.granularity) return store::default_granularity(size);
  constexpr std::uint64_t kLeast = 4096;
  constexpr std::uint64_t kMost = 64 << 20;
  if (!std::has_single_bit(*request.granularity) || *request.granularity < kLeast ||
      *request.granularity > kMost)
    throw Error("granularity " + std::to_string(*request.granularity) +
                " is not a power of 2 from 4096 to 64M");
  if (*request.granularity > size)
    throw Error("granularity " + std::to_string(*request.granularity) +
                " is larger than the source (" + std::to_string(size) + " bytes)");
  return *request.granularity;
}

std::string default_id(const CopyRequest& request, const Source& source) {
  return source.volume.empty() ? std::filesystem::path(request.source).filename().string()
                               : source.volume;
}

std::vector<std::string> claims_of(const CopyPlan& plan, const Source& source,
                                   const std::optional<io::ProbeResult>& target) {
  std::vector<std::string> claims{name_claim(source.what),
                                  target ? name_claim(*target) : plan.target};
  if (plan.live()) claims.push_back(plan.volume);
  if (plan.scratch.kind == ScratchPlace::Kind::kDevice)
    claims.push_back(name_claim(io::probe(plan.scratch.path)));
  if (!plan.error_map.empty()) claims.push_back(error_map_claim(plan.error_map));
  return claims;
}

// A file counts as the disk of its file system.
std::vector<dev_t> disks_of(const CopyPlan& plan, const Source& source,
                            const std::optional<io::ProbeResult>& target) {
  std::vector<dev_t> disks{source.what.dev};
  if (target) disks.push_back(target->dev);
  struct stat scratch{};
  std::string path = plan.scratch.path;
  if (plan.scratch.kind == ScratchPlace::Kind::kFile)
    path = std::filesystem::path(path).parent_path();
  if (stat(path.c_str(), &scratch) == 0)
    disks.push_back(S_ISBLK(scratch.st_mode) ? scratch.st_rdev : scratch.st_dev);
  return disks;
}

void check_source(const Source& source, const CopyRequest& request) {
  if (source.what.size == 0) throw Error("source " + source.what.path + " is empty");
  if (!source.volume.empty() && source.what.size < 4096)
    throw Error("volume '" + source.volume + "' is smaller than 4096 bytes");
  if (request.will_pivot && source.volume.empty())
    throw Error("source " + source.what.path + " is not a volume: there is nothing to pivot");
  if (request.will_pivot && !source.managed)
    throw Error("volume '" + source.volume + "' belongs to " + source.owner +
                ", which would bring the old disk back at the next boot: it cannot be pivoted; "
                "copy it with --finish");
}

}  // namespace

CheckedCopy check_copy(const CopyRequest& request, const CheckContext& context) {
  const Source source = find_source(request, context);
  check_source(source, request);
  const auto target = check_target(request, source, context);
  if (request.error_map) check_error_map(request, context.busy);
  CheckedCopy checked;
  CopyPlan& plan = checked.plan;
  plan.uuid = volumes::new_uuid();
  plan.volume = source.volume;
  plan.source = source.volume.empty() ? request.source : "/dev/mapper/" + source.volume;
  plan.target = request.target;
  if (source.what.kind == io::Kind::kBlockDevice) plan.source_disk = io::identify_disk(plan.source);
  if (target && target->kind == io::Kind::kBlockDevice)
    plan.target_disk = io::identify_disk(request.target);
  plan.managed = source.managed;
  plan.owner = source.owner;
  plan.size = source.what.size;
  plan.granularity = pick_granularity(request, plan.size);
  plan.new_file = !target || target->kind == io::Kind::kFile;
  plan.speed = request.speed > 0 ? static_cast<std::uint64_t>(request.speed) : 0;
  plan.on_source_error = request.on_source_error;
  plan.on_target_error = request.on_target_error;
  plan.error_map = request.error_map.value_or("");
  const std::string& folder = plan.live() || !context.scratch_folder.empty()
                                  ? context.scratch_folder
                                  : context.state_folder;
  plan.scratch = choose_scratch({.path = request.scratch,
                                 .force = request.force,
                                 .bytes = scratch_bytes(plan),
                                 .folder = folder,
                                 .memory_folder = context.memory_folder,
                                 .file_name = "scratch-" + plan.uuid},
                                source.what, target);
  checked.default_id = default_id(request, source);
  checked.claims = claims_of(plan, source, target);
  if (plan.live()) checked.volume = source.what.dev;
  checked.disks = disks_of(plan, source, target);
  return checked;
}

void check_apart(const CheckedCopy& one, const CheckedCopy& other) {
  for (const auto& [upper, lower] : {std::pair(&one, &other), std::pair(&other, &one)}) {
    if (lower->volume == 0) continue;
    const auto stands_on_lower = [&](dev_t disk) {
      return std::ranges::count(io::stands_on(disk), lower->volume) > 0;
    };
    if (std::ranges::any_of(upper->disks, stands_on_lower))
      throw Error("a disk, target or scratch of the copy of " + upper->plan.source +
                  " stands on volume '" + lower->plan.volume +
                  "', so the two cannot be suspended together: copy them in two transactions");
  }
}

std::uint64_t regions(const CopyPlan& plan) {
  return (plan.size + plan.granularity - 1) / plan.granularity;
}

std::uint64_t log_bytes(const CopyPlan& plan) {
  return plan.live() ? dm::mirror_log_bytes(regions(plan)) : 0;
}

std::uint64_t scratch_bytes(const CopyPlan& plan) {
  return store::scratch_layout(plan.size, plan.granularity, log_bytes(plan)).total;
}

}  // namespace dmjob::drivers
