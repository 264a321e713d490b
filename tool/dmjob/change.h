// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A command that changes something. Thread: the only one.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "tool/dmjob/client.h"
#include "tool/dmjob/console.h"

namespace dmjob::cli {

// As Client::execute; what the answer warns of is remarked.
nlohmann::json change(Console& console, Client& client, const std::string& command,
                      const nlohmann::json& arguments);

}  // namespace dmjob::cli
