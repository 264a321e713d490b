// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A topology plans, the executor does: a plan is a list of steps as plain values. Changes of a live
// volume's table are not steps: they need a SuspendGuard.
#pragma once

#include <string>
#include <vector>

#include "dm/control.h"

namespace dmjob::dm {

struct Step {
  enum class Kind {
    kCreate,  // undone by removing the device
    kRemove,  // a device that may be absent or not suspended; not undone
  };
  Kind kind = Kind::kCreate;
  // Tables may name devices that an earlier step makes: "@NAME" (DeviceWord::named). kRemove uses
  // only name and uuid: a device of that name with another UUID is not ours and makes it fail.
  NewDevice device;

  static Step create(NewDevice device);
  static Step remove(std::string name, std::string uuid);
};

using Plan = std::vector<Step>;

// Runs the steps in order. If one fails, removes in reverse order what the earlier ones created and
// passes the error on. Thread: any that may block. Throws std::system_error.
void run_plan(Control& control, const Plan& plan);

// Removes the device if it is there and has that UUID, its inactive table with it. Throws
// std::system_error: EEXIST if it has another UUID, EBUSY if it is open.
void remove_if_ours(Control& control, const std::string& name, const std::string& uuid);

// The same, but only if it has no table yet: its maker died between the kernel's steps. No
// effect on a device with another UUID.
void remove_if_half_made(Control& control, const std::string& name, const std::string& uuid);

}  // namespace dmjob::dm
