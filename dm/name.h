// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Names and UUIDs of what dmjob makes. Cleanup and recovery match on the UUID and touch nothing
// else. Thread: any (values).
#pragma once

#include <string>
#include <string_view>

namespace dmjob::dm {

inline constexpr std::string_view kInnerUuidPrefix = "DMJOB-";    // hidden devices
inline constexpr std::string_view kVolumeUuidPrefix = "DMJOBV-";  // managed volumes

// "dmjob-JOB-PART", e.g. inner_name("j1", "wr").
std::string inner_name(std::string_view job, std::string_view part);
// "DMJOB-UUID-PART"; uuid is the job's own, so that an old job's leftover is never taken for ours.
std::string inner_uuid(std::string_view uuid, std::string_view part);
// "DMJOBV-UUID".
std::string volume_uuid(std::string_view uuid);

// True for the names that inner_name() makes. Volumes never have one (check_volume_name()).
bool is_inner_name(std::string_view name);

// A volume's name: 1..100 of letters, digits and `-._+`, not starting with '-' or '.', and not one
// of our inner names or device-mapper's own. Returns "" or what is wrong with it, as the end of a
// sentence.
std::string check_volume_name(std::string_view name);

}  // namespace dmjob::dm
