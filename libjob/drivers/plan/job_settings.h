// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a user may ask of any job, whatever it does. Thread: any (value).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace dmjob::drivers {

struct JobSettings {
  std::optional<std::string> id;  // default: the volume's name
  std::int64_t speed = 0;         // bytes per second, 0 = unlimited
  bool auto_finalize = true;
  bool auto_dismiss = true;
};

}  // namespace dmjob::drivers
