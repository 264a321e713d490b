// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/commands.h"
#include "tool/dmjob/follow.h"
#include "tool/dmjob/interrupt.h"
#include "tool/dmjob/unreadable.h"

namespace dmjob::cli {
namespace {

std::string goes_on(const std::string& id) {
  return "job '" + id + "' goes on; `dmjob watch " + id + "` shows it, `dmjob cancel " + id +
         "` ends it";
}

void tell_ready(const Call& call, const Outcome& outcome) {
  const std::string id = text_of(outcome.job, "id");
  call.console().remark("job '" + id + "' is ready; `dmjob complete " + id + "` switches to " +
                        text_of(outcome.job, "target") + ", `dmjob cancel " + id +
                        "` leaves it a copy");
}

// A copy that ends well with holes in it must not look like a whole one.
void tell_unreadable(const Call& call, const Outcome& outcome) {
  const std::string unreadable = unreadable_text(outcome.job);
  if (!unreadable.empty()) call.console().remark("the source could not be read: " + unreadable);
}

}  // namespace

Outcome wait_for_job(const Call& call, Client& client, const std::string& id,
                     const WaitPlan& plan) {
  const InterruptScope interrupt;
  Follower follower(call.console(), client, {id});
  if (!plan.at_ready.empty()) follower.at_ready(plan.at_ready, plan.arguments, plan.sent);
  const std::string still = plan.goes_on.empty() ? goes_on(id) : plan.goes_on;
  try {
    if (!follower.wait(plan.goal, plan.deadline)) {
      throw CliError(kExitTimedOut, "the time is over; " + still);
    }
  } catch (const Interrupted&) {
    throw CliError(kExitTimedOut, still);
  }
  return *follower.states().front().reached(plan.goal);
}

void report_outcome(const Call& call, const Outcome& outcome) {
  if (call.console().json()) call.console().print_json(outcome.job);
  const std::string job = "job '" + text_of(outcome.job, "id") + "' ";
  switch (outcome.ending) {
    case Ending::kReady:
      tell_unreadable(call, outcome);
      return tell_ready(call, outcome);
    case Ending::kDone:
      tell_unreadable(call, outcome);
      return call.console().remark(job + "is done");
    case Ending::kCancelled:
      throw CliError(kExitFailed, job + "was cancelled; " + text_of(outcome.job, "target") +
                                      " is not a usable copy");
    case Ending::kFailed:
      throw CliError(kExitFailed, job + "failed: " + outcome.error);
  }
}

void add_timeout_option(boost::program_options::options_description& options) {
  options.add_options()("timeout", boost::program_options::value<int>()->value_name("SECONDS"),
                        "do not wait longer; the job goes on (exit status 4)");
}

}  // namespace dmjob::cli
