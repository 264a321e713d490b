// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The table of a volume that a job is to interpose on, or has.
// Thread: as the stack that asks. Errors: std::system_error.
#pragma once

#include <functional>
#include <string>
#include <system_error>
#include <utility>

#include "dm/control.h"

namespace dmjob::dm {

// A volume no longer has the table that a job has given it, or is gone: that was its owner, or
// somebody else. The volume is left so. ESTALE; what() is a part of a sentence for the user.
class TableReplaced : public std::system_error {
 public:
  explicit TableReplaced(const std::string& volume);
  const char* what() const noexcept override { return text_.c_str(); }

 private:
  const std::string text_;
};

// A volume that has a table of a job's. Such a table names inner devices of that job by their
// numbers, which are theirs as long as the volume stands on them: nobody else loads such a table,
// but who has saved and brings back a text of ours. So the live table tells that the volume has
// stood there all the time, whatever it is called by now; neither an event number nor an open count
// would. Thread: as the stack that it is a part of.
class StandingVolume {
 public:
  using IsOurs = std::function<bool(const Table&)>;

  StandingVolume(Control& control, std::string name) : control_(control), name_(std::move(name)) {}

  // By which it was last found.
  const std::string& name() const { return name_; }
  // Empty if there is no such device.
  Table table() const { return table_of(name_); }
  // One that was renamed is found again, by its table.
  bool stands(const IsOurs& ours);
  // The table that stands() has found to be ours. One that is read afterwards may be another's.
  const Table& seen() const { return seen_; }
  // Its table. Throws TableReplaced unless `stands`, which calls stands() and is asked only if it
  // has another table than at the last call: mostly this is one ioctl that waits for no lock.
  const Table& require(const std::function<bool()>& stands);

 private:
  Table table_of(const std::string& name) const;

  Control& control_;
  std::string name_;
  Table seen_;
  Table required_;  // by require()
};

// Its own table. Refuses a volume that is suspended (EBUSY), read-only (EROFS), empty (EINVAL), has
// a table loaded by somebody else (EBUSY) or a target that must not be active twice, e.g. raid or
// cache (EOPNOTSUPP).
Table checked_volume_table(Control& control, const std::string& volume);

// After the death of a process that was changing the volume: if one of its tables is `ours`, drops
// the inactive one and resumes it. An inactive one that is neither ours nor `own`, the volume's
// own, is somebody else's, and stays; a resume makes it live. Never beside that process.
void resume_left_volume(Control& control, const std::string& volume,
                        const StandingVolume::IsOurs& ours, const Table& own);

}  // namespace dmjob::dm
