// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/topology/overlay_stack.h"

#include <chrono>
#include <condition_variable>
#include <fstream>
#include <mutex>
#include <stop_token>
#include <system_error>
#include <thread>
#include <utility>

#include "dm/error.h"
#include "dm/name.h"
#include "dm/step.h"
#include "dm/topology/table_switch.h"
#include "dm/topology/volume_table.h"
#include "dm/topology/write_cache.h"

namespace dmjob::dm {
namespace {

constexpr const char* kPart = "vcow";
constexpr const char* kOrigin = "vorigin";
constexpr const char* kDisk = "vdisk";

// The kernel's limit on the chunks that are on their way into one snapshot's cow.
std::uint64_t chunks_in_flight() {
  constexpr std::uint64_t kDefault = 2048;
  std::ifstream stream("/sys/module/dm_snapshot/parameters/snapshot_cow_threshold");
  std::uint64_t chunks = 0;
  return stream >> chunks ? chunks : kDefault;
}

// Each chunk's worth of notes is behind so many chunks at least; and the kernel counts late.
std::uint64_t with_notes(std::uint64_t chunks) {
  constexpr std::uint64_t kNotesInAChunk = 4096 / 16;
  return chunks + chunks / kNotesInAChunk + 4;
}

OverlayStack::Kind kind_of(const Table& table) {
  using Kind = OverlayStack::Kind;
  if (table.segments().size() != 1) return Kind::kOther;
  const std::string& target = table.segments().front().target;
  if (target == "linear") return Kind::kLinear;
  if (target == "snapshot") return Kind::kHolding;
  if (target == "error") return Kind::kFailing;
  return target == "snapshot-merge" ? Kind::kMerging : Kind::kOther;
}

// Whether a snapshot or a merge stands on that cow. No other program's table names a cow of ours.
bool stands_on(const Table& table, dev_t cow) {
  return table.segments().front().args.find(' ' + print_dev(cow) + ' ') != std::string::npos;
}

OverlayStack::Kind kind_over(const Table& table, const std::optional<Device>& cow) {
  using Kind = OverlayStack::Kind;
  const Kind kind = kind_of(table);
  const bool has_cow = kind == Kind::kHolding || kind == Kind::kMerging;
  return has_cow && !(cow && stands_on(table, cow->dev)) ? Kind::kOther : kind;
}

// The boundary in a waiting_table(). A device that is being made has no table yet.
std::uint64_t boundary_of(const Table& cow) {
  if (cow.segments().empty()) return 0;
  const Segment& front = cow.segments().front();
  return front.target == "linear" ? front.length : 0;
}

}  // namespace

// Whoever sleeps at the kernel's limit holds a place in no count, and takes one more chunk when
// what waits is let go: so many threads may.
std::uint64_t OverlayStack::margin(std::uint64_t chunk) {
  constexpr std::uint64_t kSleepers = 1024;
  return with_notes(chunks_in_flight() + kSleepers) * chunk;
}

std::uint64_t OverlayStack::most_waiting(std::uint64_t chunk) {
  return with_notes(chunks_in_flight()) * chunk;
}

std::string OverlayStack::cow_name(const std::string& volume) { return inner_name(volume, kPart); }
std::string OverlayStack::cow_uuid(const std::string& uuid) { return inner_uuid(uuid, kPart); }

bool OverlayStack::is_part(const std::string& name, const std::string& volume) {
  return name == cow_name(volume) || name == inner_name(volume, kOrigin) ||
         name == inner_name(volume, kDisk);
}

HeldDisk OverlayStack::holder_of_cow(Control& control, Ledger& ledger, const std::string& volume,
                                     const std::string& uuid) {
  return {control, ledger, volume, uuid, kDisk};
}

HeldDisk OverlayStack::holder() const {
  return holder_of_cow(control_, ledger_, spec_.volume, spec_.uuid);
}

OverlayStack::OverlayStack(Control& control, Ledger& ledger, OverlaySpec spec)
    : control_(control), ledger_(ledger), spec_(std::move(spec)), below_cow_(spec_.cow_disk) {
  if (spec_.cow_disk_length > 0) find_below_cow();
}

// A cow of an older dmjob's has nothing in between.
void OverlayStack::find_below_cow() {
  const dev_t held = holder().device();
  if (held != 0) below_cow_ = held;
}

bool OverlayStack::State::held() const {
  return kind == Kind::kHolding && status.state == SnapshotStatus::State::kValid &&
         boundary < status.total && status.used >= boundary;
}

OverlayStack::State OverlayStack::look() const {
  State state;
  const auto found = control_.find(spec_.volume);
  if (!found || found->uuid != volume_uuid(spec_.uuid)) return state;
  const std::string name = cow_name(spec_.volume);
  const auto cow = control_.find(name);
  if (cow) state.boundary = boundary_of(control_.table(name));
  state.kind = kind_over(control_.table(spec_.volume), cow);
  if (state.kind == Kind::kHolding || state.kind == Kind::kMerging)
    state.status = parse_snapshot_status(control_.status(spec_.volume).at(0).text);
  return state;
}

dev_t OverlayStack::origin() const {
  const auto found = control_.find(spec_.volume);
  if (!found || found->uuid != volume_uuid(spec_.uuid) || !found->live_table) return 0;
  const dev_t below = first_device_of(control_.table(spec_.volume));
  const auto other = control_.find(inner_name(spec_.volume, kOrigin));
  return other && other->dev == below ? held_by(control_.table(other->name)) : below;
}

dev_t OverlayStack::cow_disk() const {
  const auto found = control_.find(cow_name(spec_.volume));
  if (!found || found->uuid != cow_uuid(spec_.uuid) || !found->live_table) return 0;
  const Table table = control_.table(found->name);  // of one part or two, on the same disk
  return table.empty() ? 0 : first_device_of(Table({table.segments().front()}));
}

// --- tables ---

DeviceWord OverlayStack::cow() const {
  const auto device = control_.find(cow_name(spec_.volume));
  if (!device || device->uuid != cow_uuid(spec_.uuid))
    dm::fail(ENXIO, "no device " + cow_name(spec_.volume));
  return device->dev;
}

// Before anything is suspended.
DeviceWord OverlayStack::other_number(dev_t origin) {
  const Segment live = control_.table(spec_.volume).segments().at(0);
  if (!live.args.starts_with(print_dev(origin) + ' ')) return origin;
  remove_origin();  // of an earlier origin, maybe; nothing stands on it
  return control_.create({.name = inner_name(spec_.volume, kOrigin),
                          .uuid = inner_uuid(spec_.uuid, kOrigin),
                          .table = linear_table(spec_.length, origin),
                          .visibility = Visibility::kHidden,
                          .read_only = false});
}

void OverlayStack::remove_origin() {
  remove_if_ours(control_, inner_name(spec_.volume, kOrigin), inner_uuid(spec_.uuid, kOrigin));
}

Table OverlayStack::table_of(Kind kind, const DeviceWord& origin) const {
  if (kind == Kind::kLinear) return linear_table(spec_.length, origin);
  return kind == Kind::kMerging ? merge_table(spec_.length, origin, cow(), spec_.chunk)
                                : snapshot_table(spec_.length, origin, cow(), spec_.chunk);
}

Table OverlayStack::cow_table(std::uint64_t boundary) const {
  return waiting_table(spec_.cow_length, boundary, below_cow_, spec_.cow_offset);
}

// --- making and taking away ---

void OverlayStack::make_cow(std::uint64_t boundary) {
  const std::string name = cow_name(spec_.volume);
  remove_if_half_made(control_, name, cow_uuid(spec_.uuid));
  if (const auto found = control_.find(name)) {
    if (found->uuid == cow_uuid(spec_.uuid)) return;
    dm::fail(EEXIST, "device " + name + " is not this volume's");
  }
  if (spec_.cow_disk_length > 0) {
    holder().take(spec_.cow_disk, spec_.cow_disk_length);
    find_below_cow();
  }
  control_.create({.name = name,
                   .uuid = cow_uuid(spec_.uuid),
                   .table = cow_table(boundary),
                   .visibility = Visibility::kHidden,
                   .read_only = false});
}

void OverlayStack::remove_cow() {
  remove_origin();
  remove_if_ours(control_, cow_name(spec_.volume), cow_uuid(spec_.uuid));
  holder().remove();
}

void OverlayStack::make_volume(Kind kind, dev_t origin) {
  control_.create({.name = spec_.volume,
                   .uuid = volume_uuid(spec_.uuid),
                   .table = table_of(kind, origin),
                   .visibility = Visibility::kPublic,
                   .read_only = false});
}

// --- switching ---

// What a step replaces by `next`, and nothing else by the time that the volume is suspended: a
// table of ours, or `next` itself. Nobody else's table names the cow; one that fails all I/O takes
// no write past it, whoever has loaded it.
Table OverlayStack::own_table(const Table& next) const {
  Table table = control_.table(spec_.volume);
  const Kind kind = kind_over(table, control_.find(cow_name(spec_.volume)));
  const bool is_replaced = kind == Kind::kLinear || kind == Kind::kOther;
  if (is_replaced && table != next) throw TableReplaced(spec_.volume);
  return table;
}

void OverlayStack::swap(const Table& next, SuspendMode mode) {
  const TableSwitch one{spec_.volume, next, mode, own_table(next)};
  switch_tables(control_, ledger_, {&one, 1}, [] {});
}

// Whoever stands on the volume sees the cow's cache in the same moment: from then on what is
// acknowledged may be in there.
void OverlayStack::hold(dev_t origin) {
  const Table next = table_of(Kind::kHolding, origin);
  std::vector<TableSwitch> switches = holders_to_follow(control_, spec_.volume, next);
  for (TableSwitch& above : switches) above.mode = SuspendMode::kFreeze;
  const Table disk = linear_table(spec_.length, origin);
  const Table from = control_.table(spec_.volume) == next ? next : disk;  // nothing is done twice
  switches.push_back({spec_.volume, next, SuspendMode::kFreeze, from});
  switch_tables(control_, ledger_, switches, [] {});
}

void OverlayStack::end(dev_t disk) { swap(table_of(Kind::kLinear, disk), SuspendMode::kFlush); }

void OverlayStack::move_boundary(std::uint64_t boundary) { switch_cow(boundary); }

void OverlayStack::switch_cow(std::uint64_t boundary) {
  const TableSwitch one{cow_name(spec_.volume), cow_table(boundary), SuspendMode::kFlush};
  switch_tables(control_, ledger_, {&one, 1}, [] {});
}

// The suspension of a volume waits for its writes, and these may wait at the cow's boundary. Those
// that are let go may let others through that then wait there, a bounded number, since the volume
// takes no new ones: so again and again until the volume is suspended. The volume must not stay so
// until the helper has slept its time.
void OverlayStack::with_writes_let_go(const std::function<void()>& call) {
  constexpr std::chrono::milliseconds kEvery(50);
  const std::string name = cow_name(spec_.volume);
  const Table table = control_.table(name);
  std::mutex mutex;
  std::condition_variable_any woken;
  std::jthread let_go([&](const std::stop_token& done) {
    std::unique_lock lock(mutex);
    for (;;) {
      // First: before the volume takes no more, others would come through.
      woken.wait_for(lock, done, kEvery, [] { return false; });
      if (done.stop_requested()) break;
      try {
        SuspendGuard guard(control_, ledger_, name, SuspendMode::kFlush, OnDeath::kOldTable, table);
        guard.resume();
      } catch (const std::system_error&) {  // once more in a moment
      }
    }
  });
  call();
}

// The exception to the rule that nothing is loaded while a device is suspended: these targets'
// constructors read the exceptions, so they must not be able to change any more.
void OverlayStack::load_within(const Table& next, SuspendGuard& guard) {
  guard.will_load(next);
  control_.load(spec_.volume, next);
  guard.on_death(OnDeath::kNewTable);
}

// What another program has loaded since is live then.
void OverlayStack::require_live(const Table& next) const {
  if (control_.table(spec_.volume) != next) throw TableReplaced(spec_.volume);
}

void OverlayStack::begin_merge(dev_t origin, const Proof& proof) {
  require_nothing_loaded(control_, spec_.volume);
  const Table next = table_of(Kind::kMerging, other_number(origin));
  const Table from = own_table(next);
  const std::uint64_t boundary = boundary_of(control_.table(cow_name(spec_.volume)));
  bool merges = false;
  try {
    FollowingHolders above(control_, ledger_, holders_to_follow(control_, spec_.volume, next));
    std::optional<SuspendGuard> guard;
    with_writes_let_go([&] {
      above.suspend();
      guard.emplace(control_, ledger_, spec_.volume, SuspendMode::kFlush, OnDeath::kOldTable,
                    Droppable::none());
    });
    require_still(control_, spec_.volume, from);
    proof();
    load_within(next, *guard);
    // If we die before this, the merge comes to the boundary and waits there.
    switch_cow(spec_.cow_length);
    guard->resume();
    merges = true;
    above.resume();
  } catch (...) {
    if (!merges) switch_cow(boundary);
    throw;
  }
  require_live(next);
}

void OverlayStack::renew(dev_t origin) {
  fail();
  swap(table_of(Kind::kHolding, origin), SuspendMode::kFlush);
}

void OverlayStack::fail() {
  if (look().kind == Kind::kFailing) return;
  with_writes_let_go([&] { swap(error_table(spec_.length), SuspendMode::kFlush); });
}

void OverlayStack::pause_merge(dev_t origin, std::uint64_t boundary, const Proof& proof) {
  require_nothing_loaded(control_, spec_.volume);
  const Table next = table_of(Kind::kHolding, other_number(origin));
  const Table from = own_table(next);
  SuspendGuard guard(control_, ledger_, spec_.volume, SuspendMode::kFlush, OnDeath::kOldTable,
                     Droppable::none());
  require_still(control_, spec_.volume, from);
  proof();
  // First: nothing may be written to the cow as a snapshot before its end waits.
  switch_cow(boundary);
  try {
    load_within(next, guard);
    guard.resume();
  } catch (...) {
    switch_cow(spec_.cow_length);  // or what merges on would wait
    throw;
  }
  require_live(next);
}

}  // namespace dmjob::dm
