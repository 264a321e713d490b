// SPDX-License-Identifier: LGPL-2.1-or-later
#include <algorithm>
#include <optional>

#include "tool/dmjob/commands.h"
#include "tool/dmjob/follow.h"
#include "tool/dmjob/interrupt.h"
#include "tool/dmjob/unreadable.h"

namespace dmjob::cli {
namespace {

using nlohmann::json;

std::string goes_on(const std::vector<std::string>& ids) {
  if (ids.size() > 1)
    return "the jobs go on; `dmjob watch` shows them, `dmjob cancel " + ids.front() +
           "` ends them all";
  const std::string& id = ids.front();
  return "job '" + id + "' goes on; `dmjob watch " + id + "` shows it, `dmjob cancel " + id +
         "` ends it";
}

void tell_ready(const Call& call, const Outcome& outcome) {
  const std::string id = text_of(outcome.job, "id");
  if (text_of(outcome.job, "type") == "commit")
    return call.console().remark("all is merged; `dmjob complete " + id +
                                 "` ends the snapshot, `dmjob cancel " + id + "` begins it anew");
  call.console().remark("job '" + id + "' is ready; `dmjob complete " + id + "` switches to " +
                        text_of(outcome.job, "target") + ", `dmjob cancel " + id +
                        "` leaves it a copy");
}

std::string left_by(const nlohmann::json& job) {
  const std::string type = text_of(job, "type");
  if (type == "stream" || type == "commit")
    return "volume " + text_of(job, "volume") + " is whole, `dmjob volumes` tells where it stands";
  return text_of(job, "target") + " is not a usable copy";
}

// A copy that ends well with holes in it must not look like a whole one.
void tell_unreadable(const Call& call, const Outcome& outcome) {
  const std::string unreadable = unreadable_text(outcome.job);
  if (!unreadable.empty()) call.console().remark("the source could not be read: " + unreadable);
}

void tell(const Call& call, const Outcome& outcome) {
  const std::string job = "job '" + text_of(outcome.job, "id") + "' ";
  const bool compared = compares(outcome.job);
  switch (outcome.ending) {
    case Ending::kReady:
      tell_unreadable(call, outcome);
      return tell_ready(call, outcome);
    case Ending::kDone:
      tell_unreadable(call, outcome);
      return call.console().remark(job + (compared ? "is done: both are equal" : "is done"));
    case Ending::kCancelled:
      throw CliError(kExitFailed,
                     job + "was cancelled" + (compared ? "" : "; " + left_by(outcome.job)));
    case Ending::kFailed:
      throw CliError(kExitFailed, job + "failed: " + outcome.error);
    case Ending::kPutOff:
      throw CliError(kExitFailed,
                     job + "could not take effect now and is ready as before: " + outcome.error);
  }
}

}  // namespace

Outcome wait_for_job(const Call& call, Client& client, const std::string& id,
                     const WaitPlan& plan) {
  return wait_for_jobs(call, client, {id}, plan).front();
}

std::vector<Outcome> wait_for_jobs(const Call& call, Client& client,
                                   const std::vector<std::string>& ids, const WaitPlan& plan) {
  const InterruptScope interrupt;
  Follower follower(call.console(), client, ids);
  if (!plan.at_ready.empty()) follower.at_ready(plan.at_ready, plan.arguments, plan.sent);
  const std::string still = plan.goes_on.empty() ? goes_on(ids) : plan.goes_on;
  try {
    if (!follower.wait(plan.goal, plan.deadline)) {
      throw CliError(kExitTimedOut, "the time is over; " + still);
    }
  } catch (const Interrupted&) {
    throw CliError(kExitTimedOut, still);
  }
  std::vector<Outcome> outcomes;
  for (const JobState& state : follower.states())
    outcomes.push_back(*follower.outcome_of(state, plan.goal));
  return outcomes;
}

void report_outcome(const Call& call, const Outcome& outcome) { report_outcomes(call, {outcome}); }

// Those that failed come first: in a transaction they are why others were cancelled.
void report_outcomes(const Call& call, std::vector<Outcome> outcomes) {
  if (call.console().json()) {
    json jobs = json::array();
    for (const Outcome& outcome : outcomes) jobs.push_back(outcome.job);
    call.console().print_json(jobs.size() == 1 ? jobs.front() : jobs);
  }
  std::ranges::partition(outcomes,
                         [](const Outcome& outcome) { return outcome.ending == Ending::kFailed; });
  std::optional<CliError> failed;
  for (const Outcome& outcome : outcomes) {
    try {
      tell(call, outcome);
    } catch (const CliError& error) {
      if (!failed) failed = error;
    }
  }
  if (failed) throw CliError(*failed);
}

void add_timeout_option(boost::program_options::options_description& options) {
  options.add_options()("timeout", boost::program_options::value<int>()->value_name("SECONDS"),
                        "do not wait longer; the job goes on (exit status 4)");
}

}  // namespace dmjob::cli
