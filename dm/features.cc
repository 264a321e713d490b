// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/features.h"

#include <algorithm>
#include <map>

namespace dmjob::dm {
namespace {

struct Use {
  const char* what;
  Targets targets;
};

constexpr Use kUses[] = {
    {"copies of volumes in use", kTargetsOfCopy},
    {"backups and comparisons of volumes in use", kTargetsOfBackup},
    {"incremental backups", kTargetsOfTracker},
    {"overlays and snapshots", kTargetsOfOverlay},
    {"stream and commit", kTargetsOfMerge},
};

// A use that lacks several targets of a module is named once; they come one after another.
void add_to(std::string& list, const std::string& use) {
  if (!list.ends_with(use)) list += (list.empty() ? "" : ", ") + use;
}

}  // namespace

std::vector<std::string> missing_targets(Control& control, Targets needed) {
  const auto loaded = control.targets();
  std::vector<std::string> missing;
  for (const std::string_view target : needed) {
    const bool is_loaded = std::ranges::find(loaded, target) != loaded.end();
    if (!is_loaded && !control.target_version(std::string(target))) missing.emplace_back(target);
  }
  return missing;
}

// "snapshot-merge" is an alias of dm-snapshot, and what is never a module is in dm-mod.
std::string module_of(std::string_view target) {
  if (target == "linear" || target == "error") return "dm-mod";
  if (target.starts_with("snapshot")) return "dm-snapshot";
  return "dm-" + std::string(target);
}

std::vector<std::string> missing_modules(Control& control) {
  std::map<std::string, std::string> uses;  // of each missing module
  for (const Use& use : kUses)
    for (const std::string& target : missing_targets(control, use.targets))
      add_to(uses[module_of(target)], use.what);
  std::vector<std::string> lines;
  lines.reserve(uses.size());
  for (const auto& [module, list] : uses)
    lines.push_back("this kernel has no " + module + " (modprobe " + module +
                    "), without which these are refused: " + list);
  return lines;
}

}  // namespace dmjob::dm
