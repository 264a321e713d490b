// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Files whose room is taken ahead of its use, so that a write to them never meets a full file
// system. Three things are needed for that: an allocation that changes no byte (fallocate(2); what
// glibc does in its place reads and writes the blocks, beside a loop device that does so too), a
// file system that writes over a block where it lies, and a map that shows what is there.
//
// Thread: a worker; may block.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace dmjob::store {

// Sees to it that an empty file is written over in place: btrfs is told so (NOCOW), which must be
// before the first block. False: it is not, or nobody knows (ZFS, bcachefs, compression).
bool keep_in_place(int fd);

// Allocates [from, to), bytes, with what is there left as it is. 0, or an errno; EOPNOTSUPP: this
// file system cannot.
int allocate(int fd, std::uint64_t from, std::uint64_t to);
// True for those errors of it that more room would heal.
bool means_no_room(int error);

// Bytes from the start, `limit` at most, that have blocks of their own: no hole, and nothing that
// is shared or compressed, since a write to that takes another block. nullopt if the file system
// has no map of its files.
std::optional<std::uint64_t> bytes_in_place(int fd, std::uint64_t limit);

}  // namespace dmjob::store
