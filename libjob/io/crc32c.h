// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The Castagnoli CRC (as in iSCSI, ext4 and btrfs). Thread: any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dmjob::io {

std::uint32_t crc32c(std::span<const std::byte> data);

}  // namespace dmjob::io
