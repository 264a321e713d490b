// SPDX-License-Identifier: LGPL-2.1-or-later
// The ends of a copy that need both sides equal, for one volume or for several in one moment.
#include <cerrno>
#include <chrono>
#include <exception>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "dm/suspend_limit.h"
#include "dm/targets.h"
#include "dm/topology/copy_stack.h"

namespace dmjob::dm {

void CopyStack::load_end(End end) {
  if (volume_state(devices()) != Found::Volume::kInterposed) {
    throw std::system_error(ESTALE, std::generic_category(),
                            "somebody else has replaced the table of " + spec_.volume);
  }
  require_in_sync();
  const std::uint64_t length = control_.table(spec_.volume).sectors();
  control_.load(spec_.volume, end == End::kPivot ? linear_table(length, spec_.target)
                                                 : control_.table(inner("base")));
}

namespace {

// Of several volumes, since the first ones wait for the last.
constexpr std::chrono::seconds kPatience(5);

// Past the point of no return: one that fails keeps no other from ending.
void resume_all(std::vector<std::optional<SuspendGuard>>& guards) {
  std::exception_ptr first_error;
  for (auto& guard : guards)
    if (&guard != &guards.front()) guard->follow(*guards.front());
  for (auto& guard : guards) guard->on_death(OnDeath::kNewTable);  // the first decides for all
  for (auto& guard : guards) {
    try {
      guard->resume();
    } catch (const std::system_error&) {
      if (!first_error) first_error = std::current_exception();
    }
  }
  if (first_error) std::rethrow_exception(first_error);
}

}  // namespace

void CopyStack::suspend_all(std::span<const Ending> endings, Guards& guards) {
  std::vector<Table> tables;
  for (const auto& [stack, end] : endings)
    tables.push_back(stack->control_.table(stack->spec_.volume));
  std::optional<SuspendLimit> limit;
  if (endings.size() > 1) limit.emplace(kPatience);
  for (std::size_t i = 0; i < endings.size(); ++i) {
    const auto& [stack, end] = endings[i];
    const auto mode = end == End::kPivot ? SuspendMode::kFlush : SuspendMode::kFreeze;
    try {
      guards[i].emplace(stack->control_, stack->ledger_, stack->spec_.volume, mode,
                        OnDeath::kOldTable, std::move(tables[i]));
    } catch (const std::system_error& error) {
      if (error.code() != std::errc::interrupted) throw;
      throw std::system_error(ETIMEDOUT, std::generic_category(),
                              stack->spec_.volume + " or its target does not come to rest");
    }
  }
}

void CopyStack::end_together(std::span<const Ending> endings, const Inside& inside) {
  std::size_t loaded = 0;
  try {
    for (; loaded < endings.size(); ++loaded) endings[loaded].stack->load_end(endings[loaded].end);
    Guards guards(endings.size());
    suspend_all(endings, guards);
    // A target may have failed while the last writes ended.
    for (const auto& [stack, end] : endings) stack->require_in_sync();
    inside();
    resume_all(guards);
  } catch (...) {
    for (const auto& [stack, end] : endings.first(loaded))
      stack->drop_inactive(stack->spec_.volume);
    throw;
  }
}

bool CopyStack::has_ended(End end) {
  const auto found = devices();
  const auto state = volume_state(found);
  if (end == End::kPivot) return state == Found::Volume::kOnTarget;
  return state == Found::Volume::kOther && found.contains("base") &&
         control_.table(spec_.volume) == control_.table(inner("base"));
}

void CopyStack::pivot(const Inside& inside) {
  const Ending pivot{this, End::kPivot};
  end_together({&pivot, 1}, inside);
}

}  // namespace dmjob::dm
