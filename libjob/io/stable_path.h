// SPDX-License-Identifier: LGPL-2.1-or-later
//
// By which name a disk is found after a boot. Thread: a worker; may block, but opens no disk.
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>

namespace dmjob::io {

// The link to a disk that survives reboots (/dev/disk/by-id, by-path), or the path itself.
std::string stable_path(const std::string& path);

// A link that survives reboots, `path`, its node or a dm device's name, that leads to that very
// disk now; nullopt if none does. Never a link by what the disk holds.
std::optional<std::string> lasting_path(dev_t disk, const std::string& path);

}  // namespace dmjob::io
