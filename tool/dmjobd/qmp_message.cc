// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/qmp_message.h"

#include <string_view>
#include <utility>

namespace dmjob::daemon {
namespace {

using core::Error;
using core::ErrorClass;
using nlohmann::json;

std::string_view to_string(ErrorClass error_class) {
  switch (error_class) {
    case ErrorClass::kGeneric:
      break;
    case ErrorClass::kDeviceNotActive:
      return "DeviceNotActive";
    case ErrorClass::kDeviceNotFound:
      return "DeviceNotFound";
    case ErrorClass::kCommandNotFound:
      return "CommandNotFound";
  }
  return "GenericError";
}

std::string command_name(const json& value, const std::string& member) {
  if (!value.is_string()) throw Error("QMP input member '" + member + "' must be a string");
  return value.get<std::string>();
}

}  // namespace

Request read_request(json message, bool oob_enabled) {
  if (!message.is_object()) throw Error("QMP input must be a JSON object");
  Request request;
  int commands = 0;
  for (auto& [member, value] : message.items()) {
    if (member == "execute" || (member == "exec-oob" && oob_enabled)) {
      request.command = command_name(value, member);
      request.out_of_band = member == "exec-oob";
      ++commands;
    } else if (member == "arguments") {
      if (!value.is_object()) throw Error("QMP input member 'arguments' must be an object");
      request.arguments = std::move(value);
    } else if (member != "id") {
      throw Error("QMP input member '" + member + "' is unexpected");
    }
  }
  if (commands == 0) throw Error("QMP input lacks member 'execute'");
  if (commands > 1) throw Error("QMP input has both 'execute' and 'exec-oob'");
  return request;
}

std::optional<json> request_id(const json& message) {
  if (!message.is_object()) return std::nullopt;
  const auto id = message.find("id");
  if (id == message.end()) return std::nullopt;
  return std::optional<json>(std::in_place, *id);
}

bool is_out_of_band(const json& message) {
  return message.is_object() && message.contains("exec-oob");
}

json greeting() {
  return {{"QMP", {{"version", version()}, {"capabilities", json::array({"oob"})}}}};
}

json version() {
  return {{"qemu", {{"major", 7}, {"minor", 2}, {"micro", 0}}},
          {"package", "dmjob " DMJOB_VERSION}};
}

void Reply::add(std::string_view name, const std::string& value) {
  json members = json::parse(text_);
  members[std::string(name)] = value;
  text_ = core::to_text(members);
}

std::string to_line(const json& message) {
  std::string line = core::to_text(message);
  line += kLineEnd;
  return line;
}

std::string return_line(const Reply& reply, const std::optional<json>& id) {
  std::string line = "{";
  if (id) line += "\"id\":" + core::to_text(*id) + ",";
  line += "\"return\":";
  line += reply.text();
  line += "}";
  line += kLineEnd;
  return line;
}

std::string error_line(const Error& error, const std::optional<json>& id) {
  json answer = {{"error", {{"class", to_string(error.error_class())}, {"desc", error.what()}}}};
  if (id) answer["id"] = *id;
  return to_line(answer);
}

}  // namespace dmjob::daemon
