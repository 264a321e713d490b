// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// What jobs and volumes tell the world, in QMP's words and order. The bus numbers every event,
/// hands it to all subscribers at once, and keeps the last ones for who was away.
///
/// Numbers grow and are never given out twice. The state file may be older than the last event when
/// the daemon is killed, so each record claims kClaimed numbers ahead, and the next start goes on
/// behind them: gaps mean nothing. What may be missing from an answer is said by an event of its
/// own:
///
///     EVENTS_LOST {"since": N}   some of the events from N + 1 up to its own number may be missing
///
/// Thread: the reactor.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libjob/core/export.h"

namespace dmjob::core {

/// What has happened. Thread: any (value).
struct DMJOB_EXPORT Event {
  std::uint64_t number = 0;                ///< grows; gaps mean nothing
  std::string name;                        ///< "JOB_STATUS_CHANGE"
  nlohmann::json data;                     ///< its members, an object
  std::chrono::microseconds wall_clock{};  ///< since the epoch
  /// {"event", "data", "timestamp": {"seconds", "microseconds"}, "number"}: made once for all who
  /// get it.
  std::string text = {};

  /// With its text.
  static Event make(std::uint64_t number, std::string name, nlohmann::json data,
                    std::chrono::microseconds wall_clock);
  /// From its text. Throws nlohmann::json::exception for a damaged one.
  static Event from_json(const nlohmann::json& event);
};

/// Takes events and hands them out. Thread: the reactor.
class DMJOB_EXPORT EventBus {
 public:
  static constexpr std::size_t kKept = 1000;   ///< events that since() has
  static constexpr std::size_t kStored = 200;  ///< events that are in record()
  /// More than can happen between two writes of the state file.
  static constexpr std::uint64_t kClaimed = 1'000'000;

  /// Must not throw. May publish, subscribe and unsubscribe, itself too: every subscriber still
  /// gets every event that is published while it is subscribed, once and in the order of their
  /// numbers.
  using Subscriber = std::function<void(const Event&)>;
  /// Names a subscription.
  using Token = std::uint64_t;

  /// Numbers the event and hands it to all subscribers, before it returns unless it is called by
  /// one.
  void publish(std::string name, nlohmann::json data);
  /// From the next event on.
  Token subscribe(Subscriber subscriber);
  /// No call follows.
  void unsubscribe(Token token);

  /// Events with a number above `after`, oldest first; before them EVENTS_LOST, if those that are
  /// kept may not be all.
  std::vector<Event> since(std::uint64_t after) const;
  /// The number of the last event; 0: there was none.
  std::uint64_t last_number() const { return last_number_; }

  /// JSON for the state file: {"claimed", "kept": [the last kStored events], "last", "lost"}.
  std::string record() const;
  /// Throws nlohmann::json::exception for a damaged record. Before the first event.
  void restore(const nlohmann::json& record);
  /// No event follows the next record(), so that it claims no numbers and the next start knows that
  /// nothing is lost.
  void close() { claimed_ahead_ = 0; }

 private:
  struct Subscription {
    std::uint64_t begun_after;  // number of the last event that it does not get
    Subscriber subscriber;
  };
  void deliver(const Event& event);

  std::uint64_t last_number_ = 0;
  std::uint64_t lost_ = 0;  // of the events up to this number some are not kept
  std::uint64_t claimed_ahead_ = kClaimed;
  Token last_token_ = 0;
  std::deque<Event> kept_;
  std::deque<Event> to_deliver_;  // the first one is being delivered
  std::map<Token, Subscription> subscribers_;
};

}  // namespace dmjob::core
