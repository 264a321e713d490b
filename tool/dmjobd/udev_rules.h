// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The two files of rules that dmjobd writes for udev, and what makes udev heed them. Where there is
// no udev nothing is written. Thread: one at a time (the state worker); every call may block.
#pragma once

#include <string>
#include <vector>

#include "libjob/volumes/hiding_rules.h"

namespace dmjob::daemon {

class UdevRules {
 public:
  // folder: on the root file system, where udev reads it before the first event of a boot.
  explicit UdevRules(std::string folder) : folder_(std::move(folder)) {}

  // Durable, and known to udev, when it returns; false: it was so before. Throws std::system_error,
  // and each file is what it was or what it is to be.
  bool write(const volumes::HidingRules& rules);

 private:
  std::string folder_;
};

// Lets udev look at the disk that a path leads to, and at its partitions, once more; it does so
// soon after. Of a path that leads to none, nothing.
void look_again(const std::string& path);
// Waits until it has looked, and hides the disk, and has it look again each second; some seconds at
// most, since it may be busy with anything and the rules hold in any case.
void await_hidden(const std::string& path);

}  // namespace dmjob::daemon
