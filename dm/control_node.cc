// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/control_node.h"

#include <fcntl.h>
#include <linux/dm-ioctl.h>
#include <sys/ioctl.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <span>
#include <system_error>
#include <utility>

#include "dm/error.h"

namespace dmjob::dm {
namespace {

constexpr char kControlNode[] = "/dev/mapper/control";
constexpr unsigned kUdevFlagsShift = 16;

[[noreturn]] void fail(const char* what, const std::string& name, int error) {
  dm::fail(error, std::string(what) + ' ' + name);
}

dm_ioctl empty_argument() {
  dm_ioctl argument;
  std::memset(&argument, 0, sizeof argument);
  argument.version[0] = DM_VERSION_MAJOR;
  argument.data_size = sizeof argument;
  argument.data_start = sizeof argument;
  return argument;
}

dm_ioctl argument_for(const char* what, const std::string& name, std::uint32_t flags) {
  dm_ioctl argument = empty_argument();
  if (name.size() >= sizeof argument.name) fail(what, name, ENAMETOOLONG);
  std::memcpy(argument.name, name.c_str(), name.size());
  argument.flags = flags;
  return argument;
}

void suspend_or_resume(int fd, const char* what, const std::string& name, std::uint32_t flags,
                       std::uint32_t event) {
  dm_ioctl argument = argument_for(what, name, flags);
  argument.event_nr = event;
  if (ioctl(fd, DM_DEV_SUSPEND, &argument) < 0) fail(what, name, errno);
}

// Never both a frozen file system and no flush: the kernel then freezes nothing.
std::uint32_t suspend_flags(SuspendMode mode) {
  switch (mode) {
    case SuspendMode::kFlush:
      return DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG;
    case SuspendMode::kFreeze:
      return DM_SUSPEND_FLAG;
    case SuspendMode::kNoFlush:
      return DM_SUSPEND_FLAG | DM_SKIP_LOCKFS_FLAG | DM_NOFLUSH_FLAG;
  }
  return DM_SUSPEND_FLAG;
}

// What is read by DM_TABLE_STATUS. Without DM_NOFLUSH_FLAG some targets write their metadata first.
struct Question {
  const char* what;  // for errors
  std::uint32_t flags = DM_NOFLUSH_FLAG;
};
constexpr Question kStatus{"dm status of"};

// One try with a buffer of that size; false if it is too small.
bool fill_status(int fd, const Question& question, const std::string& name,
                 std::span<char> buffer) {
  dm_ioctl argument = argument_for(question.what, name, question.flags);
  argument.data_size = static_cast<std::uint32_t>(buffer.size());
  std::memcpy(buffer.data(), &argument, sizeof argument);
  if (ioctl(fd, DM_TABLE_STATUS, buffer.data()) < 0) fail(question.what, name, errno);
  std::memcpy(&argument, buffer.data(), sizeof argument);
  return (argument.flags & DM_BUFFER_FULL_FLAG) == 0;
}

// The kernel writes no zero behind a name of the greatest length, as that of snapshot-origin: what
// the buffer had there before is still there.
std::string name_of_target(const dm_target_spec& spec) {
  return {spec.target_type, strnlen(spec.target_type, sizeof spec.target_type - 1)};
}

// The result: dm_target_spec and text, each but the first at an offset from the first.
std::vector<StatusLine> parse_status(std::span<const char> buffer) {
  dm_ioctl argument;
  std::memcpy(&argument, buffer.data(), sizeof argument);
  const auto specs = buffer.subspan(argument.data_start);
  std::vector<StatusLine> lines;
  for (std::size_t at = 0; lines.size() < argument.target_count;) {
    dm_target_spec spec;
    std::memcpy(&spec, specs.data() + at, sizeof spec);
    lines.push_back(
        {spec.sector_start, spec.length, name_of_target(spec), specs.data() + at + sizeof spec});
    at = spec.next;
  }
  return lines;
}

// What it holds may be a key.
class WipedBuffer {
 public:
  explicit WipedBuffer(std::span<char> bytes) : bytes_(bytes) {}
  ~WipedBuffer() { explicit_bzero(bytes_.data(), bytes_.size()); }
  WipedBuffer(const WipedBuffer&) = delete;
  WipedBuffer& operator=(const WipedBuffer&) = delete;

 private:
  const std::span<char> bytes_;
};

std::vector<StatusLine> ask(int fd, const Question& question, const std::string& name) {
  alignas(dm_ioctl) std::array<char, 4096> small;
  const WipedBuffer wiped(small);
  if (fill_status(fd, question, name, small)) return parse_status(small);
  for (std::size_t size = 4 * small.size();; size *= 4) {
    std::vector<char> large(size);
    const WipedBuffer wiped_too(large);
    if (fill_status(fd, question, name, large)) return parse_status(large);
  }
}

}  // namespace

int open_control_node() {
  const int fd = open(kControlNode, O_RDWR | O_CLOEXEC);
  if (fd < 0) fail("open", kControlNode, errno);
  return fd;
}

void suspend_device(int control_fd, const std::string& name, SuspendMode mode) {
  suspend_or_resume(control_fd, "dm suspend of", name, suspend_flags(mode), 0);
}

void resume_device(int control_fd, const std::string& name, std::uint16_t udev_flags) {
  // The flags only take effect for a device that is not suspended yet, with an inactive table.
  suspend_or_resume(control_fd, "dm resume of", name, DM_SKIP_LOCKFS_FLAG,
                    static_cast<std::uint32_t>(udev_flags) << kUdevFlagsShift);
}

std::vector<StatusLine> read_status(int control_fd, const std::string& name) {
  return ask(control_fd, kStatus, name);
}

Table read_table(int control_fd, const std::string& name, WhichTable which) {
  constexpr std::uint32_t kFlags = DM_NOFLUSH_FLAG | DM_STATUS_TABLE_FLAG | DM_SECURE_DATA_FLAG;
  const bool live = which == WhichTable::kLive;
  const Question question{"dm table of", live ? kFlags : kFlags | DM_QUERY_INACTIVE_TABLE_FLAG};
  std::vector<Segment> segments;
  for (StatusLine& line : ask(control_fd, question, name))
    segments.push_back({line.start, line.length, std::move(line.target), std::move(line.text)});
  return Table(std::move(segments));
}

void arm_poll(int control_fd) {
  dm_ioctl argument = empty_argument();
  if (ioctl(control_fd, DM_DEV_ARM_POLL, &argument) < 0)
    fail("dm arm poll of", kControlNode, errno);
}

}  // namespace dmjob::dm
