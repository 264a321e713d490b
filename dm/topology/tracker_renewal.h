// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A tracker whose base has refused one write has two failed sides: from then on the kernel fails
// every write that would mark a region, until the table is loaded again; and it tells nobody. So
// somebody looks, often, and loads the same table with the same log: what was marked is on disk and
// stays so. (The kernel then tries to copy what is marked to the
// failing side, once: noise. A region of the base that it cannot read counts as a failure until it
// has tried all; a new table would have it begin again.)
//
// Thread: any, but nobody else may change the table at the time. Errors: std::system_error.
#pragma once

#include <string>

#include "dm/control.h"
#include "dm/status.h"

namespace dmjob::dm {

// Why a tracker fails good writes, by its status. Not if the log has failed, too: a new table would
// hide that marks are missing.
enum class Failing {
  kNot,
  kRefused,     // base has refused a write
  kUnreadable,  // a marked region of base, until all are tried; only another log helps
};
Failing why_failing(const MirrorStatus& status);
// Asks about a device; needs no lock of libdevmapper. Throws ENXIO if it is not there.
Failing why_failing(Control& control, const std::string& wr);

// What the same table helps against: kRefused.
bool fails_good_writes(const MirrorStatus& status);

// The same of a device; needs no lock of libdevmapper. Throws ENXIO if it is not there.
bool fails_good_writes(Control& control, const std::string& wr);

// Made by tracker_table(); a mirror that holds writes is none.
bool is_tracker(const Table& table);

// Throws EIO if the log has failed: to be called within the suspension that is to change tables.
void require_well_log(Control& control, const std::string& wr);

}  // namespace dmjob::dm
