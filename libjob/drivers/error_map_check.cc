// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/error_map_check.h"

#include <filesystem>
#include <system_error>

#include "libjob/core/error.h"

namespace dmjob::drivers {
namespace {

[[noreturn]] void refuse(const std::string& map, const std::string& why) {
  throw core::Error("error map " + map + why);
}

// It is replaced again and again, so it must be nothing that somebody needs.
void check_apart(const TransferRequest& request, const std::string& map) {
  const std::string place = error_map_claim(map);
  if (place == error_map_claim(request.source)) refuse(map, " is the source itself");
  if (place == error_map_claim(request.target)) refuse(map, " is the target itself");
  if (request.scratch && place == error_map_claim(*request.scratch))
    refuse(map, " is the scratch itself");
}

}  // namespace

void check_error_map(const TransferRequest& request,
                     const std::map<std::string, std::string>& busy) {
  const std::string& map = *request.error_map;
  if (!map.starts_with('/')) throw core::Error("error map '" + map + "' is not an absolute path");
  std::error_code ignored;
  const std::filesystem::path path = map;
  if (!std::filesystem::is_directory(path.parent_path(), ignored))
    refuse(map, ": there is no folder " + path.parent_path().string());
  check_apart(request, map);
  if (const auto job = busy.find(error_map_claim(map)); job != busy.end())
    refuse(map, " is in use by job '" + job->second + "'");
  if (!std::filesystem::exists(path, ignored)) return;
  if (!std::filesystem::is_regular_file(path, ignored)) refuse(map, " is not a regular file");
  if (!std::filesystem::is_empty(path, ignored) && !request.force)
    refuse(map, " is a file that is not empty: --force overwrites it");
}

// Links resolved, also of a path whose last part is not there yet.
std::string error_map_claim(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::weakly_canonical(path, ignored);
}

}  // namespace dmjob::drivers
