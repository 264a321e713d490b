// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The content of the state file: what of the reactor's world outlives the daemon, and how it comes
// back at a start.
//
//   StateStore  load  (keeper().persist, remember)
//
// Thread: the reactor; the file is written on the keeper's worker.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <nlohmann/json.hpp>
#include <string>

#include "libjob/core/event.h"
#include "libjob/core/registry.h"
#include "libjob/store/state_file.h"
#include "libjob/volumes/managed_volumes.h"
#include "tool/dmjobd/names.h"
#include "tool/dmjobd/revoked_pivots.h"
#include "tool/dmjobd/state_keeper.h"

namespace dmjob::daemon {

class StateStore {
 public:
  // folder: of the state file; its lock is taken. Throws std::system_error if another daemon has
  // it. All references outlive this.
  StateStore(boost::asio::any_io_executor executor, const std::string& folder,
             core::EventBus& events, core::Registry& registry, volumes::ManagedVolumes& volumes,
             Names& names, RevokedPivots& pivots);

  // Restores all but the jobs, whose records it returns, oldest first: a JSON array, empty if there
  // is no state yet. Throws store::StateDamaged: nothing may be touched then.
  nlohmann::json load();
  // The record of a job that cannot be read goes into "quarantine" of the state file, as it is.
  void set_aside(const nlohmann::json& record) { quarantine_.push_back(record); }

  StateKeeper& keeper() { return keeper_; }
  // Writes down what has been done so far. Returns why that cannot be, or not soon; "" if it is.
  boost::asio::awaitable<std::string> remember();

 private:
  std::string compose() const;  // JSON
  void restore(const nlohmann::json& content);

  store::StateFile file_;
  core::EventBus& events_;
  core::Registry& registry_;
  volumes::ManagedVolumes& volumes_;
  Names& names_;
  RevokedPivots& pivots_;
  nlohmann::json quarantine_ = nlohmann::json::array();
  StateKeeper keeper_;
};

}  // namespace dmjob::daemon
