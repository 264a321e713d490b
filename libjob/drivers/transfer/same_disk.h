// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether a path leads to what it led to before, and whether that was left alone.
// Thread: a worker; may block. Errors: core::Error for the user, std::system_error.
#pragma once

#include <string>

#include "libjob/io/disk_identity.h"

namespace dmjob::drivers {

// what: "source /dev/sdb". before: empty for a file, of which nothing is known. Returns what the
// disk is now, empty for a file. Throws Error.
io::DiskIdentity require_same_disk(const std::string& what, const io::DiskIdentity& before,
                                   const std::string& path);

// io::write_fingerprint() of what is there now.
std::string fingerprint_of(const std::string& path);
// Somebody has written to it since that fingerprint was taken. Where nobody counts the writes, two
// looks always differ and tell nothing.
bool was_written_to(const std::string& path, const std::string& fingerprint);

}  // namespace dmjob::drivers
