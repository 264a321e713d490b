// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The hidden devices that a job puts under a volume: their names and UUIDs, which of them there
// are, and how they go. Each is known by its part, the last word of its name.
//
// Thread: as the stack that they belong to. Errors: std::system_error; EEXIST for a device that has
// one of our names and another UUID.
#pragma once

#include <sys/types.h>

#include <map>
#include <span>
#include <string>

#include "dm/control.h"
#include "dm/step.h"

namespace dmjob::dm {

class InnerDevices {
 public:
  // The number of each device that is there with a live table, by its part.
  using Numbers = std::map<std::string, dev_t>;

  // parts: in the order in which the devices are made, a constant. The last one stands on others.
  // job, uuid: as in CopyStackSpec.
  InnerDevices(Control& control, std::string job, std::string uuid,
               std::span<const char* const> parts);

  std::string name(const std::string& part) const;
  std::string uuid(const std::string& part) const;
  NewDevice hidden(const std::string& part, Table table, bool read_only = false) const;
  std::size_t count() const { return parts_.size(); }

  Numbers find() const;
  // Steps that remove what is left of an earlier try, but for one part.
  Plan removal(const std::string& but = "") const;
  // Throws EBUSY if the volume stands on one of them.
  void check_leftovers(const std::string& volume) const;
  // Throws EEXIST if one of our names is another's.
  void require_ours() const;
  // Repairs what a process that is dead has left: resumes those that are suspended and drops
  // inactive tables. Never beside a process that works with them: its preloaded tables would go.
  void resume_leftovers() const;
  // Removes those that are not in use any more, but for one part; idempotent. Throws if one is
  // still open.
  void remove(const std::string& but = "") const;

 private:
  Control& control_;
  const std::string job_;
  const std::string uuid_;
  const std::span<const char* const> parts_;
};

}  // namespace dmjob::dm
