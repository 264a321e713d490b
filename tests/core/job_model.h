// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a client may know of a job: its status from the events, and its flags from what was granted.
// Written down once more, and simpler, to be compared with libjob/core.
#pragma once

#include <map>
#include <string>
#include <string_view>

namespace dmjob::test {

// The verbs that a status takes: c cancel, p pause, r resume, s set-speed, m complete, f finalize,
// d dismiss.
inline const std::map<std::string, std::string_view> kVerbsOf = {
    {"created", "cprs"}, {"running", "cprs"},  {"paused", "cprs"},
    {"ready", "cprsm"},  {"standby", "cprsm"}, {"waiting", "c"},
    {"pending", "cf"},   {"aborting", ""},     {"concluded", "d"}};

inline const std::map<std::string, std::string_view> kNextOf = {
    {"", "created"},
    {"created", "running aborting null"},
    {"running", "paused ready waiting aborting"},
    {"paused", "running"},
    {"ready", "standby waiting aborting"},
    {"standby", "ready"},
    {"waiting", "pending aborting"},
    {"pending", "aborting concluded"},
    {"aborting", "concluded"},
    {"concluded", "null"}};

struct JobModel {
  std::string status;  // of the last event
  bool paused = false;
  bool cancelled = false;
  bool soft = false;
  bool complete = false;
  bool finalized = false;  // asked for, or never waited for
  bool started = false;
  std::string ending;  // "COMPLETED", "COMPLETED(error)", "CANCELLED"

  bool is_ready() const { return status == "ready" || status == "standby"; }
  bool takes(char verb) const { return kVerbsOf.at(status).find(verb) != std::string_view::npos; }

  // --- whether a verb is granted, and what then is known ---
  bool grant_cancel(bool force) {
    if ((!force && paused) || !takes('c')) return false;
    if (!force && is_ready() && !cancelled) {
      soft = true;
      complete = false;
    } else {
      cancelled = true;
      paused = false;
    }
    return true;
  }
  bool grant_pause() { return takes('p') && !paused && (paused = true); }
  bool grant_resume() {
    if (!takes('r') || !paused) return false;
    paused = false;
    return true;
  }
  bool grant_complete() { return takes('m') && !cancelled && !soft && (complete = true); }
  bool grant_finalize() { return takes('f') && (finalized = true); }

  // --- what an event tells ---
  // False: that status may not follow.
  bool see_status(const std::string& next) {
    const std::string_view may = kNextOf.at(status);
    const auto at = may.find(next);
    const bool known = at != std::string_view::npos;
    status = next;
    started = started || next == "running";
    const bool works = next == "created" || next == "running" || next == "paused" || is_ready();
    if (!works) paused = false;
    return known;
  }
};

}  // namespace dmjob::test
