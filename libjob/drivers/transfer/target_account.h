// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether others have written to a target that is held by a device of ours over it
// (dm::HeldDisk, io::WriteAccount): what was noted when both were known to be alone with us,
// compared with what is.
//
// A look is taken while no write of ours is in flight: within a suspension, or while nothing is
// copied. After an error of the target the two counts may differ by what has failed, so nothing is
// concluded then, and the account begins anew: the disk was held all the time.
//
// Thread: the job's worker; may block, but for look(). Nothing throws for what cannot be told.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <optional>
#include <string>
#include <utility>

#include "libjob/io/write_account.h"

namespace dmjob::drivers {

class TargetAccount {
 public:
  // noted: what an earlier process has left in the job's record; "" if nothing.
  explicit TargetAccount(std::string noted) : noted_(std::move(noted)) {}

  using Others = std::optional<std::int64_t>;

  // Before a look. What others have in the page cache is written out.
  void prepare(dev_t disk, dev_t ours) { counts_.emplace(disk, ours); }
  // Neither allocates nor does I/O.
  Others look() const { return counts_ ? counts_->others() : std::nullopt; }
  // True: nobody else has written since the account was noted. If that cannot be told, it is true
  // where it never could be, since nobody else has had the disk (or it is not held at all).
  // Whatever it is, the account goes on from this look.
  bool is_untouched(Others seen);
  // As is_untouched(), of what an earlier process has noted: what cannot be told is not true.
  bool is_as_noted(Others seen);
  // The disk was taken just now.
  void begin(Others seen);
  // It is held no longer.
  void end() { note_text(""); }
  // The same of a disk that is not held: what was found out otherwise.
  bool is_untouched(const std::string& text);
  bool is_as_noted(const std::string& text);
  void note_text(std::string text);
  // The target has failed.
  void doubt() { in_doubt_ = true; }

  // For the job's record: equal texts say that nobody else has written.
  const std::string& noted() const { return noted_; }

 private:
  std::string noted_;
  std::optional<io::WriteAccount> counts_;
  bool in_doubt_ = false;
};

}  // namespace dmjob::drivers
