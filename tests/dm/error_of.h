// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The code of the std::system_error that a call throws; 0 if it throws none.
#pragma once

#include <system_error>

namespace dmjob::dm {

template <typename Call>
int error_of(Call call) {
  try {
    call();
  } catch (const std::system_error& error) {
    return error.code().value();
  }
  return 0;
}

}  // namespace dmjob::dm
