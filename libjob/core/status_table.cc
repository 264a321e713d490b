// SPDX-License-Identifier: LGPL-2.1-or-later
#include <array>
#include <cstddef>

#include "libjob/core/status.h"

namespace dmjob::core {
namespace {

template <typename Enum>
constexpr std::size_t index(Enum value) {
  return static_cast<std::size_t>(value);
}

using Row = std::string_view;  // '+' yes, '-' no; a letter a status

constexpr std::array<std::string_view, kStatuses> kStatusWords = {
    "undefined", "created", "running",  "paused",    "ready", "standby",
    "waiting",   "pending", "aborting", "concluded", "null",
};

constexpr std::array<std::string_view, kVerbs> kVerbWords = {
    "cancel", "pause", "resume", "set-speed", "complete", "finalize", "dismiss",
};

// Columns, here and below: U undefined, C created, R running, P paused, Y ready, S standby,
// W waiting, D pending, X aborting, E concluded, N null.

constexpr std::array<Row, kStatuses> kMoves = {
    // to: UCRPYSWDXEN      from:
    /*   */ "-+---------",  // undefined
    /*   */ "--+-----+-+",  // created
    /*   */ "---++-+-+--",  // running
    /*   */ "--+--------",  // paused
    /*   */ "-----++-+--",  // ready
    /*   */ "----+------",  // standby
    /*   */ "-------++--",  // waiting
    /*   */ "----+---++-",  // pending
    /*   */ "--------++-",  // aborting
    /*   */ "----------+",  // concluded
    /*   */ "-----------",  // null
};

constexpr std::array<Row, kVerbs> kVerbsIn = {
    // in: UCRPYSWDXEN
    /*   */ "-+++++++---",  // cancel
    /*   */ "-+++++-----",  // pause: refused, too, if paused already
    /*   */ "-+++++-----",  // resume: refused, too, if not paused
    /*   */ "-+++++-----",  // set-speed
    /*   */ "----++-----",  // complete: in standby acted on after the resume
    /*   */ "-------+---",  // finalize
    /*   */ "---------+-",  // dismiss
};

struct Traits {
  Stage stage;
  bool ready;
  Status paused_form;
  Status unpaused_form;
};

constexpr std::array<Traits, kStatuses> kTraits = {{
    // stage         ready  when paused         when not
    {Stage::kWork, false, Status::kUndefined, Status::kUndefined},
    {Stage::kWork, false, Status::kCreated, Status::kCreated},
    {Stage::kWork, false, Status::kPaused, Status::kRunning},
    {Stage::kWork, false, Status::kPaused, Status::kRunning},
    {Stage::kWork, true, Status::kStandby, Status::kReady},
    {Stage::kWork, true, Status::kStandby, Status::kReady},
    {Stage::kEffect, false, Status::kWaiting, Status::kWaiting},
    {Stage::kEffect, false, Status::kPending, Status::kPending},
    {Stage::kAbort, false, Status::kAborting, Status::kAborting},
    {Stage::kOver, false, Status::kConcluded, Status::kConcluded},
    {Stage::kOver, false, Status::kNull, Status::kNull},
}};

// --- laws ---

constexpr bool moves(Status from, Status to) { return kMoves[index(from)][index(to)] == '+'; }
constexpr bool takes(Verb verb, Status in) { return kVerbsIn[index(verb)][index(in)] == '+'; }
constexpr Status status_at(int i) { return static_cast<Status>(i); }
constexpr Verb verb_at(int i) { return static_cast<Verb>(i); }

template <std::size_t kRows>
constexpr bool well_formed(const std::array<Row, kRows>& table) {
  for (Row row : table) {
    if (row.size() != kStatuses || row.find_first_not_of("+-") != Row::npos) return false;
  }
  return true;
}

constexpr int ways_out(Status from) {
  int count = 0;
  for (int i = 0; i < kStatuses; ++i) count += moves(from, status_at(i));
  return count;
}

constexpr int verbs_in(Status status) {
  int count = 0;
  for (int i = 0; i < kVerbs; ++i) count += takes(verb_at(i), status);
  return count;
}

// Each pause is a way there and a way back.
constexpr bool pauses_return() {
  for (const Traits& traits : kTraits) {
    if (traits.paused_form == traits.unpaused_form) continue;
    if (!moves(traits.paused_form, traits.unpaused_form)) return false;
    if (!moves(traits.unpaused_form, traits.paused_form)) return false;
  }
  return true;
}

static_assert(index(Status::kNull) + 1 == kStatuses && index(Verb::kDismiss) + 1 == kVerbs);
static_assert(well_formed(kMoves) && well_formed(kVerbsIn));
static_assert(ways_out(Status::kNull) == 0, "null leaves nowhere");
static_assert(verbs_in(Status::kNull) == 0 && verbs_in(Status::kAborting) == 0);
static_assert(verbs_in(Status::kConcluded) == 1 && takes(Verb::kDismiss, Status::kConcluded));
static_assert(ways_out(Status::kConcluded) == 1 && moves(Status::kConcluded, Status::kNull));
static_assert(!moves(Status::kPaused, Status::kAborting), "a paused job is first taken back");
static_assert(!moves(Status::kStandby, Status::kAborting), "a paused job is first taken back");
static_assert(pauses_return());

}  // namespace

bool may_move(Status from, Status to) { return moves(from, to); }
bool may_apply(Verb verb, Status status) { return takes(verb, status); }

Stage stage_of(Status status) { return kTraits[index(status)].stage; }
bool is_ready_status(Status status) { return kTraits[index(status)].ready; }
Status paused_form(Status status) { return kTraits[index(status)].paused_form; }
Status unpaused_form(Status status) { return kTraits[index(status)].unpaused_form; }

std::string_view to_string(Status status) { return kStatusWords[index(status)]; }
std::string_view to_string(Verb verb) { return kVerbWords[index(verb)]; }

std::optional<Status> parse_status(std::string_view word) {
  for (int i = 0; i < kStatuses; ++i) {
    if (to_string(status_at(i)) == word) return status_at(i);
  }
  return std::nullopt;
}

}  // namespace dmjob::core
