// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <map>

#include "tool/dmjob/commands.h"
#include "tool/dmjob/follow.h"
#include "tool/dmjob/interrupt.h"
#include "tool/dmjob/print.h"
#include "tool/dmjob/progress.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;
using nlohmann::json;

// Where there is no terminal for bars: a line, or with --json an object, for each change.
class ChangePrinter {
 public:
  explicit ChangePrinter(Console& console) : console_(console) {}

  void look(const JobState& state) {
    const auto outcome = state.reached(Goal::kEnd);
    const std::string now = outcome ? format_ending(state.job()) : phase_or_status(state.job());
    std::string& before = shown_[state.id()];
    if (now == before) return;
    before = now;
    print(state, now);
  }

 private:
  void print(const JobState& state, const std::string& now) {
    if (console_.json()) return console_.print_json_line(state.job());
    const std::string error = text_of(state.job(), "error");
    const std::string text = one_line(now + (now == "failed" ? ": " + error : ""));
    console_.print_line(state.id() + ' ' + format_percent(state.job()) + ' ' + text);
  }

  Console& console_;
  std::map<std::string, std::string> shown_;
};

std::vector<std::string> ids_to_watch(const Call& call, Client& client) {
  if (call.has("ID")) return {call.text("ID")};
  std::vector<std::string> ids;
  const json jobs = client.execute("query-block-jobs");
  for (const json& job : jobs) ids.push_back(text_of(job, "device"));
  return ids;
}

bool succeeded(const JobState& state) {
  const auto outcome = state.reached(Goal::kEnd);
  return outcome && outcome->ending == Ending::kDone;
}

}  // namespace

int watch(const Call& call) {
  const InterruptScope interrupt;
  Client client(call.socket());
  const std::vector<std::string> ids = ids_to_watch(call, client);
  if (ids.empty()) {
    call.console().remark("there is no job");
    return kExitDone;
  }
  Follower follower(call.console(), client, ids);
  ChangePrinter printer(call.console());
  follower.on_look([&printer](const JobState& state) { printer.look(state); });
  try {
    follower.wait(Goal::kEnd, Deadline::max());
  } catch (const Interrupted&) {
    throw CliError(kExitTimedOut,
                   "the jobs go on; `dmjob list` shows them, `dmjob cancel` ends one");
  }
  return std::ranges::all_of(follower.states(), succeeded) ? kExitDone : kExitFailed;
}

void add_wait_options(po::options_description& options) {
  options.add_options()(
      "for", po::value<std::string>()->value_name("ready|concluded")->default_value("ready"),
      "ready: until it is ready, or has ended if it never becomes ready; concluded: until it has "
      "ended");
  add_timeout_option(options);
}

int wait(const Call& call) {
  const std::string goal = call.text("for");
  if (goal != "ready" && goal != "concluded") {
    throw CliError(kExitUsage, "--for: '" + goal + "' is neither ready nor concluded");
  }
  WaitPlan plan;
  plan.goal = goal == "ready" ? Goal::kReady : Goal::kEnd;
  plan.deadline = call.deadline();
  Client client(call.socket());
  report_outcome(call, wait_for_job(call, client, call.text("ID"), plan));
  return kExitDone;
}

}  // namespace dmjob::cli
