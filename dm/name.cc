// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/name.h"

#include <algorithm>

namespace dmjob::dm {
namespace {

constexpr std::string_view kInnerNamePrefix = "dmjob-";
constexpr std::size_t kMaxVolumeName = 100;

std::string joined(std::string_view prefix, std::string_view middle, std::string_view part) {
  std::string text(prefix);
  text += middle;
  text += '-';
  text += part;
  return text;
}

// isalnum() without the locale.
bool allowed(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '+';
}

}  // namespace

std::string inner_name(std::string_view job, std::string_view part) {
  return joined(kInnerNamePrefix, job, part);
}

std::string inner_uuid(std::string_view uuid, std::string_view part) {
  return joined(kInnerUuidPrefix, uuid, part);
}

std::string volume_uuid(std::string_view uuid) {
  std::string text(kVolumeUuidPrefix);
  text += uuid;
  return text;
}

bool is_inner_name(std::string_view name) { return name.starts_with(kInnerNamePrefix); }

std::string check_volume_name(std::string_view name) {
  if (name.empty()) return "is empty";
  if (name.size() > kMaxVolumeName) return "is longer than 100 characters";
  if (name.front() == '-' || name.front() == '.') return "starts with '-' or '.'";
  if (!std::all_of(name.begin(), name.end(), allowed)) {
    return "has a character other than letters, digits and -._+";
  }
  if (name == "control") return "is the name of device-mapper's control node";
  if (is_inner_name(name)) return "starts with dmjob-, the mark of a job's hidden devices";
  return "";
}

}  // namespace dmjob::dm
