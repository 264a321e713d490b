// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/sysfs.h"

#include <sys/stat.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <charconv>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <sstream>
#include <string_view>

namespace dmjob::io::sysfs {

std::string number(dev_t dev) {
  return std::to_string(major(dev)) + ":" + std::to_string(minor(dev));
}

std::string folder(dev_t dev) { return "/sys/dev/block/" + number(dev); }

std::optional<dev_t> parse_number(const std::string& text) {
  unsigned parts[2] = {0, 0};
  const char* const end = text.data() + text.size();
  const auto first = std::from_chars(text.data(), end, parts[0]);
  if (first.ec != std::errc() || first.ptr == end || *first.ptr != ':') return std::nullopt;
  const auto second = std::from_chars(first.ptr + 1, end, parts[1]);
  if (second.ec != std::errc() || second.ptr != end) return std::nullopt;
  return makedev(parts[0], parts[1]);
}

std::string first_line(const std::string& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

std::string content_of(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

std::string kernel_name(dev_t dev) {
  constexpr std::string_view kKey = "DEVNAME=";
  std::ifstream file(folder(dev) + "/uevent");
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with(kKey)) return line.substr(kKey.size());
  }
  return {};
}

std::vector<std::string> names_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(path, error), end; !error && at != end;
       at.increment(error)) {
    names.push_back(at->path().filename());
  }
  std::ranges::sort(names);
  return names;
}

dev_t disk_at(const std::string& path) {
  struct stat facts{};
  return stat(path.c_str(), &facts) == 0 && S_ISBLK(facts.st_mode) ? facts.st_rdev : 0;
}

bool is_partition(dev_t dev) { return !first_line(folder(dev) + "/partition").empty(); }

std::optional<dev_t> whole_disk(dev_t partition) {
  return parse_number(first_line(folder(partition) + "/../dev"));
}

std::vector<dev_t> partitions(dev_t disk) {
  std::vector<dev_t> found;
  for (const std::string& name : names_in(folder(disk))) {
    const std::string inner = folder(disk) + "/" + name;
    if (first_line(inner + "/partition").empty()) continue;
    if (const auto dev = parse_number(first_line(inner + "/dev"))) found.push_back(*dev);
  }
  return found;
}

std::string unescape_octal(const std::string& text) {
  const auto octal = [](char c) { return c >= '0' && c <= '7'; };
  std::string plain;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] == '\\' && at + 3 < text.size() &&
        std::all_of(&text[at] + 1, &text[at] + 4, octal)) {
      plain += static_cast<char>((text[at + 1] - '0') * 64 + (text[at + 2] - '0') * 8 +
                                 (text[at + 3] - '0'));
      at += 3;
    } else {
      plain += text[at];
    }
  }
  return plain;
}

// "ID PARENT MAJ:MIN ROOT POINT OPTIONS [OPTIONAL...] - TYPE SOURCE OPTIONS"
std::vector<Mount> parse_mountinfo(const std::string& text) {
  std::vector<Mount> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream stream(line);
    const std::vector<std::string> words{std::istream_iterator<std::string>(stream), {}};
    const auto dash = std::ranges::find(words, "-");
    if (words.size() < 6 || words.end() - dash < 3) continue;
    found.push_back({words[0], words[2], unescape_octal(words[4]), dash[1], unescape_octal(dash[2]),
                     words.end() - dash > 3 ? dash[3] : ""});
  }
  return found;
}

std::vector<Mount> mounts() { return parse_mountinfo(content_of("/proc/self/mountinfo")); }

}  // namespace dmjob::io::sysfs
