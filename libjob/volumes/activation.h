// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Makes and removes the devices of managed volumes. Thread: a worker; each may block.
// Errors: core::Error, one line for the user; std::system_error of the kernel.
#pragma once

#include <string>

#include "dm/control.h"
#include "dm/suspend_guard.h"
#include "libjob/io/probe.h"
#include "libjob/volumes/volume.h"

namespace dmjob::volumes {

// Throws if no volume can be called so.
void check_free_name(dm::Control& control, const std::string& name);
// Checks that the disk is free and of a usable size; returns the volume to be, nothing changed.
ManagedVolume plan_attach(dm::Control& control, const std::string& name, const std::string& device);
// What the volume lives on, by decision. Throws if it is not there, or is another disk or smaller.
io::ProbeResult disk_of(const ManagedVolume& volume);
// The device that activate() makes. Its disk must not be in use otherwise.
dm::NewDevice device_of(const ManagedVolume& volume);
// Creates the volume's device over its disk (over pivot_to, if a pivot was decided). No effect if
// it is there already; then its uuid must be ours. One with an overlay gets what its stage says;
// false: that overlay is over, and was taken away.
bool activate(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume);
// About one that is called `name` by now: what to do.
std::string renamed_in_words(const ManagedVolume& volume, const std::string& name);
// True if its device is linear on the disk at `path`, from the start.
bool lives_on(dm::Control& control, const ManagedVolume& volume, const std::string& path);
// Removes the device, and its tracker. Refuses while it stays open.
void deactivate(dm::Control& control, dm::Ledger& ledger, const ManagedVolume& volume);

}  // namespace dmjob::volumes
