// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/event.h"

#include <utility>

namespace dmjob::core {

nlohmann::json Event::to_json() const {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wall_clock);
  return {{"event", name},
          {"data", data},
          {"timestamp",
           {{"seconds", seconds.count()}, {"microseconds", (wall_clock - seconds).count()}}},
          {"number", number}};
}

void EventBus::publish(std::string name, nlohmann::json data) {
  const auto now = std::chrono::system_clock::now().time_since_epoch();
  Event event{++last_number_, std::move(name), std::move(data),
              std::chrono::duration_cast<std::chrono::microseconds>(now)};
  kept_.push_back(event);
  if (kept_.size() > kKept) kept_.pop_front();

  // Published from within a delivery: comes after the one under way, so that all see one order.
  to_deliver_.push_back(std::move(event));
  if (to_deliver_.size() > 1) return;
  while (!to_deliver_.empty()) {
    deliver(to_deliver_.front());
    to_deliver_.pop_front();
  }
}

void EventBus::deliver(const Event& event) {
  auto next = subscribers_.begin();
  while (next != subscribers_.end()) {
    const Token token = next->first;
    if (next->second.begun_after < event.number) {
      // A copy, because the subscriber may unsubscribe itself while it runs.
      const Subscriber subscriber = next->second.subscriber;
      subscriber(event);
    }
    next = subscribers_.upper_bound(token);
  }
}

EventBus::Token EventBus::subscribe(Subscriber subscriber) {
  subscribers_.emplace(++last_token_, Subscription{last_number_, std::move(subscriber)});
  return last_token_;
}

void EventBus::unsubscribe(Token token) { subscribers_.erase(token); }

std::vector<Event> EventBus::since(std::uint64_t after) const {
  std::vector<Event> found;
  for (const Event& event : kept_) {
    if (event.number > after) found.push_back(event);
  }
  return found;
}

}  // namespace dmjob::core
