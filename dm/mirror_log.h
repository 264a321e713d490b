// SPDX-License-Identifier: LGPL-2.1-or-later
//
// dm-mirror's disk log as bytes: written before a table is resumed, read after it is suspended.
//
// Layout (kernel drivers/md/dm-log.c, struct log_header_disk, all little-endian): magic "MiRr" u32,
// version 2 u32, number of regions u64; from byte 1024 on one bit a region, 1 = in sync, lowest bit
// of the lowest byte first. Bits behind the last region are padding, written as 1.
//
// The caller does the I/O (libjob/store/scratch.h). Thread: any (pure functions).
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

namespace dmjob::dm {

// Bytes of a log of that many regions, rounded up to 4096, as the kernel wants its device to be.
std::size_t mirror_log_bytes(std::uint64_t regions);

// Writes header and padding into `log`, with every region in sync (true) or none (false).
// Precondition: log.size() == mirror_log_bytes(regions).
void format_mirror_log(std::span<std::byte> log, std::uint64_t regions, bool in_sync);

// Marks one region out of sync in a formatted log.
void mark_region(std::span<std::byte> log, std::uint64_t region);

// True if the header is that of a log of `regions` regions.
bool valid_mirror_log(std::span<const std::byte> log, std::uint64_t regions);

// The bit area, one bit a region, 1 = in sync; the last byte's bits behind the last region mean
// nothing (the kernel clears them). Precondition: valid_mirror_log().
std::span<const std::byte> mirror_log_bits(std::span<const std::byte> log, std::uint64_t regions);

}  // namespace dmjob::dm
