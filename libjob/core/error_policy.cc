// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/error_policy.h"

#include <array>
#include <stdexcept>
#include <string>
#include <utility>

namespace dmjob::core {

ErrorAction decide(OnError policy, std::error_code error) {
  switch (policy) {
    case OnError::kReport:
      return ErrorAction::kReport;
    case OnError::kIgnore:
      return ErrorAction::kIgnore;
    case OnError::kStop:
      return ErrorAction::kStop;
    case OnError::kEnospc:
      break;
  }
  return error == std::errc::no_space_on_device ? ErrorAction::kStop : ErrorAction::kReport;
}

std::string_view to_string(OnError policy) {
  constexpr std::array<std::string_view, 4> kWords = {"report", "ignore", "stop", "enospc"};
  return kWords[static_cast<std::size_t>(policy)];
}

std::string_view to_string(ErrorAction action) {
  constexpr std::array<std::string_view, 3> kWords = {"report", "ignore", "stop"};
  return kWords[static_cast<std::size_t>(action)];
}

std::string_view to_string(IoStatus status) {
  constexpr std::array<std::string_view, 3> kWords = {"ok", "failed", "nospace"};
  return kWords[static_cast<std::size_t>(status)];
}

std::optional<OnError> parse_on_error(std::string_view word) {
  constexpr std::array<std::pair<std::string_view, OnError>, 5> kPolicies = {{
      {"report", OnError::kReport},
      {"ignore", OnError::kIgnore},
      {"stop", OnError::kStop},
      {"enospc", OnError::kEnospc},
      {"auto", OnError::kEnospc},
  }};
  for (const auto& [name, policy] : kPolicies) {
    if (name == word) return policy;
  }
  return std::nullopt;
}

OnError restore_on_error(std::string_view word) {
  const auto policy = parse_on_error(word);
  if (!policy) throw std::invalid_argument("unknown error policy '" + std::string(word) + "'");
  return *policy;
}

std::optional<IoStatus> parse_io_status(std::string_view word) {
  for (IoStatus status : {IoStatus::kOk, IoStatus::kFailed, IoStatus::kNoSpace}) {
    if (to_string(status) == word) return status;
  }
  return std::nullopt;
}

}  // namespace dmjob::core
