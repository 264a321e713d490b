// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/write_cache.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdio>
#include <functional>
#include <ranges>
#include <sstream>
#include <system_error>
#include <utility>

#include "dm/name.h"
#include "dm/suspend_limit.h"
#include "dm/topology/layers.h"
#include "dm/topology/stateless.h"

namespace dmjob::dm {
namespace {

constexpr std::chrono::seconds kTimeout(2);

constexpr const char* kSwallows = " would swallow flushes of the write cache below: ";

// Those that the target sends a flush to. A mirror flushes its log by itself, whatever the mirror
// says; "mirror disk COUNT LOG ...".
std::vector<dev_t> flushed_devices(const Segment& segment) {
  std::vector<dev_t> found;
  std::istringstream words(segment.args);
  std::string word;
  std::size_t log_words = 0;
  if (segment.target == "mirror") words >> word >> log_words;
  for (; log_words > 0 && words; --log_words) words >> word;
  while (words >> word) {
    unsigned major = 0;
    unsigned minor = 0;
    char rest = 0;
    if (std::sscanf(word.c_str(), "%u:%u%c", &major, &minor, &rest) == 2)
      found.push_back(makedev(major, minor));
  }
  return found;
}

std::vector<dev_t> flushed_devices(const Table& table) {
  std::vector<dev_t> found;
  for (const Segment& segment : table.segments())
    for (const dev_t dev : flushed_devices(segment)) found.push_back(dev);
  return found;
}

bool has_target(const Table& table, const char* target) {
  return std::ranges::any_of(table.segments(),
                             [&](const Segment& segment) { return segment.target == target; });
}

// The one that keeps its table from being loaded once more; "" if none does. What multipathd knows
// of a multipath device's paths a new table would not.
std::string lasting_target(const Table& table) {
  if (has_target(table, "multipath")) return "multipath";
  return first_stateful_target(table);
}

// No layer asks for the pool's own flag: it flushes its data itself.
bool is_asked(const Table& table) { return !has_target(table, "thin-pool"); }

// The side of a tracker that always fails; what it has behind its end is never asked for.
bool fails_by_design(const Layer& layer, const Table& table) {
  return is_inner_name(layer.name) && has_target(table, "error");
}

class Follower {
 public:
  Follower(Control& control, const std::string& volume)
      : control_(control), layers_(control, volume) {}

  const Layers& layers() const { return layers_; }
  bool says_write_through(dev_t dev) const { return control_.write_back(dev) == false; }

  // It says "write through", one under it does not. Of what stands on the volume other disks are
  // not our concern.
  bool swallows(const Layer& layer) const {
    const Table table = control_.table(layer.name);
    if (!says_write_through(layer.dev) || !is_asked(table) || fails_by_design(layer, table))
      return false;
    return std::ranges::any_of(flushed_devices(table), [&](dev_t below) {
      const bool counts = layer.place != Layer::Place::kAbove || layers_.is_from_volume_up(below);
      return counts && !says_write_through(below);
    });
  }

  // Why its table cannot be loaded again, and what to do; "" if it can.
  std::string obstacle(const Layer& layer) const {
    const auto device = control_.find(layer.name);
    if (!device) return "";
    std::string reason;
    if (device->suspended) reason = "it is suspended, by somebody else; resume it";
    if (reason.empty()) reason = other_owner(layer, device->uuid);
    if (reason.empty() && device->inactive_table)
      reason = "somebody else has loaded a table for it; clear that";
    if (const std::string lasting = lasting_target(control_.table(layer.name));
        reason.empty() && !lasting.empty())
      reason = "its target " + lasting +
               " cannot be loaded again while it is in use; deactivate it first, and activate it "
               "afterwards";
    return reason.empty() ? "" : layer.name + kSwallows + reason;
  }

  // It has a modify slot of its own.
  bool is_other_volume(const Layer& layer) const {
    const auto device = control_.find(layer.name);
    return layer.place != Layer::Place::kVolume && device &&
           device->uuid.starts_with(kVolumeUuidPrefix);
  }

  // The holder that would not notice that the layer comes to have a cache; "" if none.
  std::string keeper_on(const Layer& layer) const {
    for (const Holder& holder : control_.holders(layer.dev))
      if (holder.keeps_cache_flag)
        return holder.name + kSwallows + "it looks for a cache only when it starts; stop it first";
    return "";
  }

  // Holders that are not dm's tell by themselves.
  std::string other_that_swallows(const Layer& layer) const {
    for (const Holder& holder : control_.holders(layer.dev))
      if (!layers_.is_dm(holder.dev) && says_write_through(holder.dev))
        return holder.name + kSwallows + "stop it first";
    return "";
  }

 private:
  // The holder of another slot may be changing it just now.
  std::string other_owner(const Layer& layer, const std::string& uuid) const {
    const bool inner = uuid.starts_with(kInnerUuidPrefix);
    const Table table = control_.table(layer.name);
    if (layer.place == Layer::Place::kVolume) return "";
    if (layer.place == Layer::Place::kBelow && inner) {
      if (!has_target(table, "mirror") && !has_target(table, "delay")) return "";
      return "the cache came while it was in use; pause the job and resume it, or switch the "
             "disk's cache off";
    }
    if (is_other_volume(layer))
      return "it is another volume of dmjob, which follows once there is a cache; try again in a "
             "minute, or detach it first";
    const bool has_job = inner || std::ranges::any_of(flushed_devices(table), [this](dev_t dev) {
                           return is_inner_name(layers_.name_of(dev));
                         });
    return has_job ? "it belongs to another job; end that first" : "";
  }

  Control& control_;
  const Layers layers_;
};

std::string failure_of(const std::string& name, const std::system_error& error) {
  std::string what = name + kSwallows + error.what();
  if (error.code() == std::errc::interrupted) what += " (it does not come to rest; try again)";
  if (error.code().value() == ENOKEY)
    what += "; 'cryptsetup refresh --disable-keyring " + name + "' gives it its key back";
  return what;
}

TableSwitch the_same_again(Control& control, const std::string& device) {
  const Table table = control.table(device);
  return {device, table, SuspendMode::kFlush, table};
}

std::string load_again(Control& control, Ledger& ledger, const Layer& layer) {
  try {
    const SuspendLimit limit(kTimeout);
    const TableSwitch same = the_same_again(control, layer.name);
    switch_tables(control, ledger, {&same, 1}, [] {});
  } catch (const std::system_error& error) {
    return failure_of(layer.name, error);
  }
  if (control.write_back(layer.dev) == false)
    return layer.name + kSwallows + "the kernel does not change that; switch the disk's cache off";
  return "";
}

// From the bottom up, since each layer shows what those under it say by then. Returns the first
// failure; `repair` is called for each that swallows, and returns "" if it does no longer.
std::string go_through(const Follower& follower,
                       const std::function<std::string(const Layer&)>& repair) {
  std::string first;
  for (const Layer& layer : follower.layers().all()) {
    std::string failed;
    if (follower.swallows(layer)) failed = repair(layer);
    const bool counts = layer.place != Layer::Place::kBelow;
    if (failed.empty() && counts && !follower.says_write_through(layer.dev))
      failed = follower.other_that_swallows(layer);
    if (first.empty()) first = std::move(failed);
  }
  return first;
}

bool any_has_cache(const Follower& follower, const Table& table) {
  return std::ranges::any_of(flushed_devices(table),
                             [&](dev_t dev) { return !follower.says_write_through(dev); });
}

// Once there is a cache below; "" if it can, or need not.
std::string why_it_cannot_follow(const Follower& follower, const Layer& layer) {
  if (layer.place == Layer::Place::kBelow) return "";
  std::string why = follower.other_that_swallows(layer);
  if (!why.empty() || !follower.says_write_through(layer.dev)) return why;
  why = follower.keeper_on(layer);
  return why.empty() && layer.place == Layer::Place::kAbove ? follower.obstacle(layer) : why;
}

}  // namespace

std::string who_swallows_flushes(Control& control, const std::string& volume) {
  return go_through(Follower(control, volume), [](const Layer& layer) {
    return layer.name + kSwallows + "it says that there is none";
  });
}

std::string follow_write_cache(Control& control, Ledger& ledger, const std::string& volume) {
  const Follower follower(control, volume);
  return go_through(follower, [&](const Layer& layer) {
    std::string failed = follower.obstacle(layer);
    if (failed.empty()) failed = follower.keeper_on(layer);
    return failed.empty() ? load_again(control, ledger, layer) : failed;
  });
}

void require_followers(Control& control, const std::string& volume, const Table& next) {
  const Follower follower(control, volume);
  if (!any_has_cache(follower, next)) return;
  for (const Layer& layer : follower.layers().all()) {
    if (follower.is_other_volume(layer)) continue;
    const std::string why = why_it_cannot_follow(follower, layer);
    if (!why.empty()) throw CannotFollow(why);
  }
}

std::vector<TableSwitch> holders_to_follow(Control& control, const std::string& volume,
                                           const Table& next) {
  const Follower follower(control, volume);
  if (!any_has_cache(follower, next)) return {};
  std::vector<TableSwitch> switches;
  for (const Layer& layer : follower.layers().all() | std::views::reverse) {
    const std::string why = why_it_cannot_follow(follower, layer);
    if (!why.empty()) throw CannotFollow(why);
    if (layer.place == Layer::Place::kAbove && follower.says_write_through(layer.dev))
      switches.push_back(the_same_again(control, layer.name));
  }
  return switches;
}

FollowingHolders::FollowingHolders(Control& control, Ledger& ledger,
                                   std::vector<TableSwitch> holders)
    : control_(control), ledger_(ledger), holders_(std::move(holders)), guards_(holders_.size()) {
  try {
    for (const TableSwitch& one : holders_) {
      require_nothing_loaded(control_, one.device);
      control_.load(one.device, one.table);
    }
  } catch (...) {
    drop_loaded();
    throw;
  }
}

void FollowingHolders::drop_loaded() noexcept {
  for (const TableSwitch& one : holders_)
    try_drop_inactive(control_, one.device, Droppable::only(one.table));
}

FollowingHolders::~FollowingHolders() {
  for (auto& guard : guards_ | std::views::reverse) guard.reset();
  drop_loaded();
}

void FollowingHolders::suspend() {
  for (std::size_t i = 0; i < holders_.size(); ++i)
    guards_[i].emplace(control_, ledger_, holders_[i].device, holders_[i].mode, OnDeath::kOldTable,
                       holders_[i].table, Droppable::only(holders_[i].table));
}

void FollowingHolders::resume() {
  for (auto& guard : guards_ | std::views::reverse) {
    guard->resume();
    guard.reset();
  }
}

}  // namespace dmjob::dm
