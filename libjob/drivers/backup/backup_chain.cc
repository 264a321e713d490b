// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/backup/backup_chain.h"

#include "libjob/store/words.h"

namespace dmjob::drivers {
namespace {

using Role = BackupChain::Role;
constexpr store::Word<Role> kRoles[] = {
    {Role::kNone, "none"},
    {Role::kFull, "full"},
    {Role::kIncremental, "incremental"},
};

}  // namespace

nlohmann::json BackupChain::record() const {
  return {{"role", store::word_of(kRoles, role)},
          {"on-tracker", on_tracker},
          {"makes-tracker", makes_tracker},
          {"checkpoint", checkpoint},
          {"instant", instant},
          {"not-proven", not_proven}};
}

BackupChain BackupChain::restore(const nlohmann::json& record) {
  BackupChain chain;
  chain.role = store::parse_word(kRoles, record.at("role"), "role in a chain of backups");
  record.at("on-tracker").get_to(chain.on_tracker);
  record.at("makes-tracker").get_to(chain.makes_tracker);
  record.at("checkpoint").get_to(chain.checkpoint);
  record.at("instant").get_to(chain.instant);
  chain.not_proven = record.value("not-proven", "");  // an older dmjobd has not noted it
  return chain;
}

}  // namespace dmjob::drivers
