// SPDX-License-Identifier: LGPL-2.1-or-later
// The ends of a copy that need both sides equal, for one volume or for several in one moment.
#include <cerrno>
#include <string>
#include <system_error>
#include <vector>

#include "dm/targets.h"
#include "dm/topology/copy_stack.h"
#include "dm/topology/table_switch.h"

namespace dmjob::dm {

TableSwitch CopyStack::end_switch(End end) {
  const Table from = require_interposed(devices());
  require_in_sync();
  const std::string& volume = volume_.name();
  if (end == End::kKeep)
    return {volume, control_.table(inner_.name("base")), SuspendMode::kFreeze, from};
  return {volume, linear_table(from.sectors(), target_), SuspendMode::kFlush, from};
}

void CopyStack::end_together(std::span<const Ending> endings, const Inside& inside) {
  std::vector<TableSwitch> switches;
  std::vector<std::string> kept;
  for (const auto& [stack, end] : endings) {
    switches.push_back(stack->end_switch(end));
    if (end == End::kKeep) kept.push_back(stack->wr());
  }
  const CopyStack& any = *endings.front().stack;
  switch_tables(any.control_, any.ledger_, switches, [&] {
    // A target may have failed while the last writes ended.
    for (const auto& [stack, end] : endings) stack->require_in_sync();
    inside();
    // Left as they are, these mirrors tell that it was us who ended: is_left_equal().
    for (const std::string& wr : kept) any.ledger_.forget_mirror(wr);
  });
}

bool CopyStack::has_ended(End end) {
  const auto found = devices();
  const auto state = volume_state(found);
  if (end == End::kPivot) return state == Found::Volume::kOnTarget;
  return state == Found::Volume::kOther && has_own_table(found);
}

bool CopyStack::is_left_equal() {
  devices();
  try {
    require_in_sync();
  } catch (const std::system_error&) {
    return false;
  }
  return true;
}

// The volume and not wr: a mirror that is suspended with a flush fails the writes that it holds,
// should its target fail just then. This way they are let go by release_held_writes().
void CopyStack::hold(const Inside& inside) {
  require_in_sync();
  const Table from = require_interposed(devices());
  hold_device(control_, ledger_, volume_.name(), from, [&] {
    require_in_sync();
    inside();
  });
}

}  // namespace dmjob::dm
