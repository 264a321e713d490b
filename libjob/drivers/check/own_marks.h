// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Scratch of ours on a disk that somebody means to overwrite. In the tail of a target it cannot be
// seen at the front, so it is looked for wherever one is known to be, or is about to be.
// Thread: a worker; may block. Errors: core::Error for the user.
#pragma once

#include <cstdint>
#include <string>

#include "libjob/drivers/check/check_context.h"
#include "libjob/io/probe.h"

namespace dmjob::drivers {

// shown: "target /dev/sdb". tail: where the tail of the disk begins, bytes; 0: it is not used.
// Throws if a superblock of ours is there and somebody known needs it, whatever the path said; if
// nobody does, unless force.
void require_no_mark(const io::ProbeResult& disk, const std::string& shown, bool force,
                     std::uint64_t tail, const CheckContext& context);

}  // namespace dmjob::drivers
