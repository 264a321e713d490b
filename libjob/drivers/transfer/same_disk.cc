// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/transfer/same_disk.h"

#include "libjob/core/error.h"
#include "libjob/io/probe.h"

namespace dmjob::drivers {

io::DiskIdentity require_same_disk(const std::string& what, const io::DiskIdentity& before,
                                   const std::string& path) {
  if (before == io::DiskIdentity{}) return {};  // a file
  io::DiskIdentity now = io::identify_disk(path);
  if (io::compare(before, now) != io::Sameness::kSame)
    throw core::Error(what +
                      " cannot be shown to be the disk that the job began with: start it again");
  return now;
}

std::string fingerprint_of(const std::string& path) {
  return io::write_fingerprint(io::probe(path));
}

bool was_written_to(const std::string& path, const std::string& fingerprint) {
  const std::string now = fingerprint_of(path);
  return now != fingerprint && now == fingerprint_of(path);
}

}  // namespace dmjob::drivers
