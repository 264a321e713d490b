// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/follow.h"

#include <algorithm>

#include "tool/dmjob/change.h"

namespace dmjob::cli {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kReconnectLimit = 30s;
constexpr auto kBetweenBars = 200ms;
constexpr auto kBetweenLooks = 2s;  // events say all; this is in case one got lost

}  // namespace

Follower::Follower(Console& console, Client& client, const std::vector<std::string>& ids)
    : console_(console), client_(client), states_(ids.begin(), ids.end()) {}

void Follower::at_ready(std::string command, json arguments, bool sent) {
  command_ = std::move(command);
  arguments_ = std::move(arguments);
  sent_ = sent_before_ = sent;
}

void Follower::look() {
  const json jobs = states_.size() == 1 ? client_.query_block_job(states_.front().id())
                                        : client_.execute("query-block-jobs");
  // What came before the answer was so when it was given: a job that is not in it has told its end.
  while (const auto event = client_.queued_event()) hear(*event);
  for (JobState& state : states_) {
    state.see(jobs, [this] { return client_.ask_if_known("query-job-history"); });
    if (state.unknown()) {
      throw CliError(kExitFailed,
                     "there is no job '" + state.id() + "'; `dmjob list --all` shows all");
    }
  }
  send_at_ready();
  show();
}

void Follower::send_at_ready() {
  if (sent_ || command_.empty() || !states_.front().is_ready()) return;
  try {
    change(console_, client_, command_, arguments_);
  } catch (const CommandError&) {
    // Refused the second time: it is under way since the first.
    if (!sent_before_) throw;
  }
  sent_ = sent_before_ = true;
}

void Follower::show() {
  std::vector<json> running;
  for (JobState& state : states_) {
    observer_(state);
    if (const auto news = state.news()) console_.remark(*news);
    if (!state.reached(Goal::kEnd)) running.push_back(state.job());
  }
  console_.draw(running);
}

bool Follower::hear(const json& event) {
  bool due = false;
  for (JobState& state : states_) due |= state.hear(event);
  return due;
}

// Until something has happened, at the latest for a moment.
void Follower::listen(Deadline deadline) {
  const auto pause =
      console_.draws() ? Clock::duration(kBetweenBars) : Clock::duration(kBetweenLooks);
  const Deadline until = std::min(deadline, Clock::now() + pause);
  bool due = false;
  while (!due) {
    const auto event = client_.next_event(until);
    if (!event) return;
    due = hear(*event);
  }
  while (const auto event = client_.next_event(Clock::now())) hear(*event);
}

// False: the deadline has passed and the daemon is still away.
bool Follower::reconnect(Deadline deadline) {
  console_.remark("the daemon is gone; waiting for it to come back");
  sent_ = command_.empty();
  const Deadline limit = Clock::now() + kReconnectLimit;
  try {
    client_.reconnect(std::min(deadline, limit));
  } catch (const Disconnected&) {
    if (deadline > limit) throw;
    return false;
  }
  return true;
}

std::optional<Outcome> Follower::outcome_of(const JobState& state, Goal goal) const {
  const auto reached = state.reached(goal);
  const bool told = !command_.empty() && sent_;
  return reached || !told ? reached : state.put_off();
}

bool Follower::wait(Goal goal, Deadline deadline) {
  for (;;) {
    try {
      look();
      const auto is_there = [&](const JobState& state) {
        return outcome_of(state, goal).has_value();
      };
      if (std::ranges::all_of(states_, is_there)) return true;
      if (Clock::now() >= deadline) return false;
      listen(deadline);
    } catch (const Disconnected&) {
      if (!reconnect(deadline)) return false;
    }
  }
}

}  // namespace dmjob::cli
