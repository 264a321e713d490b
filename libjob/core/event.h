// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What jobs and volumes tell the world, in QMP's words and order. The bus numbers every event,
// hands it to all subscribers at once, and keeps the last ones for who was away.
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
  std::uint64_t number = 0;  // 1, 2, 3, ... since the state file was made
  std::string name;          // "JOB_STATUS_CHANGE"
  nlohmann::json data;
  std::chrono::microseconds wall_clock{};  // since the epoch

  // {"event", "data", "timestamp": {"seconds", "microseconds"}, "number"}
  nlohmann::json to_json() const;
};

class EventBus {
 public:
  static constexpr std::size_t kKept = 1000;

  // Must not throw. May publish, subscribe and unsubscribe, itself too: every subscriber still gets
  // every event that is published while it is subscribed, once and in the order of their numbers.
  using Subscriber = std::function<void(const Event&)>;
  using Token = std::uint64_t;

  void publish(std::string name, nlohmann::json data);
  Token subscribe(Subscriber subscriber);
  // No call follows.
  void unsubscribe(Token token);

  // Events with a number above `after`, oldest first, as far as they are kept.
  std::vector<Event> since(std::uint64_t after) const;
  std::uint64_t last_number() const { return last_number_; }
  void restore_number(std::uint64_t number) { last_number_ = number; }

 private:
  struct Subscription {
    std::uint64_t begun_after;  // number of the last event that it does not get
    Subscriber subscriber;
  };
  void deliver(const Event& event);

  std::uint64_t last_number_ = 0;
  Token last_token_ = 0;
  std::deque<Event> kept_;
  std::deque<Event> to_deliver_;  // the first one is being delivered
  std::map<Token, Subscription> subscribers_;
};

}  // namespace dmjob::core
