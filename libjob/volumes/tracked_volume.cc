// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/tracked_volume.h"

#include <exception>

#include "dm/name.h"
#include "dm/step.h"
#include "libjob/core/error.h"
#include "libjob/io/block_device.h"
#include "libjob/io/probe.h"
#include "libjob/volumes/activation.h"
#include "libjob/volumes/late_disks.h"
#include "libjob/volumes/tracker.h"

namespace dmjob::volumes {
namespace {

using core::Error;

// What has been written to a disk in this boot, before the volume was there, has no marks. Of
// earlier boots nothing is known here: the backup itself looks (drivers/backup/chain_check.h).
void require_untouched(const ManagedVolume& volume) {
  const auto sectors = io::sectors_changed(io::probe(volume.device).dev);
  if (!sectors)
    throw Error("the kernel does not count what is written to " + volume.device +
                " (queue/iostats)");
  if (*sectors > 0)
    throw Error(volume.device + " was written to before the volume was active (" +
                std::to_string(*sectors) + " sectors)");
}

void take_up(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume) {
  const bool is_there = control.find(volume.name).has_value();
  if (!is_there) require_untouched(volume);
  Tracker tracker(control, ledger, volume, Tracker::How::kOpen);
  if (!is_there) {
    require_as_sampled(volume, tracker.changed());
    tracker.activate();
  } else if (!tracker.take_up()) {
    throw Error("the volume was active without its tracker");
  }
}

}  // namespace

ScratchIsLate::ScratchIsLate(const ManagedVolume& volume)
    : Error("scratch " + volume.tracking->scratch.path +
            " of its chain of incremental backups is not there: it is waited for, then the volume "
            "comes up without its chain") {}

void require_as_sampled(const ManagedVolume& volume, const io::DirtyBitmap& marked) {
  const auto disk = io::open_device(volume.device, io::Access::kRead);
  const auto place = find_change(*disk, volume.tracking->sample, marked);
  if (place)
    throw Error(volume.device +
                " was written to past its volume, by another system perhaps: byte " +
                std::to_string(*place) + " is not what the last backup has, and no mark tells why");
}

std::string activate_tracked(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume,
                             IfScratchIsLate if_late) {
  std::string broken = volume.tracking->broken;
  dm::remove_if_half_made(control, volume.name, dm::volume_uuid(volume.uuid));
  if (!volume.tracking->is_broken()) {
    disk_of(volume);  // without its disk it is not active, and not broken either
    const bool late = !is_there(volume.tracking->scratch.path);
    if (late && if_late == IfScratchIsLate::kWait && !control.find(volume.name))
      throw ScratchIsLate(volume);
    try {
      take_up(control, ledger, volume);
      return "";
    } catch (const std::exception& error) {
      broken = error.what();
    }
  }
  activate(control, ledger, volume);
  return broken;
}

}  // namespace dmjob::volumes
