// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether a table may be active twice at a time, as it is while a job has interposed: once in base
// and, for an instant, in the volume. Thread: any (pure function).
#pragma once

#include <string>

#include "dm/table.h"

namespace dmjob::dm {

// The first target of the table that may not: one that keeps state of its own on disk or in memory
// (raid, mirror, cache, integrity, snapshot, ...) or that we know nothing about. "" if all may.
std::string first_stateful_target(const Table& table);

}  // namespace dmjob::dm
