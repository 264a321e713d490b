// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/taken.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <optional>
#include <system_error>

#include "libjob/core/error.h"
#include "libjob/drivers/check/check_context.h"
#include "libjob/io/disk_search.h"
#include "libjob/io/disks_below.h"
#include "libjob/io/fd.h"
#include "libjob/io/loop_device.h"
#include "libjob/io/probe.h"
#include "libjob/io/sysfs.h"

namespace dmjob::drivers {
namespace {

using core::Error;
using Devices = std::vector<dev_t>;

bool contains(const Devices& devices, dev_t dev) {
  return std::ranges::find(devices, dev) != devices.end();
}

// --- where something is now ---

struct Place {
  Devices disks;     // the numbers of a disk; none: a file, or it is not there
  std::string file;  // which one: its own, or that below a loop device
  std::string path;  // links resolved; of a file
};

std::string file_word(std::uint64_t dev, std::uint64_t inode) {
  return std::to_string(dev) + " " + std::to_string(inode);
}

// Asked of a loop device only: dm passes the question on to what is below.
std::string file_below(const std::string& path, dev_t disk) {
  if (io::sysfs::first_line(io::sysfs::folder(disk) + "/loop/backing_file").empty()) return "";
  const io::Fd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  const auto info = fd ? io::loop_info(fd.get()) : std::nullopt;
  return info ? file_word(info->lo_device, info->lo_inode) : "";
}

bool is_surely_another(const Use& use) {
  try {
    return io::is_another_disk(use.disk, use.path);
  } catch (const std::system_error&) {
    return true;
  }
}

Place find_place(const Use& use, io::PresentDisks& present) {
  Place place{.disks = present.find(use.disk), .file = {}, .path = {}};
  struct stat facts{};
  const bool is_there = stat(use.path.c_str(), &facts) == 0;
  if (is_there && S_ISBLK(facts.st_mode)) {
    if (is_surely_another(use)) return place;
    if (!contains(place.disks, facts.st_rdev)) place.disks.push_back(facts.st_rdev);
    place.file = file_below(use.path, facts.st_rdev);
    return place;
  }
  std::error_code ignored;
  place.path = std::filesystem::weakly_canonical(use.path, ignored);
  if (is_there) place.file = file_word(facts.st_dev, facts.st_ino);
  return place;
}

// The disks that I/O to it ends on, itself included.
io::DisksBelow all_below(const Use& use, const Place& place) {
  if (place.disks.empty()) return place.path.empty() ? io::DisksBelow{} : io::disks_below(use.path);
  io::DisksBelow all;
  for (const dev_t top : place.disks) {
    const io::DisksBelow below = io::disks_below(top);
    all.disks.insert(all.disks.end(), below.disks.begin(), below.disks.end());
    if (all.unknown.empty()) all.unknown = below.unknown;
  }
  return all;
}

// --- whether two are the same ---

// volume: of the second's holder. What stands on its disk through it is a use of the volume, which
// is there for that.
bool disks_collide(const Use& one, dev_t a, const Use& other, dev_t b, dev_t volume) {
  if (a == b) return true;
  if (one.live || other.live) return false;
  return contains(io::stands_on(b), a) || contains(io::disks_below(a, volume).disks, b);
}

bool files_collide(const Place& a, const Place& b) {
  if (!a.path.empty() && a.path == b.path) return true;
  const bool one_is_file = a.disks.empty() || b.disks.empty();
  return one_is_file && !a.file.empty() && a.file == b.file;
}

bool collide(const Use& one, const Place& a, const Use& other, const Place& b, dev_t volume) {
  if (one.shared && other.shared) return false;
  if (files_collide(a, b)) return true;
  return std::ranges::any_of(a.disks, [&](dev_t mine) {
    return std::ranges::any_of(
        b.disks, [&](dev_t theirs) { return disks_collide(one, mine, other, theirs, volume); });
  });
}

dev_t number_of(const CheckContext& context, const std::string& volume) {
  if (volume.empty() || !context.control) return 0;
  const auto device = context.control->find(volume);
  return device ? device->dev : 0;
}

// "job 'j1'", but "volume 'vol' (its scratch)".
std::string in_words(const Holding& holder, const Use& use) {
  return holder.owner.starts_with("job ") ? holder.owner : holder.owner + " (its " + use.role + ")";
}

void require_untaken_now(const CheckContext& context, const Use& use, const std::string& shown,
                         const std::string& but_volume, io::PresentDisks& present) {
  const Place place = find_place(use, present);
  for (const Holding& holder : context.taken) {
    if (!but_volume.empty() && holder.volume == but_volume) continue;
    const dev_t volume = number_of(context, holder.volume);
    for (const Use& theirs : holder.uses)
      if (collide(use, place, theirs, find_place(theirs, present), volume))
        throw Error(shown + " is in use by " + in_words(holder, theirs));
  }
}

// --- who waits for whom ---

// A volume whose writes wait for disks.
struct Waiting {
  const Holding* holder = nullptr;
  dev_t volume = 0;
  Devices disks;
};

Devices waits_for(const Holding& holding, dev_t volume, io::PresentDisks& present) {
  Devices all = io::stands_on(volume);
  for (const Use& use : holding.uses) {
    if (!use.waits) continue;
    const Devices below = all_below(use, find_place(use, present)).disks;
    all.insert(all.end(), below.begin(), below.end());
  }
  return all;
}

std::vector<Waiting> all_waiting(const CheckContext& context, io::PresentDisks& present) {
  std::vector<Waiting> all;
  for (const Holding& holding : context.taken)
    if (const dev_t volume = number_of(context, holding.volume))
      all.push_back({&holding, volume, waits_for(holding, volume, present)});
  return all;
}

// From `disks` on, over the volumes that wait: the one whose writes wait for `end`.
const Waiting* find_circle(Devices disks, dev_t end, const std::vector<Waiting>& waiting) {
  for (std::size_t at = 0; at < disks.size(); ++at) {
    for (const Waiting& next : waiting) {
      if (next.volume != disks[at] || next.volume == end) continue;
      if (contains(next.disks, end)) return &next;
      for (const dev_t disk : next.disks)
        if (!contains(disks, disk)) disks.push_back(disk);
    }
  }
  return nullptr;
}

[[noreturn]] void refuse_unknown(const Use& use, const std::string& why) {
  throw Error(use.role + " " + use.path + ": on which disks it lies cannot be told (" + why +
              "), perhaps on the volume itself, whose writes would wait for it: name another " +
              use.role);
}

[[noreturn]] void refuse_circle(const Holding& holding, const Use& use, const Waiting& other) {
  throw Error(use.role + " " + use.path + " depends on volume '" + other.holder->volume +
              "', whose writes wait for volume '" + holding.volume + "' (" + other.holder->owner +
              "): each would wait for the other for ever; name another " + use.role);
}

}  // namespace

void require_untaken(const CheckContext& context, const Use& use, const std::string& shown,
                     const std::string& but_volume) {
  io::PresentDisks present;
  require_untaken_now(context, use, shown, but_volume, present);
}

void require_no_circle(const CheckContext& context, const Holding& holding) {
  const dev_t volume = number_of(context, holding.volume);
  io::PresentDisks present;
  const auto waiting = volume == 0 ? std::vector<Waiting>() : all_waiting(context, present);
  for (const Use& use : holding.uses) {
    if (!use.waits || use.live) continue;
    io::DisksBelow below = all_below(use, find_place(use, present));
    // The disk of a volume is not chosen: its data is there.
    if (!below.unknown.empty() && use.role != "disk") refuse_unknown(use, below.unknown);
    if (const Waiting* const other = find_circle(std::move(below.disks), volume, waiting))
      refuse_circle(holding, use, *other);
  }
}

void require_untaken(const CheckContext& context, const Footprint& footprint) {
  io::PresentDisks present;
  const std::string own = footprint.works_on_own ? footprint.volume : "";
  for (const Use& use : footprint.uses)
    require_untaken_now(context, use, use.role + " " + use.path, own, present);
  require_no_circle(context, {.owner = {}, .volume = footprint.volume, .uses = footprint.uses});
}

}  // namespace dmjob::drivers
