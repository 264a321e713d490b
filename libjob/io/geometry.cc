// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/geometry.h"

namespace dmjob::io {

std::string geometry_fault(const ProbeResult& disk, const GeometryNeeds& needs) {
  if (disk.zoned)
    return "is a zoned disk, which cannot be written in any order: name one that is not";
  if (needs.written && disk.read_only) return "is read-only";
  if (disk.size < needs.bytes)
    return "is too small: " + std::to_string(disk.size) + " bytes, " + needs.bytes_of + " " +
           std::to_string(needs.bytes);
  if (needs.block != 0 && disk.logical_block_size > needs.block)
    return "has logical blocks of " + std::to_string(disk.logical_block_size) + " bytes, " +
           needs.block_of + " of " + std::to_string(needs.block) +
           ": it cannot take every write of " + needs.block_of;
  return "";
}

}  // namespace dmjob::io
