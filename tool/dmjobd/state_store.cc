// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/state_store.h"

#include <utility>

#include "libjob/core/json_text.h"
#include "tool/dmjobd/log.h"

namespace dmjob::daemon {

using boost::asio::awaitable;

StateStore::StateStore(boost::asio::any_io_executor executor, const std::string& folder,
                       core::EventBus& events, core::Registry& registry,
                       volumes::ManagedVolumes& volumes, Names& names, RevokedPivots& pivots)
    : file_(folder),
      events_(events),
      registry_(registry),
      volumes_(volumes),
      names_(names),
      pivots_(pivots),
      keeper_(executor, file_, [this] { return compose(); }, [this] { return names_.around(); }) {}

std::string StateStore::compose() const {
  names_.follow();
  core::ListText jobs;  // oldest first
  for (auto job = registry_.jobs().rbegin(); job != registry_.jobs().rend(); ++job)
    jobs.add(*(*job)->record_text());
  return "{\"events\":" + events_.record() + ",\"hidden\":" + core::to_text(names_.record()) +
         ",\"history\":" + registry_.history() + ",\"jobs\":" + jobs.text() +
         ",\"quarantine\":" + core::to_text(quarantine_) +
         ",\"volumes\":" + core::to_text(volumes_.record()) + "}";
}

nlohmann::json StateStore::load() {
  auto loaded = file_.load();
  if (!loaded) return nlohmann::json::array();
  if (!loaded->warning.empty()) log_warning(loaded->warning);
  restore(loaded->content);
  return std::move(loaded->content.at("jobs"));
}

void StateStore::restore(const nlohmann::json& content) {
  events_.restore(content.at("events"));
  registry_.restore_history(content.at("history"));
  volumes_.restore(content.at("volumes"));
  if (content.contains("hidden")) names_.restore(content["hidden"]);
  for (const std::string& name : pivots_.apply(volumes_))
    log_info("the pivot of volume '" + name + "' was decided and revoked");
  quarantine_ = content.at("quarantine");
}

awaitable<std::string> StateStore::remember() {
  constexpr core::Duration kTimeout = std::chrono::seconds(5);
  auto tried = keeper_.try_persist(kTimeout);
  std::string why_not = co_await std::move(tried);
  co_return why_not;
}

}  // namespace dmjob::daemon
