// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/utf8.h"

#include <nlohmann/json.hpp>

namespace dmjob::io {

bool is_utf8(const std::string& text) {
  try {
    nlohmann::json(text).dump();
  } catch (const nlohmann::json::type_error&) {
    return false;
  }
  return true;
}

}  // namespace dmjob::io
