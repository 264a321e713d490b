// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a backup does with the tracker of its volume: its devices go under the tracker's own, its
// instant gives the tracker another log, and one that is part of the chain copies what the tracker
// names and lets it forget that at the end. Without a tracker nearly nothing.
//
// Order of calls: check_target  begin  rotation  (check_log)  take_marks  find_untracked_change
//                 places_to_sample  forget
//
// Thread: the job's worker; the caller holds the volume's modify slot. Errors: std::system_error.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "libjob/drivers/backup/backup_chain.h"
#include "libjob/drivers/plan/environment.h"
#include "libjob/drivers/transfer/bulk_copy.h"
#include "libjob/volumes/tracker.h"

namespace dmjob::drivers {

class TrackedPart {
 public:
  // volume: the volume, with its Tracking if the backup is on a tracker.
  TrackedPart(Environment& environment, const BackupChain& chain,
              std::optional<volumes::ManagedVolume> volume);

  bool on_tracker() const { return volume_.has_value(); }
  bool is_part() const { return chain_.is_part(); }
  // As it was when this was made.
  std::optional<volumes::Tracking> tracking() const {
    return volume_ ? volume_->tracking : std::nullopt;
  }
  // What the backup's devices are put under, in the place of the volume.
  std::string under(const std::string& volume) const;

  // Of an incremental backup, with its target locked and nothing written to it. Throws core::Error
  // if somebody else has written to it; of one that verifies, false is returned.
  bool check_target(const CopyPlan& plan) const;
  // Makes the tracker, if there is to be one; what a full backup is to copy is all.
  void begin();
  // For the instant; on a tracker.
  std::vector<dm::TableSwitch> rotation();
  void check_log();
  // After the instant: sets what is to be copied.
  void take_marks(BulkCopy& bulk);
  // On a tracker: throws dm::TableReplaced unless the volume has the tracker's table. Thread: any.
  void require_standing() const;
  // The tracker's checkpoint then; 0 before, and if the backup is no part of a chain.
  std::uint64_t checkpoint() const { return checkpoint_; }
  // Of an incremental backup, before it copies: "", or how its target is not what the last one has
  // left. By what was noted of it, or by what it should have in common with the instant.
  std::string find_change_of_target(BulkCopy& bulk) const;
  std::string find_untracked_change(dev_t instant, BulkCopy& bulk) const;
  // Of the target, with all on it, before forget().
  std::vector<io::Extent> places_to_sample() const;
  // All is on the target but what was given up.
  void forget(std::uint64_t checkpoint, const BulkCopy& bulk);

 private:
  volumes::Tracker open() const;

  Environment& environment_;
  const BackupChain chain_;
  std::optional<volumes::ManagedVolume> volume_;
  std::optional<volumes::Tracker> tracker_;  // from rotation() to take_marks()
  std::uint64_t checkpoint_ = 0;
};

}  // namespace dmjob::drivers
