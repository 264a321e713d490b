// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What is noted of a chain's target when a backup has ended, so that the next one can tell whether
// somebody else has written to it, or to the volume's disk, in between:
//
//   a mark    the kernel's count of what was written to a disk, which means something within one
//             boot, as long as the disk is not taken away; inode, size and times of a file. What is
//             written past a partition cannot be told if another one was made or deleted meanwhile
//   a sample  checksums of places: where file systems have what each mount changes; what the last
//             backup has copied, which an older image has otherwise; places all over
//
// Thread: a worker; may block. Errors: std::system_error, where nothing else is said.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "libjob/io/block_device.h"
#include "libjob/io/copy_plan.h"
#include "libjob/io/dirty_bitmap.h"

namespace dmjob::volumes {

// --- marks ---

// The mark of the disk or file that a path leads to. "" if that cannot be told.
std::string write_mark(const std::string& path) noexcept;

enum class Since { kUntouched, kWrittenTo, kUnknown };
Since compare_marks(const std::string& noted, const std::string& now);

// --- samples ---

struct SampledPlace {
  std::uint64_t offset = 0;
  std::uint64_t length = 0;
  std::uint32_t checksum = 0;
  bool operator==(const SampledPlace&) const = default;
};
using Sample = std::vector<SampledPlace>;

// Which places: `copied` is what the backup has copied; `shift` (any number) moves those all over,
// so that each sample has others.
std::vector<io::Extent> places_to_sample(const io::DirtyBitmap& copied, std::uint64_t shift);
// What cannot be read is left out.
Sample take_sample(io::BlockDevice& device, const std::vector<io::Extent>& places);
// Where the device is not what the sample says. Places that touch a region of `marked` are passed
// over, and so is what cannot be read. nullopt: nowhere.
std::optional<std::uint64_t> find_change(io::BlockDevice& device, const Sample& sample,
                                         const io::DirtyBitmap& marked);

nlohmann::json record_of(const Sample& sample);
Sample restore_sample(const nlohmann::json& record);

}  // namespace dmjob::volumes
