// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where pivots that were decided (ManagedVolume::decision) are revoked on disk, whatever has become
// of the room for another state file. A seam: the daemon keeps a store::Revocations.
// Thread: the reactor. Errors: core::Error.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstddef>
#include <string>
#include <vector>

namespace dmjob::drivers {

class PivotRecord {
 public:
  virtual ~PivotRecord() = default;
  // Before pivots are decided, that many: what revokes them has its place on disk.
  virtual boost::asio::awaitable<void> reserve(std::size_t pivots) = 0;
  // Durable when it returns.
  virtual boost::asio::awaitable<void> revoke(std::vector<std::string> decisions) = 0;
};

}  // namespace dmjob::drivers
