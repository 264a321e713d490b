// SPDX-License-Identifier: LGPL-2.1-or-later
// The ends of a copy that need both sides equal, for one volume or for several in one moment.
#include <cerrno>
#include <system_error>
#include <vector>

#include "dm/targets.h"
#include "dm/topology/copy_stack.h"
#include "dm/topology/table_switch.h"

namespace dmjob::dm {

TableSwitch CopyStack::end_switch(End end) {
  if (volume_state(devices()) != Found::Volume::kInterposed) {
    throw std::system_error(ESTALE, std::generic_category(),
                            "somebody else has replaced the table of " + spec_.volume);
  }
  require_in_sync();
  if (end == End::kKeep)
    return {spec_.volume, control_.table(inner_.name("base")), SuspendMode::kFreeze};
  const std::uint64_t length = control_.table(spec_.volume).sectors();
  return {spec_.volume, linear_table(length, target_), SuspendMode::kFlush};
}

void CopyStack::end_together(std::span<const Ending> endings, const Inside& inside) {
  std::vector<TableSwitch> switches;
  for (const auto& [stack, end] : endings) switches.push_back(stack->end_switch(end));
  const CopyStack& any = *endings.front().stack;
  switch_tables(any.control_, any.ledger_, switches, [&] {
    // A target may have failed while the last writes ended.
    for (const auto& [stack, end] : endings) stack->require_in_sync();
    inside();
  });
}

bool CopyStack::has_ended(End end) {
  const auto found = devices();
  const auto state = volume_state(found);
  if (end == End::kPivot) return state == Found::Volume::kOnTarget;
  return state == Found::Volume::kOther && found.contains("base") &&
         control_.table(spec_.volume) == control_.table(inner_.name("base"));
}

// The volume and not wr: a mirror that is suspended with a flush fails the writes that it holds,
// should its target fail just then. This way they are let go by release_held_writes().
void CopyStack::hold(const Inside& inside) {
  require_in_sync();
  hold_device(control_, ledger_, spec_.volume, [&] {
    require_in_sync();
    inside();
  });
}

void CopyStack::pivot(const Inside& inside) {
  const Ending pivot{this, End::kPivot};
  end_together({&pivot, 1}, inside);
}

}  // namespace dmjob::dm
