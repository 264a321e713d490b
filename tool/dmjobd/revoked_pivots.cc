// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/revoked_pivots.h"

#include <utility>

#include "libjob/core/error.h"
#include "libjob/store/state_file.h"

namespace dmjob::daemon {

using boost::asio::awaitable;

std::vector<std::string> RevokedPivots::apply(volumes::ManagedVolumes& volumes) {
  const store::Revocations::Loaded loaded = file_.load();
  if (!loaded.damage.empty()) {
    for (const auto& [name, volume] : volumes.all())
      if (!volume.decision.empty())
        throw store::StateDamaged(
            loaded.damage + "; so it is not known whether volume '" + name + "' lives on " +
            volume.device + " or on " + *volume.pivot_to +
            ": see which of them is newer; without the file it is the latter. Nothing is touched");
  }
  return volumes.revoke_pivots(loaded.ids);
}

awaitable<void> RevokedPivots::reserve(std::size_t pivots) {
  if (pivots > store::Revocations::kMost / 2)
    throw core::Error(std::to_string(pivots) + " volumes cannot be pivoted at once, " +
                      std::to_string(store::Revocations::kMost / 2) + " can");
  auto call = [this] { file_.reserve(); };
  co_await write(std::move(call));
}

awaitable<void> RevokedPivots::revoke(std::vector<std::string> decisions) {
  auto call = [this, decisions] { file_.add(decisions); };
  co_await write(std::move(call));
}

// Who has lost patience with one write may ask for the next while that hangs.
awaitable<void> RevokedPivots::write(std::function<void()> call) {
  const std::string what = "the record of revoked pivots in " + folder_ + " cannot be written: ";
  if (busy_) throw core::Error(what + "its disk hangs");
  busy_ = true;
  std::string failed;
  try {
    co_await worker_.run(std::move(call));
  } catch (const std::exception& error) {
    failed = error.what();
  }
  busy_ = false;
  if (!failed.empty()) throw core::Error(what + failed);
}

}  // namespace dmjob::daemon
