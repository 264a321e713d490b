// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup_chain.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace dmjob::drivers {
namespace {

using Role = BackupChain::Role;
constexpr std::array<std::pair<Role, const char*>, 3> kRoles{{
    {Role::kNone, "none"},
    {Role::kFull, "full"},
    {Role::kIncremental, "incremental"},
}};

Role parse_role(const std::string& text) {
  for (const auto& [value, word] : kRoles)
    if (text == word) return value;
  throw std::invalid_argument("unknown role in a chain of backups '" + text + "'");
}

}  // namespace

nlohmann::json BackupChain::record() const {
  return {{"role", kRoles.at(static_cast<std::size_t>(role)).second},
          {"on-tracker", on_tracker},
          {"makes-tracker", makes_tracker},
          {"checkpoint", checkpoint},
          {"instant", instant}};
}

BackupChain BackupChain::restore(const nlohmann::json& record) {
  BackupChain chain;
  chain.role = parse_role(record.at("role"));
  record.at("on-tracker").get_to(chain.on_tracker);
  record.at("makes-tracker").get_to(chain.makes_tracker);
  record.at("checkpoint").get_to(chain.checkpoint);
  record.at("instant").get_to(chain.instant);
  return chain;
}

}  // namespace dmjob::drivers
