// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/freezing.h"

#include <algorithm>
#include <array>
#include <cerrno>
#include <iterator>
#include <set>
#include <string_view>
#include <system_error>
#include <utility>

#include "dm/error.h"
#include "dm/name.h"

namespace dmjob::dm {
namespace {

// Their suspension does no more than wait for I/O in flight. Others have more to do then (a raid
// stops its rebuild, a cache is written back), or belong to a daemon that looks after them.
constexpr std::array<std::string_view, 12> kSafe = {
    "linear", "striped", "crypt", "thin",      "delay", "error",
    "zero",   "flakey",  "dust",  "unstriped", "ebs",   "snapshot-origin"};

std::string first_unsafe_target(const Table& table) {
  for (const Segment& segment : table.segments())
    if (std::ranges::find(kSafe, segment.target) == kSafe.end()) return segment.target;
  return "";
}

class Walk {
 public:
  explicit Walk(Control& control) : control_(control) {
    for (const Device& device : control.list()) names_[device.dev] = device.name;
  }

  void up_from(dev_t dev) {
    for (const Holder& holder : control_.holders(dev))
      if (seen_.insert(holder.dev).second) look_at(holder);
  }
  Above take() { return std::move(above_); }

 private:
  void look_at(const Holder& holder) {
    const auto name = names_.find(holder.dev);
    if (name == names_.end()) {
      refuse(holder.dev, holder.name, "is no device-mapper device");
      return;
    }
    const auto device = control_.find(name->second);
    if (!device) return;
    if (device->uuid.starts_with(kInnerUuidPrefix) || device->uuid.starts_with(kVolumeUuidPrefix))
      refuse(holder.dev, device->name, "belongs to another volume or job of dmjob");
    else if (control_.holders(holder.dev).empty())
      look_at_top(*device);
    else
      up_from(holder.dev);
  }

  void look_at_top(const Device& device) {
    if (device.open_count == 0 || !device.live_table) return;
    const std::string unsafe = first_unsafe_target(control_.table(device.name));
    if (unsafe.empty())
      above_.tops.push_back(device);
    else
      refuse(device.dev, device.name, "has a " + unsafe + " target");
  }

  void refuse(dev_t dev, const std::string& name, std::string why) {
    above_.others[dev] = {name, std::move(why)};
  }

  Control& control_;
  std::map<dev_t, std::string> names_;
  std::set<dev_t> seen_;
  Above above_;
};

// Our resume would make live what another program has loaded, or end its suspension.
void require_left_alone(const Device& device) {
  if (!device.suspended && !device.inactive_table) return;
  fail(EBUSY, device.name + ", whose file system is to be frozen, is " +
                  (device.suspended ? "suspended" : "being changed") +
                  " by somebody else; wait for that to end, or 'dmsetup " +
                  (device.suspended ? "resume " : "clear ") + device.name + "'");
}

}  // namespace

Above look_above(Control& control, const std::string& device) {
  Walk walk(control);
  const auto found = control.find(device);
  if (found) walk.up_from(found->dev);
  return walk.take();
}

std::vector<ToSuspend> suspension_of(Control& control, std::span<const TableSwitch> switches) {
  std::vector<ToSuspend> all;
  std::set<dev_t> known;
  for (const TableSwitch& one : switches) {
    const auto device = control.find(one.device);
    all.push_back({one.device, device ? device->dev : 0, one.mode});
    known.insert(all.back().dev);
  }
  std::vector<ToSuspend> tops;
  for (const TableSwitch& one : switches) {
    if (one.mode != SuspendMode::kFreeze) continue;
    for (const Device& top : look_above(control, one.device).tops) {
      if (!known.insert(top.dev).second) continue;
      require_left_alone(top);
      tops.push_back({top.name, top.dev, SuspendMode::kFreeze});
    }
  }
  if (all.size() + tops.size() == 1) return all;
  const std::vector<dev_t> mounted = control.mounted();
  const auto has_file_system = [&](const ToSuspend& device) {
    return device.mode == SuspendMode::kFreeze && std::ranges::count(mounted, device.dev) != 0;
  };
  std::vector<ToSuspend> ordered;
  for (const bool wanted : {true, false})
    for (const auto* devices : {&tops, &all})
      std::ranges::copy_if(*devices, std::back_inserter(ordered), [&](const ToSuspend& device) {
        return has_file_system(device) == wanted;
      });
  return ordered;
}

bool FrozenElsewhere::is_at_rest(const ToSuspend& device) {
  const auto now = control_.writes_ended(device.dev);
  if (!now) return false;
  const auto [before, is_new] = writes_.try_emplace(device.name, *now);
  if (is_new || before->second != *now) {
    before->second = *now;
    return false;
  }
  used_[device.name] = device.dev;
  return true;
}

bool FrozenElsewhere::all_at_rest() {
  return std::ranges::all_of(used_, [this](const auto& entry) {
    return control_.writes_ended(entry.second) == writes_.at(entry.first);
  });
}

}  // namespace dmjob::dm
