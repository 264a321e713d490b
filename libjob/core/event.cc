// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/event.h"

#include <algorithm>
#include <utility>

#include "libjob/core/json_text.h"

namespace dmjob::core {
namespace {

std::chrono::microseconds now() {
  const auto time = std::chrono::system_clock::now().time_since_epoch();
  return std::chrono::duration_cast<std::chrono::microseconds>(time);
}

Event lost_between(std::uint64_t since, std::uint64_t number) {
  return Event::make(number, "EVENTS_LOST", {{"since", since}}, now());
}

}  // namespace

Event Event::make(std::uint64_t number, std::string name, nlohmann::json data,
                  std::chrono::microseconds wall_clock) {
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(wall_clock);
  const nlohmann::json all = {
      {"event", name},
      {"data", data},
      {"timestamp",
       {{"seconds", seconds.count()}, {"microseconds", (wall_clock - seconds).count()}}},
      {"number", number}};
  return {number, std::move(name), std::move(data), wall_clock, to_text(all)};
}

Event Event::from_json(const nlohmann::json& event) {
  const nlohmann::json& time = event.at("timestamp");
  return make(event.at("number"), event.at("event"), event.at("data"),
              std::chrono::seconds(time.at("seconds").get<std::int64_t>()) +
                  std::chrono::microseconds(time.at("microseconds").get<std::int64_t>()));
}

void EventBus::publish(std::string name, nlohmann::json data) {
  Event event = Event::make(++last_number_, std::move(name), std::move(data), now());
  kept_.push_back(event);
  if (kept_.size() > kKept) {
    lost_ = kept_.front().number;
    kept_.pop_front();
  }

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
  if (after < lost_) found.push_back(lost_between(after, lost_));
  const auto first = std::ranges::upper_bound(kept_, after, {}, &Event::number);
  found.insert(found.end(), first, kept_.end());
  return found;
}

std::string EventBus::record() const {
  const std::size_t skipped = kept_.size() - std::min(kept_.size(), kStored);
  ListText kept;
  for (std::size_t i = skipped; i < kept_.size(); ++i) kept.add(kept_[i].text);
  const std::uint64_t lost = skipped > 0 ? kept_[skipped - 1].number : lost_;
  return "{\"claimed\":" + std::to_string(last_number_ + claimed_ahead_) +
         ",\"kept\":" + kept.text() + ",\"last\":" + std::to_string(last_number_) +
         ",\"lost\":" + std::to_string(lost) + "}";
}

void EventBus::restore(const nlohmann::json& record) {
  const std::uint64_t last = record.at("last");
  last_number_ = record.at("claimed");
  lost_ = record.at("lost");
  for (const nlohmann::json& event : record.at("kept")) kept_.push_back(Event::from_json(event));
  // A claim that is still open: who made it was killed, and may have told more than it noted.
  if (last_number_ > last) kept_.push_back(lost_between(last, last_number_));
}

}  // namespace dmjob::core
