// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/tracker_renewal.h"

#include <cerrno>
#include <optional>
#include <system_error>

#include "dm/error.h"

namespace dmjob::dm {
namespace {

std::optional<MirrorStatus> status_of(Control& control, const std::string& wr) {
  const auto lines = control.status(wr);
  if (lines.size() != 1 || lines.front().target != "mirror") return std::nullopt;
  return parse_mirror_status(lines.front().text);
}

}  // namespace

Failing why_failing(const MirrorStatus& status) {
  const Health base = status.legs.front();
  if (status.log != Health::kAlive) return Failing::kNot;
  if (base == Health::kDead || base == Health::kFlushFailed) return Failing::kRefused;
  return base == Health::kSyncFailed ? Failing::kUnreadable : Failing::kNot;
}

Failing why_failing(Control& control, const std::string& wr) {
  const auto status = status_of(control, wr);
  return status ? why_failing(*status) : Failing::kNot;
}

bool fails_good_writes(const MirrorStatus& status) {
  return why_failing(status) == Failing::kRefused;
}

bool fails_good_writes(Control& control, const std::string& wr) {
  return why_failing(control, wr) == Failing::kRefused;
}

bool is_tracker(const Table& table) {
  if (table.segments().size() != 1 || table.segments().front().target != "mirror") return false;
  return table.segments().front().args.find("handle_errors") == std::string::npos;
}

void require_well_log(Control& control, const std::string& wr) {
  const auto status = status_of(control, wr);
  if (status && status->log == Health::kAlive) return;
  fail(EIO, "the log of " + wr + " has failed");
}

}  // namespace dmjob::dm
