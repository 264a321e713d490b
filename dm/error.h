// SPDX-License-Identifier: LGPL-2.1-or-later
//
// How this folder tells errors. Thread: any.
#pragma once

#include <string>
#include <system_error>

namespace dmjob::dm {

// Throws std::system_error. error: as errno has it.
[[noreturn]] inline void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

}  // namespace dmjob::dm
