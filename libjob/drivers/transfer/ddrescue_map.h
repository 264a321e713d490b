// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What was copied, what could not be read and what was not tried, as a mapfile of GNU ddrescue
// (its manual, "Mapfile structure"), so that ddrescue can go on where a copy gave up.
// Thread: any (pure function).
#pragma once

#include <string>
#include <vector>

#include "libjob/io/copy_engine.h"
#include "libjob/io/dirty_bitmap.h"

namespace dmjob::drivers {

// The whole source, in contiguous blocks: "-" for what is in `bad` (by place, apart), "?" for the
// rest of what is in `pending`, "+" for all else. `about` becomes a comment.
std::string format_rescue_map(const std::string& about, const io::DirtyBitmap& pending,
                              const std::vector<io::CopyError>& bad);

}  // namespace dmjob::drivers
