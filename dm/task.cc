// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/task.h"

#include <libdevmapper.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdarg>
#include <cstdio>
#include <mutex>
#include <system_error>
#include <thread>
#include <utility>

#include "dm/error.h"

namespace dmjob::dm {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;
using std::chrono::steady_clock;

constexpr seconds kStuck{30};
constexpr seconds kCookiePatience{10};
constexpr int kErrorLevel = 3;  // syslog's LOG_ERR; the level's upper bits say other things
constexpr int kLevelMask = 7;

struct IoctlRow {
  Ioctl kind;
  int number;
  const char* words;
};

constexpr IoctlRow kIoctls[] = {
    {Ioctl::kCreate, DM_DEVICE_CREATE, "create of"},
    {Ioctl::kLoad, DM_DEVICE_RELOAD, "table load of"},
    {Ioctl::kClear, DM_DEVICE_CLEAR, "table clear of"},
    {Ioctl::kResume, DM_DEVICE_RESUME, "resume of"},
    {Ioctl::kRemove, DM_DEVICE_REMOVE, "remove of"},
    {Ioctl::kInfo, DM_DEVICE_INFO, "info of"},
    {Ioctl::kDeps, DM_DEVICE_DEPS, "deps of"},
    {Ioctl::kList, DM_DEVICE_LIST, "list"},
    {Ioctl::kTargets, DM_DEVICE_LIST_VERSIONS, "list of targets"},
    {Ioctl::kTargetVersion, DM_DEVICE_GET_TARGET_VERSION, "version of target"},
    {Ioctl::kMakeNode, DM_DEVICE_MKNODES, "making the node of"},
};

const IoctlRow& row_of(Ioctl kind) {
  return *std::find_if(std::begin(kIoctls), std::end(kIoctls),
                       [kind](const IoctlRow& row) { return row.kind == kind; });
}

thread_local std::string last_error;

extern "C" [[gnu::format(printf, 5, 6)]] void keep_last_error(int level, const char*, int, int,
                                                              const char* format, ...) {
  if ((level & kLevelMask) > kErrorLevel) return;
  char text[256];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof text, format, arguments);
  va_end(arguments);
  last_error = text;
}

// Every call into the library that is not confined to one dm_task is made within this scope.
class Library {
 public:
  Library() : lock_(mutex(), kStuck) {
    if (!lock_) {
      fail(ETIMEDOUT, "device-mapper is stuck: another call has not returned for 30 s");
    }
    static const bool ready = set_up();
    static_cast<void>(ready);
    last_error.clear();
  }

 private:
  static std::timed_mutex& mutex() {
    static std::timed_mutex the_mutex;
    return the_mutex;
  }

  static bool set_up() {
    dm_log_with_errno_init(keep_last_error);
    dm_set_name_mangling_mode(DM_STRING_MANGLING_NONE);
    dm_udev_set_checking(0);
    dm_hold_control_dev(1);
    return true;
  }

  std::unique_lock<std::timed_mutex> lock_;
};

void require(int ok, const char* what) {
  if (ok == 0) fail(ENOMEM, std::string(what) + ": " + last_error);
}

Device device_of(const dm_task* task, const dm_info& info) {
  Device device;
  device.name = dm_task_get_name(task);
  device.uuid = dm_task_get_uuid(task);
  device.dev = makedev(info.major, static_cast<unsigned>(info.minor));
  device.suspended = info.suspended != 0;
  device.live_table = info.live_table != 0;
  device.inactive_table = info.inactive_table != 0;
  device.read_only = info.read_only != 0;
  device.open_count = info.open_count;
  device.event_nr = info.event_nr;
  return device;
}

// The records of LIST and LIST_VERSIONS follow each other by an offset in bytes, 0 in the last.
template <typename Record>
const Record* following(const Record* record) {
  if (record->next == 0) return nullptr;
  return reinterpret_cast<const Record*>(reinterpret_cast<const char*>(record) + record->next);
}

// True once udev has done its part, or if that cannot be told any more.
bool cookie_done(std::uint32_t cookie) {
  const Library library;
  int ready = 1;
  return dm_udev_wait_immediate(cookie, &ready) == 0 || ready != 0;
}

// Counts down in udev's place, which also frees the semaphore.
void complete_cookie(std::uint32_t cookie) {
  {
    const Library library;
    dm_udev_complete(cookie);
  }
  cookie_done(cookie);
}

void wait_for_cookie(std::uint32_t cookie) {
  const auto deadline = steady_clock::now() + kCookiePatience;
  for (milliseconds pause{1}; !cookie_done(cookie);
       pause = std::min(pause * 2, milliseconds{100})) {
    if (steady_clock::now() >= deadline) {
      complete_cookie(cookie);  // udev died or lost the event
      return;
    }
    std::this_thread::sleep_for(pause);
  }
}

}  // namespace

std::uint16_t udev_flags(Visibility visibility) {
  unsigned flags = DM_UDEV_PRIMARY_SOURCE_FLAG;
  if (visibility == Visibility::kHidden) {
    flags |= DM_UDEV_DISABLE_SUBSYSTEM_RULES_FLAG | DM_UDEV_DISABLE_DISK_RULES_FLAG |
             DM_UDEV_DISABLE_OTHER_RULES_FLAG;
  }
  return static_cast<std::uint16_t>(flags);
}

bool udev_makes_links() {
  const Library library;
  return dm_udev_get_sync_support() != 0;
}

Task::Task(Ioctl kind, std::string name) : kind_(kind), name_(std::move(name)) {
  const Library library;
  task_.reset(dm_task_create(row_of(kind).number));
  if (!task_) fail(ENODEV, "no device-mapper in this kernel: " + last_error);
  if (!name_.empty()) require(dm_task_set_name(task_.get(), name_.c_str()), "dm name");
  // No key may stay in a buffer.
  if (kind == Ioctl::kLoad) dm_task_secure_data(task_.get());
}

Task::~Task() { wait_for_udev(); }

Task::Task(Task&& other) noexcept
    : kind_(other.kind_),
      name_(std::move(other.name_)),
      task_(std::move(other.task_)),
      cookie_(std::exchange(other.cookie_, 0)),
      ran_(other.ran_),
      library_error_(std::move(other.library_error_)) {}

void Task::Destroy::operator()(dm_task* task) const noexcept { dm_task_destroy(task); }

void Task::set_uuid(const std::string& uuid) {
  require(dm_task_set_uuid(task_.get(), uuid.c_str()), "dm uuid");
}

void Task::set_read_only() { dm_task_set_ro(task_.get()); }

void Task::set_table(const Table& table) {
  for (const Segment& segment : table.segments()) {
    require(dm_task_add_target(task_.get(), segment.start, segment.length, segment.target.c_str(),
                               segment.args.c_str()),
            "dm target");
  }
}

void Task::set_udev_cookie(Visibility visibility) {
  std::uint16_t flags = udev_flags(visibility);
  // It does not know of others' nodes, and puts no link in the place of one.
  if (udev_makes_links()) flags |= DM_UDEV_DISABLE_LIBRARY_FALLBACK;
  const Library library;
  errno = 0;
  if (dm_task_set_cookie(task_.get(), &cookie_, flags) == 0) {
    fail(errno != 0 ? errno : ENOSPC, "no semaphore to wait for udev with: " + last_error);
  }
}

int Task::try_run() {
  const Library library;
  ran_ = true;
  library_error_.clear();
  if (dm_task_run(task_.get()) != 0) {
    dm_task_update_nodes();
    return 0;
  }
  const int error = dm_task_get_errno(task_.get());
  if (error != 0) return error;
  library_error_ = last_error;
  return EIO;
}

void Task::run() {
  const int error = try_run();
  if (error != 0) fail(error, describe());
}

std::string Task::describe() const {
  std::string text = std::string("dm ") + row_of(kind_).words;
  if (!name_.empty()) text += ' ' + name_;
  if (!library_error_.empty()) text += ": " + library_error_;
  return text;
}

void Task::wait_for_udev() noexcept {
  if (cookie_ == 0) return;
  try {
    const std::uint32_t cookie = std::exchange(cookie_, 0);
    if (ran_) {
      wait_for_cookie(cookie);
    } else {
      complete_cookie(cookie);  // no event will come
    }
  } catch (...) {  // the lock is stuck; the semaphore stays behind, the device is as it should be
  }
}

std::optional<Device> Task::device() const {
  dm_info info{};
  if (dm_task_get_info(task_.get(), &info) == 0 || info.exists == 0) return std::nullopt;
  return device_of(task_.get(), info);
}

std::vector<dev_t> Task::deps() const {
  std::vector<dev_t> devices;
  const dm_deps* deps = dm_task_get_deps(task_.get());
  for (std::uint32_t i = 0; deps != nullptr && i < deps->count; ++i) {
    devices.push_back(deps->device[i]);
  }
  return devices;
}

std::vector<Device> Task::devices() const {
  std::vector<Device> found;
  const dm_names* entry = dm_task_get_names(task_.get());
  if (entry == nullptr || entry->dev == 0) return found;  // the form of an empty list
  for (; entry != nullptr; entry = following(entry)) {
    Device device;
    device.name = entry->name;
    device.dev = entry->dev;
    found.push_back(std::move(device));
  }
  return found;
}

std::vector<TargetVersion> Task::targets() const {
  std::vector<TargetVersion> found;
  const dm_versions* entry = dm_task_get_versions(task_.get());
  for (; entry != nullptr; entry = following(entry)) {
    found.push_back({entry->name, std::to_string(entry->version[0]) + '.' +
                                      std::to_string(entry->version[1]) + '.' +
                                      std::to_string(entry->version[2])});
  }
  return found;
}

}  // namespace dmjob::dm
