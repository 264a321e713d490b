// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/holders.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <set>
#include <sstream>
#include <system_error>

#include "dm/targets.h"

namespace dmjob::dm {
namespace {

namespace fs = std::filesystem;

void add(std::string& list, const std::string& entry) {
  if (!list.empty()) list += ", ";
  list += entry;
}

std::string first_line(const fs::path& path) {
  std::ifstream file(path);
  std::string line;
  std::getline(file, line);
  return line;
}

fs::path sys_folder(dev_t dev) { return "/sys/dev/block/" + print_dev(dev); }

// md's raid4/5/6 with a log of its own (raid5-cache.c, raid5-ppl.c: need_cache_flush).
bool keeps_cache_flag(const fs::path& folder) {
  const std::string policy = first_line(folder / "md/consistency_policy");
  return policy == "journal" || policy == "ppl";
}

// Other block devices that stand on it.
void add_block_holders(dev_t dev, std::string& list) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(sys_folder(dev) / "holders", error)) {
    const std::string holder = entry.path().filename();
    const std::string name = first_line(entry.path() / "dm/name");
    add(list, "used by " + holder + (name.empty() ? "" : " (" + name + ')'));
  }
}

void read_mounts(const fs::path& process, std::set<dev_t>& found) {
  std::ifstream mounts(process / "mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    unsigned major = 0;
    unsigned minor = 0;
    if (std::sscanf(line.c_str(), "%*d %*d %u:%u", &major, &minor) == 2 && major != 0)
      found.insert(makedev(major, minor));
  }
}

void add_mounts(dev_t dev, std::string& list) {
  std::ifstream mounts("/proc/self/mountinfo");
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string id, parent, device, root, place;
    words >> id >> parent >> device >> root >> place;
    if (device == print_dev(dev)) add(list, "mounted on " + place);
  }
}

bool is_number(const std::string& text) {
  return std::ranges::all_of(text, [](char c) { return c >= '0' && c <= '9'; });
}

bool has_open(const fs::path& process, dev_t dev) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(process / "fd", error)) {
    struct stat status;
    if (stat(entry.path().c_str(), &status) == 0 && S_ISBLK(status.st_mode) &&
        status.st_rdev == dev) {
      return true;
    }
  }
  return false;
}

void add_processes(dev_t dev, const std::string& but_for, std::string& list) {
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    const std::string pid = entry.path().filename();
    if (!is_number(pid) || pid == but_for) continue;
    if (has_open(entry.path(), dev)) {
      add(list, "open in " + first_line(entry.path() / "comm") + " (pid " + pid + ')');
    }
  }
}

}  // namespace

// Each mount namespace once. One without a process is not seen.
std::vector<dev_t> read_mounted() {
  std::set<dev_t> found;
  std::set<fs::path> spaces;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator("/proc", error)) {
    if (!is_number(entry.path().filename())) continue;
    const fs::path space = fs::read_symlink(entry.path() / "ns/mnt", error);
    if (!space.empty() && spaces.insert(space).second) read_mounts(entry.path(), found);
  }
  return {found.begin(), found.end()};
}

// No stream: the buffer is on the stack.
std::optional<std::uint64_t> read_writes_ended(dev_t dev) {
  std::array<char, 64> path;
  std::array<char, 256> text;
  std::snprintf(path.data(), path.size(), "/sys/dev/block/%u:%u/stat", major(dev), minor(dev));
  const int fd = open(path.data(), O_RDONLY | O_CLOEXEC);
  if (fd < 0) return std::nullopt;
  const ssize_t count = read(fd, text.data(), text.size() - 1);
  close(fd);
  if (count <= 0) return std::nullopt;
  text.at(static_cast<std::size_t>(count)) = 0;
  unsigned long long writes = 0;
  if (std::sscanf(text.data(), "%*u %*u %*u %*u %llu", &writes) != 1) return std::nullopt;
  return writes;
}

std::string who_holds(dev_t dev) {
  std::string list;
  add_block_holders(dev, list);
  add_mounts(dev, list);
  add_processes(dev, "", list);
  return list;
}

std::string processes_with(dev_t dev) {
  std::string list;
  add_processes(dev, std::to_string(getpid()), list);
  return list;
}

// A partition has no queue of its own.
std::optional<bool> read_write_back(dev_t dev) {
  const fs::path folder = sys_folder(dev);
  std::string text = first_line(folder / "queue/write_cache");
  if (text.empty()) text = first_line(folder / "../queue/write_cache");
  if (text.empty()) return std::nullopt;
  return text == "write back";
}

std::vector<Holder> read_holders(dev_t dev) {
  std::vector<Holder> found;
  std::error_code error;
  for (const auto& entry : fs::directory_iterator(sys_folder(dev) / "holders", error)) {
    unsigned major = 0;
    unsigned minor = 0;
    const std::string number = first_line(entry.path() / "dev");
    if (std::sscanf(number.c_str(), "%u:%u", &major, &minor) != 2) continue;
    found.push_back(
        {entry.path().filename(), makedev(major, minor), keeps_cache_flag(entry.path())});
  }
  return found;
}

}  // namespace dmjob::dm
