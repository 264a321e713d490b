// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The lines of QMP: what a request must look like, what answers and the greeting look like.
// Thread: any (pure functions).
#pragma once

#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/core/json_text.h"
#include "tool/dmjobd/wanted.h"

namespace dmjob::daemon {

struct Request {
  std::string command;
  nlohmann::json arguments = nlohmann::json::object();
  bool out_of_band = false;
  Wanted wanted;
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

// What a command returns, as JSON text.
class Reply {
 public:
  // Not explicit, for co_return. NOLINTNEXTLINE(google-explicit-constructor)
  Reply(const nlohmann::json& value) : text_(core::to_text(value)) {}
  static Reply of_text(std::string text) { return Reply(std::move(text), 0); }
  // One more member of an object.
  void add(std::string_view name, const std::string& value);
  const std::string& text() const { return text_; }

 private:
  Reply(std::string text, int /*it is JSON*/) : text_(std::move(text)) {}
  std::string text_;
};

// Lines as they go out: ASCII, CRLF.
inline constexpr std::string_view kLineEnd = "\r\n";
std::string to_line(const nlohmann::json& message);
std::string return_line(const Reply& reply, const std::optional<nlohmann::json>& id);
std::string error_line(const core::Error& error, const std::optional<nlohmann::json>& id);

}  // namespace dmjob::daemon
