// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Volumes that are not active because a disk is missing, or is not theirs: whether it is worth
// another try. Thread: a worker; may block, but opens no disk.
#pragma once

#include <string>

#include "libjob/volumes/volume.h"

namespace dmjob::volumes {

// True if a path leads to a disk that holds something, or to a file.
bool is_there(const std::string& path);

// A text that changes whenever one of the volume's paths leads to something else: its disk, its
// cow, the scratch of its tracker.
std::string path_signature(const ManagedVolume& volume);

}  // namespace dmjob::volumes
