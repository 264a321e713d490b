// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The file that a user wants an error map in: replaced whole, by a thread of its own. Not by the
// job's worker, since the file may lie on the very volume that is copied: while a mirror with a
// failed target holds the volume's writes, the worker is who lets them go. What cannot be written
// is told and fails nothing.
//
// Thread: any. Not to be called with a volume suspended.
#pragma once

#include <memory>
#include <string>

#include "libjob/core/clock.h"

namespace dmjob::drivers {

class ErrorMapFile {
 public:
  // path: empty if no map is wanted; `unique` is for the name of the file that is written aside.
  ErrorMapFile(const std::string& path, const std::string& unique);

  bool wanted() const;
  // Returns at once; of several in a row the last one counts.
  void write(std::string text);
  // Waits until all is written, or for `patience`.
  void finish(core::Duration patience);
  // Why the file is not what it should be; "" if it is.
  std::string fault() const;

 private:
  struct Shared;

  static void run(const std::shared_ptr<Shared>& shared);

  // Also of the thread, which is left alone if the file system hangs.
  std::shared_ptr<Shared> shared_;
};

}  // namespace dmjob::drivers
