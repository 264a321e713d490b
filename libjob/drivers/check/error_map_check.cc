// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/check/error_map_check.h"

#include <filesystem>
#include <system_error>

#include "libjob/core/error.h"

namespace dmjob::drivers {
namespace {

[[noreturn]] void refuse(const std::string& map, const std::string& why) {
  throw core::Error("error map " + map + why);
}

// Links resolved, also of a path whose last part is not there yet.
std::string real_path(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::weakly_canonical(path, ignored);
}

// It is replaced again and again, so it must be nothing that somebody needs.
void check_apart(const TransferRequest& request, const std::string& map) {
  const std::string place = real_path(map);
  if (place == real_path(request.source)) refuse(map, " is the source itself");
  if (place == real_path(request.target)) refuse(map, " is the target itself");
  if (request.scratch && place == real_path(*request.scratch))
    refuse(map, " is the scratch itself");
}

}  // namespace

void check_error_map(const TransferRequest& request, const CheckContext& context) {
  const std::string& map = *request.error_map;
  if (!map.starts_with('/')) throw core::Error("error map '" + map + "' is not an absolute path");
  std::error_code ignored;
  const std::filesystem::path path = map;
  if (!std::filesystem::is_directory(path.parent_path(), ignored))
    refuse(map, ": there is no folder " + path.parent_path().string());
  check_apart(request, map);
  require_untaken(context, {.role = "error map", .path = map}, "error map " + map);
  if (!std::filesystem::exists(path, ignored)) return;
  if (!std::filesystem::is_regular_file(path, ignored)) refuse(map, " is not a regular file");
  if (!std::filesystem::is_empty(path, ignored) && !request.force)
    refuse(map, " is a file that is not empty: --force overwrites it");
}

}  // namespace dmjob::drivers
