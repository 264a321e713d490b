// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/info.h"

#include <algorithm>
#include <array>
#include <vector>

#include "tool/dmjob/job_state.h"
#include "tool/dmjob/print.h"
#include "tool/dmjob/progress.h"
#include "tool/dmjob/size.h"
#include "tool/dmjob/unreadable.h"

namespace dmjob::cli {
namespace {

using nlohmann::json;

struct StatusWords {
  std::string_view status;
  std::string_view meaning;
  std::string_view type = "";  // of the job; "": any other
};

constexpr std::array kMeanings = {
    StatusWords{"created", "about to start"},
    StatusWords{"running", "copying"},
    StatusWords{"paused", "stopped; the instant is kept, which takes scratch at each write",
                "backup"},
    StatusWords{"paused", "stopped", "compare"},
    StatusWords{"paused", "stopped; what is written meanwhile is noted and copied later"},
    StatusWords{"ready", "both sides are equal, each write goes to both"},
    StatusWords{"standby",
                "was ready, is stopped; what is written meanwhile is noted and copied later"},
    StatusWords{"waiting", "done; waits for the other jobs of its transaction"},
    StatusWords{"pending", "done; both are equal", "compare"},
    StatusWords{"pending", "done; takes effect when it is finalized"},
    StatusWords{"aborting", "ends without success", "compare"},
    StatusWords{"aborting", "ends without success; the volume is put back on its own disk"},
    StatusWords{"concluded", "over"},
};

// For the jobs that end an overlay.
constexpr std::array kOverlayMeanings = {
    StatusWords{"paused", "stopped; what is written to the volume goes to its scratch"},
    StatusWords{"ready", "all is merged; what is written goes to the disk"},
    StatusWords{"standby", "all is merged; what is written goes to the disk"},
    StatusWords{"aborting", "ends without success; the volume stays whole"},
};

bool ends_overlay(const json& job) {
  return text_of(job, "type") == "stream" || text_of(job, "type") == "commit";
}

std::string meaning_of(const json& job) {
  if (const std::string phase = text_of(job, "phase");
      text_of(job, "status") == "running" && !phase.empty()) {
    return phase;
  }
  for (const StatusWords& words : kOverlayMeanings) {
    if (ends_overlay(job) && words.status == text_of(job, "status"))
      return std::string(words.meaning);
  }
  for (const StatusWords& words : kMeanings) {
    const bool fits = words.type.empty() || words.type == text_of(job, "type");
    if (fits && words.status == text_of(job, "status")) return std::string(words.meaning);
  }
  return "";
}

bool is_about(const json& event, const std::string& id) {
  const json data = event.value("data", json::object());
  return text_of(data, "id") == id || text_of(data, "device") == id;
}

// The last such event of the job; nullptr: none is kept.
const json* last_event(const json& events, const std::string& id, const std::string& name) {
  const json* found = nullptr;
  for (const json& event : events) {
    if (text_of(event, "event") == name && is_about(event, id)) found = &event;
  }
  return found;
}

// "3 min"; "" if it is not known.
std::string age_of(const json* event, std::int64_t now) {
  if (event == nullptr) return "";
  const auto then =
      static_cast<std::int64_t>(number_of(event->value("timestamp", json::object()), "seconds"));
  return then == 0 || then > now ? "" : format_duration(static_cast<std::uint64_t>(now - then));
}

std::string status_line(const json& job, const JobContext& context) {
  const json* change = last_event(context.events, text_of(job, "id"), "JOB_STATUS_CHANGE");
  const std::string age = age_of(change, context.now);
  if (context.gone) return format_ending(job) + (age.empty() ? "" : ", " + age + " ago");
  std::string text = text_of(job, "status") + (age.empty() ? "" : " for " + age);
  if (const std::string meaning = meaning_of(job); !meaning.empty()) text += ": " + meaning;
  return text;
}

std::string progress_text(const json& job) {
  std::string text = format_percent(job) + ", " + format_size(number_of(job, "offset")) + " of " +
                     format_size(number_of(job, "len"));
  const auto dirty = number_of(job, "dirty");
  if (dirty != 0 && text_of(job, "type") != "backup")
    text += "; " + format_size(dirty) + " differ now";
  return text;
}

// With what a snapshot takes of it, if there is one.
std::string scratch_text(const json& job) {
  std::string text = text_of(job, "scratch");
  if (const auto size = number_of(job, "scratch-size"); size != 0)
    text += ", " + format_size(number_of(job, "scratch-used")) + " of " + format_size(size) +
            " used; if it gets full, the job fails";
  if (flag_of(job, "scratch-full")) text += "; it cannot grow: make room in its file system";
  return text;
}

std::string speed_text(const json& job) {
  const auto limit = number_of(job, "speed");
  return format_size(number_of(job, "rate")) + "/s, " +
         (limit == 0 ? "no limit" : "limit " + format_size(limit) + "/s");
}

// In the merge nothing new goes to the scratch.
std::string held_text(const json& job, const JobContext& context) {
  if (!context.held) return "";
  if (!ends_overlay(job)) return ", HELD: writes to it wait, since its scratch is full";
  return ", HELD: writes to it wait, since its scratch is full; none is lost, they go on when the "
         "merge begins";
}

// In JSON a list.
std::string not_frozen_text(const json& job) {
  std::string text;
  for (const json& line : job.value("not-frozen", json::array()))
    text += (text.empty() ? "" : "; ") + line.get<std::string>();
  return text;
}

std::string time_left(const json& job) {
  const auto eta = number_of(job, "eta");
  return eta == 0 ? "" : format_duration(eta);
}

// The last I/O error, if it still matters.
std::string io_error_text(const json& job, const JobContext& context) {
  const std::string io_status = text_of(job, "io-status");
  const json* event = last_event(context.events, text_of(job, "id"), "BLOCK_JOB_ERROR");
  if (event == nullptr) return io_status.empty() || io_status == "ok" ? "" : io_status;
  const std::string side = text_of((*event)["data"], "operation") == "write" ? "writing the target"
                           : reads_both_sides(job)                           ? "reading"
                                                                             : "reading the source";
  const std::string age = age_of(event, context.now);
  return side + " failed" + (age.empty() ? "" : ", " + age + " ago") +
         (io_status == "nospace" ? "; no space left" : "");
}

// Older daemons do not tell it.
bool takes(const json& job, std::string_view verb) {
  const auto verbs = job.find("verbs");
  if (verbs == job.end() || !verbs->is_array()) return true;
  return std::ranges::find(*verbs, json(verb)) != verbs->end();
}

// "" if the job would refuse it now. verb: with its options, "cancel --force".
std::string offer(const json& job, std::string_view verb, std::string_view effect) {
  if (!takes(job, verb.substr(0, verb.find(' ')))) return "";
  return "`dmjob " + std::string(verb) + ' ' + text_of(job, "id") + "` " + std::string(effect);
}

std::string listed(const std::vector<std::string>& offers) {
  std::string list;
  for (const std::string& text : offers)
    if (!text.empty()) list += (list.empty() ? "" : "; ") + text;
  return list;
}

std::string advice_when_ready(const json& job, const JobContext& context) {
  const std::string volume = text_of(job, "volume");
  const std::string target = text_of(job, "target");
  if (ends_overlay(job))
    return listed({offer(job, "complete", "ends the snapshot"),
                   offer(job, "cancel", "begins it anew, of that instant")});
  const std::string keep = offer(job, "cancel", "ends it and leaves " + target + " a copy");
  if (context.managed == false)
    return listed({keep, volume + " is not managed by dmjob and cannot be switched"});
  return listed({offer(job, "complete", "switches " + volume + " to " + target), keep});
}

std::string advice_when_paused(const json& job) {
  const std::string io_status = text_of(job, "io-status");
  const bool failed = !io_status.empty() && io_status != "ok";
  return (failed ? "mend the disk, then " : "") +
         listed({offer(job, "resume", "goes on"), offer(job, "cancel --force", "gives up")});
}

std::string advice_by_status(const json& job, const JobContext& context) {
  const std::string status = text_of(job, "status");
  if (status == "paused" || status == "standby") return advice_when_paused(job);
  if (status == "ready") return advice_when_ready(job, context);
  if (status == "pending")
    return listed(
        {offer(job, "finalize", "lets it take effect"), offer(job, "cancel", "drops it")});
  if (status == "concluded") return offer(job, "dismiss", "forgets it");
  if (status == "waiting") return offer(job, "cancel", "drops its whole transaction");
  if (status == "aborting") return "";
  return listed({"nothing: it goes on by itself", offer(job, "pause", "holds it")});
}

}  // namespace

std::string advice(const json& job, const JobContext& context) {
  if (context.gone) return "nothing: it is over";
  const std::string text = advice_by_status(job, context);
  return text.empty() ? "nothing: it ends by itself" : text;
}

std::string job_info(const json& job, const JobContext& context) {
  const std::vector<std::vector<std::string>> all{
      {"job", text_of(job, "id") + ", " + text_of(job, "type") +
                  (flag_of(job, "incremental") ? " of what has changed" : "")},
      {"status", status_line(job, context)},
      {"volume", text_of(job, "volume") + held_text(job, context)},
      {"target", text_of(job, "target")},
      {"progress", progress_text(job)},
      {"speed", context.gone ? "" : speed_text(job)},
      {"time left", context.gone ? "" : time_left(job)},
      {"not proven", text_of(job, "not-proven")},
      {"scratch", context.gone ? text_of(job, "scratch") : scratch_text(job)},
      {"at risk", context.gone ? "" : context.scratch_fault},
      {"waits for", text_of(job, "waiting-for")},
      {"put off", text_of(job, "put-off")},
      {"flushes", text_of(job, "swallows-flushes")},
      {"not frozen", not_frozen_text(job)},
      {"copied anew", text_of(job, "copied-anew")},
      {"I/O error", io_error_text(job, context)},
      {"differ", differences_text(job)},
      {"unreadable", unreadable_text(job)},
      {"error map", error_map_text(job)},
      {"error", text_of(job, "error")},
      {"to do", advice(job, context)},
  };
  std::vector<std::vector<std::string>> rows;
  for (const auto& row : all) {
    if (!row[1].empty()) rows.push_back(row);
  }
  return format_table(rows);
}

}  // namespace dmjob::cli
