// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/call.h"

#include <filesystem>

#include "tool/dmjob/size.h"

namespace dmjob::cli {
namespace {

// ".." behind a name: what it leads to depends on whether that name is a link.
bool climbs_from_a_name(const std::filesystem::path& path) {
  bool named = false;
  for (const auto& part : path.relative_path()) {
    if (part == ".." && named) return true;
    named = named || (part != ".." && part != ".");
  }
  return false;
}

// Arguments are in capitals, options are not.
std::string shown(const char* name) {
  return (*name >= 'a' && *name <= 'z' ? "--" : "") + std::string(name);
}

}  // namespace

std::int64_t Call::size(const char* name) const {
  const std::string given = text(name);
  if (const auto bytes = parse_size(given)) return *bytes;
  throw CliError(kExitUsage,
                 std::string(name) + ": '" + given +
                     "' is not a number of bytes; write for instance 65536, 64K, 100M or 2G");
}

std::vector<std::string> Call::more() const {
  return has(Verb::kMore) ? values_[Verb::kMore].as<std::vector<std::string>>()
                          : std::vector<std::string>();
}

std::string Call::absolute_path(const char* name) const {
  return absolute(text(name), shown(name));
}

std::string Call::absolute(const std::string& given, const std::string& shown) {
  if (given.empty()) throw CliError(kExitUsage, shown + ": the path is empty");
  // Not resolved: a link such as /dev/mapper/NAME says what is meant.
  const std::filesystem::path path = std::filesystem::absolute(given);
  return (climbs_from_a_name(given) ? path : path.lexically_normal()).string();
}

Deadline Call::deadline(std::optional<int> otherwise) const {
  std::optional<int> seconds = otherwise;
  if (has("timeout")) seconds = values_["timeout"].as<int>();
  if (!seconds) return Deadline::max();
  if (*seconds < 0)
    throw CliError(kExitUsage, "--timeout: the number of seconds cannot be negative");
  return Clock::now() + std::chrono::seconds(*seconds);
}

}  // namespace dmjob::cli
