// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A watch over some of the managed volumes: visits each of them every so often, one by one and
// beside each other, so that a hung disk stops only its own volume. What is in the way of a visit
// is logged once, and kept for who asks.
//
//   VolumeWatch  run  stop  until idle
//
// Thread: the reactor; what blocks in a visit runs on the volume's own worker.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <functional>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "libjob/core/clock.h"
#include "libjob/core/signal.h"
#include "libjob/core/worker.h"
#include "libjob/volumes/managed_volumes.h"
#include "tool/dmjobd/log.h"

namespace dmjob::daemon {

// What every watch knows of a volume.
struct WatchedVolume {
  core::Worker worker;
  std::string trouble;  // what was in the way of the last visit that tried something; "": nothing
  bool busy = false;
  core::TimePoint next_visit;
};

enum class Visit {
  kWell,      // nothing is in the way
  kNotTried,  // an earlier trouble may still be there: it is tried again later
};

// Watched: a WatchedVolume, and what this watch knows besides.
template <typename Watched>
class VolumeWatch {
 public:
  struct Duty {
    core::Duration every;
    std::string subject;  // before a trouble in the log: "its tracker: "
    std::function<bool(const volumes::ManagedVolume&)> includes;
    // A visit. Throws the trouble. The volume may be gone by now.
    std::function<boost::asio::awaitable<Visit>(std::string name, Watched& watched)> visit;
  };
  // All references outlive this.
  VolumeWatch(boost::asio::any_io_executor executor, const core::Clock& clock,
              const volumes::ManagedVolumes& volumes, Duty duty)
      : executor_(std::move(executor)), clock_(clock), volumes_(volumes), duty_(std::move(duty)) {}
  VolumeWatch(const VolumeWatch&) = delete;
  VolumeWatch& operator=(const VolumeWatch&) = delete;

  // Until stop().
  boost::asio::awaitable<void> run() {
    core::Signal never(executor_);
    while (!stopped_) {
      visit_all();
      co_await never.wait_for(duty_.every);
    }
  }
  void stop() { stopped_ = true; }
  // False while a visit is under way.
  bool idle() const { return visits_ == 0; }

  // Begins a visit of each volume whose time has come.
  void visit_all() {
    std::erase_if(watched_, [this](const auto& entry) { return !includes(entry.first); });
    for (const auto& [name, volume] : volumes_.all())
      if (duty_.includes(volume)) visit_if_due(name);
  }

  // nullptr: it has not been visited.
  const Watched* find(const std::string& name) const {
    const auto found = watched_.find(name);
    return found == watched_.end() ? nullptr : found->second.get();
  }

 private:
  bool includes(const std::string& name) const {
    const volumes::ManagedVolume* volume = volumes_.find(name);
    return volume && duty_.includes(*volume);
  }

  void visit_if_due(const std::string& name) {
    std::shared_ptr<Watched>& watched = watched_[name];
    if (!watched) watched = std::make_shared<Watched>();
    if (watched->busy || clock_.now() < watched->next_visit) return;
    watched->busy = true;
    watched->next_visit = clock_.now() + duty_.every;
    ++visits_;
    boost::asio::co_spawn(executor_, visit(name, watched), boost::asio::detached);
  }

  boost::asio::awaitable<void> visit(std::string name, std::shared_ptr<Watched> watched) {
    try {
      const Visit visit = co_await duty_.visit(name, *watched);
      if (visit == Visit::kWell) watched->trouble.clear();
    } catch (const std::exception& error) {
      note_trouble(name, *watched, error.what());
    }
    watched->busy = false;
    --visits_;
  }

  void note_trouble(const std::string& name, Watched& watched, std::string trouble) const {
    if (trouble != watched.trouble)  // said once
      log_error("volume '" + name + "': " + duty_.subject + trouble);
    watched.trouble = std::move(trouble);
  }

  const boost::asio::any_io_executor executor_;
  const core::Clock& clock_;
  const volumes::ManagedVolumes& volumes_;
  const Duty duty_;
  bool stopped_ = false;
  int visits_ = 0;
  std::map<std::string, std::shared_ptr<Watched>> watched_;
};

}  // namespace dmjob::daemon
