// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The drivers' PivotRecord, on a file in the state folder. Thread: the reactor; the file is written
// on a worker of its own, since that of the state file may hang just then.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "libjob/core/worker.h"
#include "libjob/drivers/plan/pivot_record.h"
#include "libjob/store/revocations.h"
#include "libjob/volumes/managed_volumes.h"

namespace dmjob::daemon {

class RevokedPivots : public drivers::PivotRecord {
 public:
  // folder: of the state file.
  explicit RevokedPivots(const std::string& folder) : folder_(folder), file_(folder) {}

  // At the start: what the state file says of volumes, less what was revoked since. Returns their
  // names. Throws store::StateDamaged if that cannot be known and a pivot may be revoked.
  std::vector<std::string> apply(volumes::ManagedVolumes& volumes);

  boost::asio::awaitable<void> reserve(std::size_t pivots) override;
  boost::asio::awaitable<void> revoke(std::vector<std::string> decisions) override;

 private:
  boost::asio::awaitable<void> write(std::function<void()> call);

  const std::string folder_;
  store::Revocations file_;
  bool busy_ = false;
  core::Worker worker_;
};

}  // namespace dmjob::daemon
