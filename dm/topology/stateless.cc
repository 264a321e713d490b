// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/stateless.h"

#include <algorithm>
#include <iterator>
#include <string_view>

namespace dmjob::dm {
namespace {

// Where a sector goes follows from the table's text alone. multipath belongs here for its data; its
// paths' states are each instance's own, and multipathd looks after the volume by name only.
constexpr std::string_view kStateless[] = {"linear", "striped",   "crypt", "multipath",
                                           "delay",  "error",     "zero",  "flakey",
                                           "dust",   "unstriped", "ebs"};

bool stateless(const Segment& segment) {
  return std::find(std::begin(kStateless), std::end(kStateless), segment.target) !=
         std::end(kStateless);
}

}  // namespace

std::string first_stateful_target(const Table& table) {
  const auto& segments = table.segments();
  const auto found = std::find_if_not(segments.begin(), segments.end(), stateless);
  return found == segments.end() ? "" : found->target;
}

}  // namespace dmjob::dm
