// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether a disk is such that it can have a role. The physical block size is no obstacle: the
// kernel reads and writes again what is smaller, as it did for the file system before.
// Thread: any. Nothing is asked of the disk.
#pragma once

#include <cstdint>
#include <string>

#include "libjob/io/probe.h"

namespace dmjob::io {

struct GeometryNeeds {
  bool written = true;
  std::uint64_t bytes = 4096;
  std::string bytes_of = "needed are";  // for messages: "the source has"
  std::uint32_t block = 0;              // bytes of a logical block, at most; 0: any
  std::string block_of = "the volume";
};

// "is read-only", to be said behind the disk's name; "": it will do.
std::string geometry_fault(const ProbeResult& disk, const GeometryNeeds& needs);

}  // namespace dmjob::io
