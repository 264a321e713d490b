// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/json_text.h"

namespace dmjob::core {

std::string to_text(const nlohmann::json& value) {
  return value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
}

}  // namespace dmjob::core
