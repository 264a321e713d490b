// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What jobs and volumes tell the world, in QMP's words and order. The bus numbers every event,
// hands it to all subscribers at once, and keeps the last ones for who was away.
//
// Numbers grow and are never given out twice. The state file may be older than the last event when
// the daemon is killed, so each record claims kClaimed numbers ahead, and the next start goes on
// behind them: gaps mean nothing. What may be missing from an answer is said by an event of its
// own:
//
//   EVENTS_LOST {"since": N}   some of the events from N + 1 up to its own number may be missing
//
// Thread: the reactor.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace dmjob::core {

struct Event {
  std::uint64_t number = 0;
  std::string name;  // "JOB_STATUS_CHANGE"
  nlohmann::json data;
  std::chrono::microseconds wall_clock{};  // since the epoch
  // {"event", "data", "timestamp": {"seconds", "microseconds"}, "number"}: made once for all who
  // get it.
  std::string text = {};

  static Event make(std::uint64_t number, std::string name, nlohmann::json data,
                    std::chrono::microseconds wall_clock);
  static Event from_json(const nlohmann::json& event);
};

class EventBus {
 public:
  static constexpr std::size_t kKept = 1000;
  static constexpr std::size_t kStored = 200;
  // More than can happen between two writes of the state file.
  static constexpr std::uint64_t kClaimed = 1'000'000;

  // Must not throw. May publish, subscribe and unsubscribe, itself too: every subscriber still gets
  // every event that is published while it is subscribed, once and in the order of their numbers.
  using Subscriber = std::function<void(const Event&)>;
  using Token = std::uint64_t;

  void publish(std::string name, nlohmann::json data);
  Token subscribe(Subscriber subscriber);
  // No call follows.
  void unsubscribe(Token token);

  // Events with a number above `after`, oldest first; before them EVENTS_LOST, if those that are
  // kept may not be all.
  std::vector<Event> since(std::uint64_t after) const;
  std::uint64_t last_number() const { return last_number_; }

  // JSON for the state file: {"claimed", "kept": [the last kStored events], "last", "lost"}.
  std::string record() const;
  // Throws nlohmann::json::exception for a damaged record. Before the first event.
  void restore(const nlohmann::json& record);
  // No event follows the next record(), so that it claims no numbers and the next start knows that
  // nothing is lost.
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
