// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A watch over some of the managed volumes: polls each of them every so often, one by one and
// beside each other, so that a hung disk stops only its own volume. What is in the way of a poll
// is logged once, and kept for who asks.
//
//   VolumeWatch  run  stop  until idle
//
// Thread: the reactor; what blocks in a poll runs on the volume's own worker.
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
  std::string fault;  // what was in the way of the last poll that tried something; "": nothing
  bool busy = false;
  core::TimePoint next_poll;
};

enum class Poll {
  kWell,      // nothing is in the way
  kNotTried,  // an earlier fault may still be there: it is tried again later
};

// Watched: a WatchedVolume, and what this watch knows besides.
template <typename Watched>
class VolumeWatch {
 public:
  struct Duty {
    core::Duration every;
    std::string subject;  // before a fault in the log: "its tracker: "
    std::function<bool(const volumes::ManagedVolume&)> includes;
    // Throws the fault. The volume may be gone by now.
    std::function<boost::asio::awaitable<Poll>(std::string name, Watched& watched)> poll;
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
      poll_all();
      co_await never.wait_for(duty_.every);
    }
  }
  void stop() { stopped_ = true; }
  // False while a poll is under way.
  bool idle() const { return polls_ == 0; }

  // Begins to poll each volume whose time has come.
  void poll_all() {
    std::erase_if(watched_, [this](const auto& entry) { return !includes(entry.first); });
    for (const auto& [name, volume] : volumes_.all())
      if (duty_.includes(volume)) poll_if_due(name);
  }

  // nullptr: it has not been polled.
  const Watched* find(const std::string& name) const {
    const auto found = watched_.find(name);
    return found == watched_.end() ? nullptr : found->second.get();
  }

 private:
  bool includes(const std::string& name) const {
    const volumes::ManagedVolume* volume = volumes_.find(name);
    return volume && duty_.includes(*volume);
  }

  void poll_if_due(const std::string& name) {
    std::shared_ptr<Watched>& watched = watched_[name];
    if (!watched) watched = std::make_shared<Watched>();
    if (watched->busy || clock_.now() < watched->next_poll) return;
    watched->busy = true;
    watched->next_poll = clock_.now() + duty_.every;
    ++polls_;
    boost::asio::co_spawn(executor_, poll(name, watched), boost::asio::detached);
  }

  boost::asio::awaitable<void> poll(std::string name, std::shared_ptr<Watched> watched) {
    try {
      const Poll result = co_await duty_.poll(name, *watched);
      if (result == Poll::kWell) watched->fault.clear();
    } catch (const std::exception& error) {
      note_fault(name, *watched, error.what());
    }
    watched->busy = false;
    --polls_;
  }

  void note_fault(const std::string& name, Watched& watched, std::string fault) const {
    if (fault != watched.fault)  // said once
      log_error("volume '" + name + "': " + duty_.subject + fault);
    watched.fault = std::move(fault);
  }

  const boost::asio::any_io_executor executor_;
  const core::Clock& clock_;
  const volumes::ManagedVolumes& volumes_;
  const Duty duty_;
  bool stopped_ = false;
  int polls_ = 0;
  std::map<std::string, std::shared_ptr<Watched>> watched_;
};

}  // namespace dmjob::daemon
