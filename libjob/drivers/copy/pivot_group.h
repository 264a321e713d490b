// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The live copies of one transaction, whose volumes switch in one suspended moment. The last one to
// come acts for all: it gathers them, decides, switches, and revokes what did not happen. A copy of
// its own is a group of one. The watch of each goes on meanwhile, but only lets held writes go.
//
// How a decision is revoked, since a target has failed before the switch: the mirror holds every
// write that the target refuses, so up to here both sides have all that was acknowledged. What is
// let go from here on is on the source alone. So first no boot may take the target any more, by a
// record that is durable, and then the writes go on. Should that not be possible, the writes are
// held, which job and events say; after a while they fail, and reads go on. Letting them go would
// lose them should the power fail; holding them for ever would hang whoever writes.
//
// Thread: the reactor. Owned by its members.
#pragma once

#include <string>
#include <vector>

#include "libjob/drivers/base/rendezvous.h"
#include "libjob/drivers/copy/live_copy.h"
#include "libjob/drivers/copy/pivot_gate.h"
#include "libjob/drivers/plan/environment.h"

namespace dmjob::drivers {

class PivotMember;

class PivotGroup : public Rendezvous<PivotMember> {
 public:
  PivotGate& gate() { return gate_; }

  // By `actor`, for all. What came of it each is told.
  boost::asio::awaitable<void> end_all(PivotMember& actor);
  // Returns when no boot would take their targets any more; before that the sides must stay equal.
  // Throws Error if the daemon ends before.
  boost::asio::awaitable<void> revoke(PivotMember& actor, Members undone);
  // All decisions of the group, on disk. Returns "" or why not.
  boost::asio::awaitable<std::string> revoke_decisions(Environment& environment) const;

 private:
  using Endings = std::vector<LiveCopy::Ending>;

  // In this order; a text is "" or why it could not be done.
  boost::asio::awaitable<void> try_end_all(PivotMember& actor, Members all);
  boost::asio::awaitable<void> gather(PivotMember& actor, Members& all);
  boost::asio::awaitable<std::string> decide(PivotMember& actor, Members all);
  boost::asio::awaitable<std::string> switch_all(PivotMember& actor, Endings& endings, Members all);
  // Throws if a target has failed. On the worker, with all volumes suspended.
  void pass_gate();

  PivotGate gate_;
};

}  // namespace dmjob::drivers
