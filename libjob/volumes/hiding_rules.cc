// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/hiding_rules.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cctype>
#include <sstream>
#include <string_view>
#include <system_error>

#include "dm/name.h"
#include "libjob/io/sysfs.h"

namespace dmjob::volumes {
namespace {

constexpr std::string_view kHead =
    "# Written by dmjobd, which overwrites it: the disks that hold what its volumes hold. They "
    "are\n"
    "# hidden by 11-dmjob.rules. See dmjobd(8) and 'dmjob release'.\n"
    "ACTION==\"remove\", GOTO=\"dmjob_disks_end\"\n"
    "SUBSYSTEM!=\"block\", GOTO=\"dmjob_disks_end\"\n";
constexpr std::string_view kEnd = "LABEL=\"dmjob_disks_end\"\n";
constexpr std::string_view kHide = ", ENV{DMJOB_HIDDEN}=\"1\"\n";

// The value of a match: no character of it means more than itself. udev has no way to quote one, so
// that '?' takes its place. What it does not see at the end of an attribute is not there.
std::string quoted(std::string value) {
  constexpr std::string_view kSpecial = "*?[]|\"\\$%";
  while (!value.empty() && value.back() == ' ') value.pop_back();
  const auto is_special = [&](char one) { return kSpecial.find(one) != std::string_view::npos; };
  std::ranges::replace_if(value, is_special, '?');
  return '"' + value + '"';
}

std::string one_match(const std::string& key, const std::string& value) {
  return key + "==" + quoted(value);
}

// "loop=INODE OFFSET LIMIT PATH"
std::string match_loop(const std::string& value) {
  std::istringstream words(value);
  std::string inode;
  std::string offset;
  std::string limit;
  std::string file;
  words >> inode >> offset >> limit;
  std::getline(words >> std::ws, file);
  return one_match("ATTRS{loop/backing_file}", file) + ", " +
         one_match("ATTRS{loop/offset}", offset) + ", " + one_match("ATTRS{loop/sizelimit}", limit);
}

// What a disk and its partitions have in common: attributes are looked for upwards. Those of a dm
// disk are dm devices.
std::vector<std::string> match_disk(const std::string& key, const std::string& value) {
  if (key == "loop") return {match_loop(value)};
  if (key != "dm/uuid") return {one_match("ATTRS{" + key + "}", value)};
  return {one_match("ATTR{dm/uuid}", value), "ATTR{dm/uuid}==\"part*-" + quoted(value).substr(1)};
}

// "KEY=VALUE" or "KEY=VALUE partN".
std::vector<std::string> matches_of(const io::DiskIdentity& disk) {
  const std::string& name = disk.lasting;
  const std::size_t equals = name.find('=');
  const std::string key = name.substr(0, equals);
  std::string value = name.substr(equals + 1);
  if (key == "partuuid")
    return {"ENV{DEVTYPE}==\"partition\", " + one_match("ENV{ID_PART_ENTRY_UUID}", value)};
  const std::size_t part = value.rfind(" part");
  const std::string number = part == std::string::npos ? "" : value.substr(part + 5);
  const bool is_part = !number.empty() && std::ranges::all_of(number, [](unsigned char digit) {
    return std::isdigit(digit) != 0;
  });
  if (!is_part) return match_disk(key, value);
  value.resize(part);
  std::vector<std::string> matches = match_disk(key, value);
  matches.resize(1);
  matches.front() = "ENV{DEVTYPE}==\"partition\", " + one_match("ATTR{partition}", number) + ", " +
                    matches.front();
  return matches;
}

// "BOOT MAJOR:MINOR SEQUENCE": the sequence number is never used again until the next boot.
std::string match_now(const io::DiskIdentity& disk) {
  std::istringstream words(disk.instance);
  std::string boot;
  std::string number;
  std::string sequence;
  words >> boot >> number >> sequence;
  const auto dev = io::sysfs::parse_number(number);
  if (boot != io::boot_id() || sequence.empty() || !dev) return {};
  std::string match = one_match("ATTRS{diskseq}", sequence);
  if (!io::sysfs::is_partition(*dev)) return match;
  return one_match("ENV{MAJOR}", std::to_string(major(*dev))) + ", " +
         one_match("ENV{MINOR}", std::to_string(minor(*dev))) + ", " + match;
}

// After a boot, of a disk that is in use and tells nothing: the one that is used then.
io::DiskIdentity identity_now(const HiddenDisk& disk) {
  if (disk.role == "old disk" || disk.disk.instance.starts_with(io::boot_id())) return disk.disk;
  try {
    return io::identify_disk(disk.path);
  } catch (const std::system_error&) {
    return disk.disk;
  }
}

std::string comment(const HiddenDisk& disk) {
  const std::string whose = disk.volume.empty() ? "" : " of volume '" + disk.volume + "'";
  std::string text = "# " + disk.role + whose + ": " + disk.path;
  std::ranges::replace_if(
      text, [](unsigned char one) { return std::iscntrl(one) != 0 || one == '\\'; }, '?');
  return text + "\n";
}

// udev puts in words for '$' and '%'.
std::string link_value(const std::string& link) {
  std::string value;
  for (const char one : link) {
    if (one == '"') continue;
    if (one == '$' || one == '%') value += one;
    value += one;
  }
  return value;
}

std::string lines_of_links(const std::vector<VolumeLinks>& volumes) {
  std::string lines;
  for (const VolumeLinks& volume : volumes)
    for (const std::string& link : volume.links)
      lines += one_match("ATTR{dm/uuid}", dm::volume_uuid(volume.uuid)) + ", SYMLINK+=\"" +
               link_value(link) + "\"\n";
  return lines;
}

std::string whole(const std::string& lines) {
  return lines.empty() ? "" : std::string(kHead) + lines + std::string(kEnd);
}

}  // namespace

// A partition's entry is read only where it must be.
HidingRules hiding_rules(const std::vector<HiddenDisk>& disks,
                         const std::vector<VolumeLinks>& volumes) {
  std::string lasting = lines_of_links(volumes);
  std::string this_boot;
  std::string entries;
  std::vector<HiddenDisk> sorted = disks;
  std::ranges::sort(sorted, {}, [](const HiddenDisk& disk) { return disk.disk.lasting; });
  for (const HiddenDisk& disk : sorted) {
    if (!io::tells_who_it_is(disk.disk)) {
      const std::string match = match_now(identity_now(disk));
      if (!match.empty()) this_boot += comment(disk) + match + std::string(kHide);
      continue;
    }
    std::string& lines = disk.disk.lasting.starts_with("partuuid=") ? entries : lasting;
    lines += comment(disk);
    for (const std::string& match : matches_of(disk.disk)) lines += match + std::string(kHide);
  }
  if (!entries.empty())
    lasting += "ENV{DEVTYPE}==\"partition\", IMPORT{builtin}=\"blkid\"\n" + entries;
  return {.lasting = whole(lasting), .this_boot = whole(this_boot)};
}

}  // namespace dmjob::volumes
