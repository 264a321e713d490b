// SPDX-License-Identifier: LGPL-2.1-or-later
// Long because: one short function for each call of the seam, and for what a test arranges.
#include "tests/support/fake_control.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <ranges>
#include <system_error>

#include "dm/targets.h"
#include "tests/support/fake_tables.h"

namespace dmjob::dm {
namespace {

constexpr unsigned kMajor = 253;

[[noreturn]] void fail(int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(), what);
}

bool stands_on(const std::optional<Table>& table, dev_t dev) {
  if (!table) return false;
  const auto devices = devices_of(*table);
  return std::count(devices.begin(), devices.end(), dev) != 0;
}

// "disk 2 LOG REGION 2 BASE 0 OTHER 0 ..." in sync.
std::string status_of_mirror(const Segment& segment) {
  const auto words = words_of(segment.args);
  const std::uint64_t region = std::stoull(words.at(3));
  const std::string regions = std::to_string((segment.length + region - 1) / region);
  return "2 " + words.at(5) + ' ' + words.at(7) + ' ' + regions + '/' + regions + " 1 AA 3 disk " +
         words.at(2) + " A";
}

const char* word_for(SuspendMode mode) {
  switch (mode) {
    case SuspendMode::kFlush:
      return " flush";
    case SuspendMode::kFreeze:
      return " freeze";
    case SuspendMode::kNoFlush:
      return " noflush";
  }
  return "";
}

}  // namespace

// --- the stage ---

dev_t FakeControl::add_device(const std::string& name, const Table& table,
                              const std::string& uuid) {
  const threads::Lock lock(mutex_);
  FakeDevice& device = devices_[name];
  device.uuid = uuid;
  device.dev = makedev(kMajor, next_minor_++);
  device.live = table;
  device.write_back = passes_flushes(table);
  return device.dev;
}

void FakeControl::set_number(const std::string& name, dev_t number) {
  const threads::Lock lock(mutex_);
  at(name).dev = number;
}

void FakeControl::set_number_to_come(const std::string& name, dev_t number) {
  const threads::Lock lock(mutex_);
  numbers_to_come_[name] = number;
}

void FakeControl::set_suspended(const std::string& name, bool suspended) {
  const threads::Lock lock(mutex_);
  at(name).suspended = suspended;
}

void FakeControl::set_read_only(const std::string& name) {
  const threads::Lock lock(mutex_);
  at(name).read_only = true;
}

void FakeControl::set_opened(const std::string& name, int times) {
  const threads::Lock lock(mutex_);
  at(name).opened = times;
}

void FakeControl::set_status(const std::string& name, const std::string& text) {
  const threads::Lock lock(mutex_);
  at(name).status = text;
}

void FakeControl::set_kept(const std::string& text) {
  const threads::Lock lock(mutex_);
  kept_ = text;
}

void FakeControl::set_inactive_table(const std::string& name, const Table& table) {
  const threads::Lock lock(mutex_);
  at(name).inactive = table;
}

void FakeControl::set_table(const std::string& name, const Table& table) {
  const threads::Lock lock(mutex_);
  at(name).live = table;
}

void FakeControl::set_write_back(dev_t disk, bool write_back) {
  const threads::Lock lock(mutex_);
  write_back_[disk] = write_back;
}

void FakeControl::set_mounted(dev_t dev) {
  const threads::Lock lock(mutex_);
  mounted_.push_back(dev);
}

void FakeControl::freeze_elsewhere(const std::string& name, int times) {
  const threads::Lock lock(mutex_);
  at(name).frozen_elsewhere = times;
}

void FakeControl::set_writes(const std::string& name,
                             std::vector<std::optional<std::uint64_t>> counts) {
  const threads::Lock lock(mutex_);
  at(name).writes = std::move(counts);
}

void FakeControl::add_holder(dev_t dev, const Holder& holder) {
  const threads::Lock lock(mutex_);
  holders_.emplace(dev, holder);
}

void FakeControl::fail_call(int n, int error) { fail_call("", n, error); }

void FakeControl::fail_call(const std::string& kind, int n, int error) {
  const threads::Lock lock(mutex_);
  failures_.push_back({kind, n, error});
}

void FakeControl::set_unresumable(const Table& table) {
  const threads::Lock lock(mutex_);
  unresumable_.push_back(table);
}

void FakeControl::heal() {
  const threads::Lock lock(mutex_);
  failures_.clear();
  unresumable_.clear();
}

// --- the story ---

std::vector<std::string> FakeControl::log() const {
  const threads::Lock lock(mutex_);
  return log_;
}

void FakeControl::clear_log() {
  const threads::Lock lock(mutex_);
  log_.clear();
}

void FakeControl::note(const std::string& line) {
  const threads::Lock lock(mutex_);
  log_.push_back(line);
}

std::vector<std::string> FakeControl::violations() const {
  const threads::Lock lock(mutex_);
  return violations_;
}

bool FakeControl::exists(const std::string& name) const {
  const threads::Lock lock(mutex_);
  return devices_.contains(name);
}

bool FakeControl::suspended(const std::string& name) const {
  const threads::Lock lock(mutex_);
  return at(name).suspended;
}

std::vector<std::string> FakeControl::suspended_devices() const {
  const threads::Lock lock(mutex_);
  std::vector<std::string> found;
  for (const auto& [name, device] : devices_) {
    if (device.suspended) found.push_back(name);
  }
  return found;
}

std::vector<std::string> FakeControl::names() const {
  const threads::Lock lock(mutex_);
  const auto names = std::views::keys(devices_);
  return {names.begin(), names.end()};
}

// --- Control ---

FakeControl::FakeDevice& FakeControl::at(const std::string& name) {
  const auto found = devices_.find(name);
  if (found == devices_.end()) fail(ENXIO, "no device " + name);
  return found->second;
}

const FakeControl::FakeDevice& FakeControl::at(const std::string& name) const {
  const auto found = devices_.find(name);
  if (found == devices_.end()) fail(ENXIO, "no device " + name);
  return found->second;
}

void FakeControl::begin(const std::string& kind, const std::string& name, const std::string& rest) {
  log_.push_back(kind + ' ' + name + rest);
  for (auto failure = failures_.begin(); failure != failures_.end(); ++failure) {
    if (!failure->kind.empty() && failure->kind != kind) continue;
    if (--failure->countdown > 0) continue;
    const int error = failure->error;
    failures_.erase(failure);
    log_.back() += " !";
    fail(error, kind + ' ' + name + " was told to fail");
  }
}

void FakeControl::forbid_while_suspended(const std::string& call) {
  for (const auto& [name, device] : devices_) {
    if (device.suspended) violations_.push_back(call + " while " + name + " is suspended");
  }
}

void FakeControl::check_devices(const std::string& name, const Table& table) const {
  if (table.empty()) fail(EINVAL, "an empty table for " + name);
  for (const dev_t dev : devices_of(table)) {
    if (major(dev) != kMajor) continue;
    const bool known = std::any_of(devices_.begin(), devices_.end(),
                                   [dev](const auto& entry) { return entry.second.dev == dev; });
    if (!known) fail(ENXIO, "the table of " + name + " names a device that is not there");
  }
}

int FakeControl::open_count(const FakeDevice& device) const {
  int count = device.opened;
  for (const auto& [name, other] : devices_) {
    if (stands_on(other.live, device.dev) || stands_on(other.inactive, device.dev)) ++count;
  }
  return count;
}

bool FakeControl::says_write_back(dev_t dev) const {
  for (const auto& [name, device] : devices_)
    if (device.dev == dev) return device.write_back;
  const auto disk = write_back_.find(dev);
  return disk != write_back_.end() && disk->second;
}

bool FakeControl::passes_flushes(const Table& table) const {
  for (const Segment& segment : table.segments()) {
    auto devices = devices_of(Table({segment}));
    if (segment.target == "mirror") devices.erase(devices.begin());  // its log
    for (const dev_t dev : devices)
      if (says_write_back(dev)) return true;
  }
  return false;
}

dev_t FakeControl::create(const NewDevice& device) {
  threads::Lock lock(mutex_);
  if (const auto before = before_create_) {
    lock.unlock();
    before(device);
    lock.lock();
  }
  begin("create", device.name);
  forbid_while_suspended("create " + device.name);
  if (devices_.contains(device.name)) fail(EBUSY, device.name + " exists");
  check_devices(device.name, device.table);
  FakeDevice made;
  made.uuid = device.uuid;
  const auto number = numbers_to_come_.find(device.name);
  made.dev = number == numbers_to_come_.end() ? makedev(kMajor, next_minor_++) : number->second;
  made.read_only = device.read_only;
  made.live = device.table;
  made.write_back = passes_flushes(device.table);
  devices_[device.name] = made;
  return made.dev;
}

void FakeControl::load(const std::string& name, const Table& table) {
  const threads::Lock lock(mutex_);
  begin("load", name);
  forbid_while_suspended("load " + name);
  FakeDevice& device = at(name);
  check_devices(name, table);
  device.inactive = table;
}

void FakeControl::clear(const std::string& name) {
  const threads::Lock lock(mutex_);
  begin("clear", name);
  at(name).inactive.reset();
}

void FakeControl::suspend(const std::string& name, SuspendMode mode) {
  const threads::Lock lock(mutex_);
  begin("suspend", name, word_for(mode));
  FakeDevice& device = at(name);
  if (mode == SuspendMode::kFreeze && device.frozen_elsewhere > 0) {
    --device.frozen_elsewhere;
    log_.back() += " !";
    fail(EBUSY, "dm suspend of " + name);
  }
  device.suspended = true;
}

void FakeControl::resume(const std::string& name) {
  const threads::Lock lock(mutex_);
  FakeDevice& device = at(name);
  const std::optional<Table> next = std::exchange(device.inactive, std::nullopt);
  if (next) device.suspended = true;  // as the kernel does before it swaps
  begin("resume", name);
  if (next) {
    device.live = next;
    device.write_back = passes_flushes(*next);
    device.status.clear();
  }
  if (!device.live) fail(EINVAL, name + " has no table");
  if (std::count(unresumable_.begin(), unresumable_.end(), *device.live) != 0) {
    log_.back() += " !";
    fail(EINVAL, "the table of " + name + " does not start");
  }
  device.suspended = false;
}

void FakeControl::remove(const std::string& name) {
  const threads::Lock lock(mutex_);
  begin("remove", name);
  forbid_while_suspended("remove " + name);
  const int opened = open_count(at(name));
  if (opened != 0) fail(EBUSY, name + " is open " + std::to_string(opened) + " times");
  devices_.erase(name);
}

std::optional<Device> FakeControl::find(const std::string& name) {
  const threads::Lock lock(mutex_);
  const auto found = devices_.find(name);
  if (found == devices_.end()) return std::nullopt;
  const FakeDevice& fake = found->second;
  Device device;
  device.name = name;
  device.uuid = fake.uuid;
  device.dev = fake.dev;
  device.suspended = fake.suspended;
  device.live_table = fake.live.has_value();
  device.inactive_table = fake.inactive.has_value();
  device.read_only = fake.read_only;
  device.open_count = open_count(fake);
  return device;
}

std::optional<Device> FakeControl::find_by_uuid(const std::string& uuid) {
  for (const Device& device : list())
    if (const auto found = find(device.name); found && found->uuid == uuid) return found;
  return std::nullopt;
}

std::vector<Device> FakeControl::list() {
  const threads::Lock lock(mutex_);
  std::vector<Device> found;
  for (const auto& [name, fake] : devices_) {
    Device device;
    device.name = name;
    device.dev = fake.dev;
    found.push_back(device);
  }
  return found;
}

Table FakeControl::table(const std::string& name) {
  const threads::Lock lock(mutex_);
  return at(name).live.value_or(Table());
}

Table FakeControl::inactive_table(const std::string& name) {
  const threads::Lock lock(mutex_);
  return at(name).inactive.value_or(Table());
}

std::vector<StatusLine> FakeControl::status(const std::string& name) {
  const threads::Lock lock(mutex_);
  const FakeDevice& device = at(name);
  std::vector<StatusLine> lines;
  if (!device.live) return lines;
  for (const Segment& segment : device.live->segments()) {
    std::string text = device.status;
    if (text.empty() && segment.target == "mirror") text = status_of_mirror(segment);
    if (text.empty() && segment.target.starts_with("snapshot")) text = kept_;
    lines.push_back({segment.start, segment.length, segment.target, text});
  }
  return lines;
}

std::vector<dev_t> FakeControl::deps(const std::string& name) {
  const threads::Lock lock(mutex_);
  return devices_of(at(name).live.value_or(Table()));
}

std::optional<bool> FakeControl::write_back(dev_t dev) {
  const threads::Lock lock(mutex_);
  return says_write_back(dev);
}

std::vector<Holder> FakeControl::holders(dev_t dev) {
  const threads::Lock lock(mutex_);
  std::vector<Holder> found;
  for (const auto& [name, device] : devices_)
    if (stands_on(device.live, dev))
      found.push_back({"dm-" + std::to_string(minor(device.dev)), device.dev});
  const auto [first, last] = holders_.equal_range(dev);
  for (auto other = first; other != last; ++other) found.push_back(other->second);
  return found;
}

std::vector<dev_t> FakeControl::mounted() {
  const threads::Lock lock(mutex_);
  return mounted_;
}

std::optional<std::uint64_t> FakeControl::writes_ended(dev_t dev) {
  const threads::Lock lock(mutex_);
  for (auto& [name, device] : devices_) {
    if (device.dev != dev) continue;
    const auto now = device.writes.front();
    if (device.writes.size() > 1) device.writes.erase(device.writes.begin());
    return now;
  }
  return std::nullopt;
}

void FakeControl::set_modules(const std::vector<std::string>& targets) {
  const threads::Lock lock(mutex_);
  modules_ = targets;
}

std::vector<std::string> FakeControl::targets() { return {"linear", "striped", "error"}; }

std::optional<std::string> FakeControl::target_version(const std::string& target) {
  const threads::Lock lock(mutex_);
  if (std::ranges::find(modules_, target) != modules_.end()) return "1.0.0";
  return std::nullopt;
}

}  // namespace dmjob::dm
