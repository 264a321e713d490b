// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a live copy knows of its target: that nobody else has written to it, and by which name a
// boot finds it.
#include "libjob/core/error.h"
#include "libjob/drivers/copy/live_copy.h"

namespace dmjob::drivers {

// Nothing of ours is copied now; logs in the target's tail may be written to.
bool LiveCopy::is_target_ours() {
  if (bulk_->take_target_failed()) target_.doubt();
  return target_.is_untouched();
}

// Writers that mark one region after the other keep a log, and so its disk, busy without an end.
void LiveCopy::bring_to_rest(const std::function<void()>& look) {
  if (mirroring()) return stack_->hold(look);
  take_fresh_log(look);
}

void LiveCopy::distrust_target() {
  copied_anew_ = kCopiedAnew;
  bulk_->distrust_target();
}

void LiveCopy::require_untouched() {
  if (is_target_ours()) return;
  fall_back();
  if (tracking()) distrust_target();
  throw core::Error("somebody else has written to target " + plan_.target +
                    " during the copy: it is copied once more");
}

LiveCopy::TargetName LiveCopy::name_target() const {
  std::string path = target_.lasting_name();
  io::DiskIdentity disk = io::identify_disk(path);
  return {std::move(path), std::move(disk)};
}

std::optional<LiveCopy::TargetName> LiveCopy::name_other_than(const std::string& path) const {
  if (!target_.is_held() || io::sysfs::disk_at(path) == target_.number()) return std::nullopt;
  return name_target();
}

}  // namespace dmjob::drivers
