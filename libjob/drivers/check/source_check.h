// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a job is to read: a volume in use, or a disk or file that nobody uses. Nothing is changed.
// Thread: a worker; may block. Errors: core::Error for the user.
#pragma once

#include <string>

#include "libjob/drivers/check/check_context.h"
#include "libjob/io/probe.h"

namespace dmjob::drivers {

struct Source {
  io::ProbeResult what;
  std::string volume;  // dm name; empty: offline
  bool managed = false;
  bool tracked = false;  // it has a chain of incremental backups
  std::string owner;     // of a foreign volume, for messages: "LVM", "cryptsetup", ...
};

// `given`: a volume's name, or a path.
Source find_source(const std::string& given, const CheckContext& context);

// --- for every check of a path ---

// role: "source", "target", ... for the message.
io::ProbeResult probe_or_refuse(const std::string& path, const std::string& role);
}  // namespace dmjob::drivers
