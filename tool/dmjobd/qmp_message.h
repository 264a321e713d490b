// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The lines of QMP: what a request must look like, what answers and the greeting look like.
// Thread: any (pure functions).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "libjob/core/error.h"

namespace dmjob::daemon {

struct Request {
  std::string command;
  nlohmann::json arguments = nlohmann::json::object();
  bool out_of_band = false;
};

// Takes the message apart. `exec-oob` is known only where the client has asked for it. Throws
// core::Error for a message that is no request.
Request read_request(nlohmann::json message, bool oob_enabled);
// The message's id, which is echoed even if the rest is no request.
std::optional<nlohmann::json> request_id(const nlohmann::json& message);
bool is_out_of_band(const nlohmann::json& message);

nlohmann::json greeting();
// {"qemu": {"major", "minor", "micro"}, "package"}: the QEMU whose job commands these are.
nlohmann::json version();

nlohmann::json make_return(nlohmann::json value);
nlohmann::json make_error(const core::Error& error);

// One line as it goes out: ASCII, CRLF. Bytes that are not UTF-8 become U+FFFD.
std::string to_line(const nlohmann::json& message);

}  // namespace dmjob::daemon
