// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/copy/pivot_group.h"

#include <algorithm>
#include <functional>
#include <system_error>
#include <utility>

#include "libjob/core/attempt.h"
#include "libjob/core/error.h"
#include "libjob/drivers/copy/pivot_member.h"
#include "libjob/drivers/plan/planned_volume.h"

namespace dmjob::drivers {
namespace {

// A disk that takes longer for a few blocks is as good as none.
constexpr core::Duration kAnswer = std::chrono::seconds(10);

// A volume does not come to rest, a file system cannot be frozen, LVM is at work: nobody's fault
// and over some time. What is finished is not thrown away for it.
bool is_passing(const std::exception& error) {
  const auto* of_system = dynamic_cast<const std::system_error*>(&error);
  return of_system && (of_system->code() == std::errc::timed_out ||
                       of_system->code() == std::errc::device_or_resource_busy);
}

// On the worker. That the targets hold what we have written, and nobody else.
void require_own_targets(const PivotGroup::Members& all) {
  for (PivotMember* member : all) {
    if (!member->pivots()) member->copy().require_at_path();
    member->copy().require_untouched();
  }
}

// On the worker. Both sides of each are equal, and stay so; returns what the targets are called.
std::vector<LiveCopy::TargetName> keep_all_equal(const PivotGroup::Members& all) {
  std::vector<LiveCopy::TargetName> targets;
  for (PivotMember* member : all) targets.push_back(member->copy().name_target());
  for (PivotMember* member : all) member->copy().require_equal();
  for (PivotMember* member : all) member->copy().keep_equal(true);
  return targets;
}

boost::asio::awaitable<std::string> try_revoke(Environment& environment,
                                               std::vector<std::string> decisions) {
  PivotRecord* record = environment.pivots;
  std::erase(decisions, "");
  if (!record || decisions.empty()) co_return "it has no place in the record of revoked pivots";
  std::function<boost::asio::awaitable<void>()> revoke = [record, decisions] {
    return record->revoke(decisions);
  };
  co_return co_await core::attempt_within(environment.executor, kAnswer, std::move(revoke));
}

boost::asio::awaitable<std::string> try_revoke_or_persist(Environment& environment,
                                                          core::JobHost* host,
                                                          std::vector<std::string> decisions) {
  std::string failed = co_await try_revoke(environment, std::move(decisions));
  if (failed.empty()) {
    host->persist_soon();
    co_return "";
  }
  std::function<boost::asio::awaitable<void>()> persist = [host] { return host->persist(); };
  const std::string also =
      co_await core::attempt_within(environment.executor, kAnswer, std::move(persist));
  co_return also.empty() ? "" : failed;
}

}  // namespace

boost::asio::awaitable<void> PivotGroup::end_all(PivotMember& actor) {
  const Members all = members();
  for (PivotMember* member : all) member->begin_to_end();
  std::string failed;
  try {
    co_await try_end_all(actor, all);
  } catch (const std::exception& error) {
    failed = error.what();
  }
  for (PivotMember* member : all) co_await member->read_mode_back();
  for (PivotMember* member : all) member->leave_the_end(failed);
}

boost::asio::awaitable<void> PivotGroup::try_end_all(PivotMember& actor, Members all) {
  co_await gather(actor, all);
  Endings endings;
  for (PivotMember* member : all)
    endings.push_back({&member->copy(),
                       member->pivots() ? dm::CopyStack::End::kPivot : dm::CopyStack::End::kKeep});
  std::string failed = co_await decide(actor, all);
  if (failed.empty()) failed = co_await switch_all(actor, endings, all);
  Members undone;
  for (std::size_t i = 0; i < all.size(); ++i) {
    all[i]->note_ending(endings[i], failed);
    const bool decided = endings[i].end == dm::CopyStack::End::kPivot;
    if (decided && endings[i].known && !endings[i].done) undone.push_back(all[i]);
  }
  if (!undone.empty()) co_await revoke(actor, undone);
}

// A file system is frozen before the volume of its journal, which nobody has mounted, is suspended.
// What the watches have begun on the workers comes to an end.
boost::asio::awaitable<void> PivotGroup::gather(PivotMember& actor, Members& all) {
  const auto has_mounted = [](PivotMember* member) { return is_mounted(member->context().plan); };
  auto sort = [&] { std::ranges::partition(all, has_mounted); };
  if (all.size() > 1) co_await actor.context().worker.run(std::move(sort));
  for (PivotMember* member : all) {
    member->show_ending();
    auto nothing = [] {};
    co_await member->context().worker.run(std::move(nothing));
  }
}

// One write of the state file decides for all.
boost::asio::awaitable<std::string> PivotGroup::decide(PivotMember& actor, Members all) {
  JobContext& context = actor.context();
  auto confirm = [&] { require_own_targets(all); };
  co_await context.worker.run(std::move(confirm));
  std::erase_if(all, [](PivotMember* member) { return !member->pivots(); });
  gate_.open();
  if (all.empty()) co_return "";
  PivotRecord* record = context.environment.pivots;
  if (!record) throw core::Error("nothing is there that could revoke a pivot");
  co_await record->reserve(all.size());
  auto keep = [&] { return keep_all_equal(all); };
  const auto targets = co_await context.worker.run(std::move(keep));
  if (!gate_.is_open()) throw core::Error("the target failed before the volume was to switch");
  for (std::size_t i = 0; i < all.size(); ++i) all[i]->decide(targets[i]);
  co_return co_await try_persist(actor.job());
}

boost::asio::awaitable<std::string> PivotGroup::switch_all(PivotMember& actor, Endings& endings,
                                                           Members all) {
  std::vector<WantedVolume> volumes;
  for (PivotMember* member : all)
    volumes.emplace_back(member->context().plan.volume,
                         "end of job '" + member->context().job_id + "'");
  bool held = false;
  try {
    const auto holds = co_await hold_volumes(actor.context().environment.locks, volumes);
    held = true;
    auto call = [&] { LiveCopy::end_together(endings, [this] { pass_gate(); }); };
    co_await actor.context().worker.run(std::move(call));
  } catch (const std::exception& error) {
    for (PivotMember* member : all) member->note_put_off(!held || is_passing(error));
    co_return error.what();
  }
  co_return "";
}

void PivotGroup::pass_gate() {
  if (!gate_.pass())
    throw std::system_error(EIO, std::generic_category(),
                            "the target failed while the volume came to rest");
}

boost::asio::awaitable<std::string> PivotGroup::revoke_decisions(Environment& environment) const {
  std::vector<std::string> decisions;  // all of a group or none
  for (const PivotMember* member : members()) decisions.push_back(member->decision());
  return try_revoke(environment, std::move(decisions));
}

boost::asio::awaitable<void> PivotGroup::revoke(PivotMember& actor, Members undone) {
  core::Job& job = actor.job();
  gate_.shut();
  std::vector<std::string> decisions;
  for (PivotMember* member : undone) decisions.push_back(member->begin_to_revoke());
  Environment& environment = actor.context().environment;
  std::string failed = co_await try_revoke_or_persist(environment, &job.host(), decisions);
  while (!failed.empty() && !job.exiting()) {
    for (PivotMember* member : undone) co_await member->go_on_holding(failed);
    co_await job.wait_kick(Transfer::kSlice);
    failed = co_await try_revoke_or_persist(environment, &job.host(), decisions);
  }
  if (!failed.empty()) throw core::Error(failed);
  for (PivotMember* member : undone) co_await member->be_revoked();
}

}  // namespace dmjob::drivers
