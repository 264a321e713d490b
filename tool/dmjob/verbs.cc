// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/verbs.h"

#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "tool/dmjob/commands.h"
#include "tool/dmjob/nearest.h"

namespace dmjob::cli {
namespace {

// In the order of the help.
constexpr std::array kVerbs = {
    Verb{"attach", "NAME DEVICE", "make the volume /dev/mapper/NAME out of a disk, as it is",
         nullptr, attach},
    Verb{"detach", "NAME", "end a volume; its disk keeps all", add_detach_options, detach},
    Verb{"volumes", "", "volumes, and what they live on", nullptr, volumes},
    Verb{"release", "DISK", "let others see what a former disk or target of a volume holds",
         nullptr, release},
    Verb{"overlay", "NAME BACKING",
         "make a volume over a disk that is only read; writes go to scratch", add_overlay_options,
         overlay},
    Verb{"snapshot", "VOLUME", "from now on writes to the volume go to scratch",
         add_snapshot_options, snapshot},
    Verb{"rollback", "VOLUME", "throw away what was written since the snapshot", nullptr, rollback},
    Verb{"untrack", "VOLUME", "end the chain of its incremental backups", nullptr, untrack},
    Verb{"copy", "SOURCE TARGET", "copy a volume in use, a disk or a file; print the id of the job",
         add_copy_options, copy},
    Verb{"backup", "SOURCE TARGET [SOURCE TARGET...]",
         "write what volumes are at this instant to disks or files; print the ids of the jobs",
         add_backup_options, backup},
    Verb{"compare", "SOURCE TARGET", "read two disks or files and tell where they differ",
         add_compare_options, compare},
    Verb{"stream", "VOLUME [TARGET]", "give an overlay or snapshot a disk of its own, in use",
         add_stream_options, stream},
    Verb{"commit", "VOLUME", "merge what was written since the snapshot into the disk, in use",
         add_commit_options, commit},
    Verb{"list", "", "all jobs", add_list_options, list},
    Verb{"info", "ID", "one job: what goes on, and what to do", nullptr, info},
    Verb{"watch", "[ID]", "progress until the end, of one job or of all", nullptr, watch},
    Verb{"wait", "ID", "wait until a job is ready, or has ended", add_wait_options, wait},
    Verb{"pause", "ID", "stop copying; nothing is lost", nullptr, pause},
    Verb{"resume", "ID", "go on after a pause or an error", nullptr, resume},
    Verb{"speed", "ID RATE", "bytes per second at most; 0: no limit", nullptr, speed},
    Verb{"complete", "ID", "switch the volume of a ready job to its target", add_complete_options,
         complete},
    Verb{"cancel", "ID", "end a job; a ready one leaves its target a copy", add_cancel_options,
         cancel},
    Verb{"finalize", "ID", "let a pending job take effect", nullptr, finalize},
    Verb{"dismiss", "ID", "forget a concluded job", nullptr, dismiss},
    Verb{"events", "", "what happened, one JSON event a line", add_events_options, events},
    Verb{"help", "[TOPIC]", "all verbs, or one and its options", nullptr, help},
};

}  // namespace

std::span<const Verb> all_verbs() { return kVerbs; }

const Verb* find_verb(std::string_view name) {
  const auto found = std::ranges::find(kVerbs, name, &Verb::name);
  return found == kVerbs.end() ? nullptr : found;
}

const Verb& require_verb(const std::string& name) {
  if (const Verb* const verb = find_verb(name)) return *verb;
  std::vector<std::string> known;
  known.reserve(kVerbs.size());
  for (const Verb& verb : kVerbs) known.emplace_back(verb.name);
  throw CliError(kExitUsage, "there is no verb '" + name + "'" + did_you_mean(name, known) +
                                 "; `dmjob --help` lists them");
}

}  // namespace dmjob::cli
