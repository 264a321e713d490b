// SPDX-License-Identifier: LGPL-2.1-or-later
//
// libblkid's probes and texts as values. Thread: any.
#pragma once

#include <blkid/blkid.h>

#include <memory>
#include <string>
#include <type_traits>

namespace dmjob::io {

struct FreeBlkidProbe {
  void operator()(blkid_probe probe) const { blkid_free_probe(probe); }
};
using BlkidProbe = std::unique_ptr<std::remove_pointer_t<blkid_probe>, FreeBlkidProbe>;

// Over all of an open disk, which it does not close; nullptr if it cannot be looked into.
inline BlkidProbe blkid_probe_of(int fd) {
  BlkidProbe probe(blkid_new_probe());
  if (probe && blkid_probe_set_device(probe.get(), fd, 0, 0) != 0) probe.reset();
  return probe;
}

// Of what was found; "" if it was not.
inline std::string blkid_value(const BlkidProbe& probe, const char* name) {
  const char* value = nullptr;
  return blkid_probe_lookup_value(probe.get(), name, &value, nullptr) == 0 ? value : "";
}

// As it stands in the name of a link.
inline std::string blkid_encoded(const std::string& value) {
  std::string buffer(value.size() * 4 + 1, '\0');
  if (blkid_encode_string(value.c_str(), buffer.data(), buffer.size()) != 0) return value;
  buffer.resize(buffer.find('\0'));
  return buffer;
}

}  // namespace dmjob::io
