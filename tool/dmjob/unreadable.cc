// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/unreadable.h"

#include <algorithm>

#include "tool/dmjob/job_state.h"

namespace dmjob::cli {
namespace {

using nlohmann::json;

constexpr std::size_t kShown = 3;

std::string count_text(const json& extents) {
  std::uint64_t bytes = 0;
  for (const json& extent : extents) bytes += number_of(extent, "length");
  const std::size_t places = extents.size();
  return std::to_string(bytes) + " bytes in " +
         (places == 1 ? "one place" : std::to_string(places) + " places");
}

json extents_of(const json& job, const char* member) {
  json extents = job.value(member, json::array());
  return extents.is_array() ? extents : json::array();
}

std::string first_places(const json& extents) {
  std::string text;
  for (std::size_t i = 0; i < std::min(extents.size(), kShown); ++i) {
    text += (i == 0 ? " " : ", ") + std::to_string(number_of(extents[i], "length")) + " at byte " +
            std::to_string(number_of(extents[i], "offset"));
  }
  if (extents.size() > kShown) text += ", and " + std::to_string(extents.size() - kShown) + " more";
  return text;
}

}  // namespace

// Not all places may be told, but all bytes are.
std::string differences_text(const json& job) {
  const auto bytes = number_of(job, "x-different-bytes");
  if (bytes == 0) return "";
  return std::to_string(bytes) + " bytes:" + first_places(extents_of(job, "x-differences"));
}

std::string unreadable_text(const json& job) {
  const json extents = extents_of(job, "x-error-map");
  if (extents.empty()) return "";
  return count_text(extents) + (compares(job) ? ", not compared:" : ", zeroes on the target:") +
         first_places(extents);
}

std::string error_map_text(const json& job) {
  const std::string trouble = text_of(job, "error-map-trouble");
  return text_of(job, "error-map") + (trouble.empty() ? "" : ", which is out of date: " + trouble);
}

}  // namespace dmjob::cli
