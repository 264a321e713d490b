// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/copy_run.h"

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <utility>

#include "libjob/io/read_rescue.h"

namespace dmjob::io {
namespace {

// Shorter runs of zeroes are written as data: a hole for each would cost more than it saves.
constexpr std::uint64_t kZeroUnit = 64 << 10;
// No request of a slow copy is smaller.
constexpr std::uint64_t kSmallestRequest = 4096;

}  // namespace

CopyRun::CopyRun(CopyMachine& machine, DirtyBitmap& dirty, core::Progress& progress,
                 core::TimePoint until, const CopyEngine::Decide& decide)
    : machine_(machine),
      dirty_(dirty),
      progress_(progress),
      until_(until),
      decide_(decide),
      tally_(dirty) {
  assert(dirty_.granularity() % machine_.block == 0);
  assert(machine_.reads->in_flight() == 0 && machine_.writes->in_flight() == 0);
  for (CopySlot& slot : machine_.slots) free_.push_back(&slot);
  // Not for a file: its holes need no such trust in who else has written there.
  if (machine_.options.target_is_zero && !machine_.target.is_file() && !machine_.written) {
    machine_.written.emplace(dirty_.size(), dirty_.granularity());
  }
}

CopyResult CopyRun::run() {
  for (;;) {
    start_reads();
    const bool idle = free_.size() == machine_.slots.size();
    if (idle && (at_end_ || halted() || (time_is_up(machine_.clock.now()) && between_regions()))) {
      break;
    }
    wait();
    collect();
  }
  result_.end = how_it_ended();
  return std::move(result_);
}

CopyEnd CopyRun::how_it_ended() const {
  if (result_.error) return CopyEnd::kError;
  if (at_end_ && !abandoned_) return CopyEnd::kClean;
  return stopping_ ? CopyEnd::kStopped : CopyEnd::kTime;
}

bool CopyRun::halted() {
  stopping_ = stopping_ || machine_.control.stopped();
  return stopping_ || result_.error.has_value();
}

bool CopyRun::between_regions() const { return cursor_ % dirty_.granularity() == 0; }

void CopyRun::start_reads() {
  delay_ = {};
  while (!at_end_ && !free_.empty() && !halted()) {
    const core::TimePoint now = machine_.clock.now();
    if (time_is_up(now) && between_regions()) return;
    if (!start_read(now)) return;
  }
}

bool CopyRun::start_read(core::TimePoint now) {
  const std::optional<Range> range = next_range(now);
  if (!range) {
    at_end_ = true;
    return false;
  }
  delay_ = machine_.control.limit().delay(now);
  if (delay_ > core::Duration::zero()) return false;
  machine_.control.limit().take(now, range->end - range->begin);
  cursor_ = range->end;

  CopySlot& slot = *free_.back();
  free_.pop_back();
  slot.offset = range->begin;
  slot.length = range->end - range->begin;
  slot.read.slot = &slot;
  slot.read.kind = Request::Kind::kRead;
  slot.read.offset = slot.offset;
  slot.read.buffer = slot.buffer.bytes().first(round_up(slot.length, machine_.source.alignment()));
  machine_.reads->submit(slot.read);
  return true;
}

// A slow copy makes small requests, so that it flows rather than drips.
std::uint64_t CopyRun::most_bytes() const {
  const std::uint64_t most = machine_.options.request_bytes;
  const std::uint64_t granularity = dirty_.granularity();
  const std::uint64_t speed = machine_.control.limit().speed();
  if (speed == 0) return most < granularity ? most : round_down(most, granularity);
  const std::uint64_t slice = speed / (std::chrono::seconds(1) / core::RateLimit::kSlice);
  const std::uint64_t unit =
      std::max(machine_.block, std::min<std::uint64_t>(granularity, kSmallestRequest));
  if (slice >= most) return most;
  return std::max(unit, round_up(slice, unit));
}

std::optional<CopyRun::Range> CopyRun::next_range(core::TimePoint now) const {
  if (cursor_ >= dirty_.size()) return std::nullopt;
  const std::uint64_t granularity = dirty_.granularity();
  const std::uint64_t most = most_bytes();
  const auto run = dirty_.next(cursor_ / granularity, most / granularity + 2);
  if (!run) return std::nullopt;
  Range range;
  range.begin = std::max(cursor_, run->first * granularity);
  range.end =
      std::min({dirty_.size(), (run->first + run->count) * granularity, range.begin + most});
  if (time_is_up(now)) range.end = std::min(range.end, round_up(cursor_, granularity));
  return range;
}

std::optional<core::Duration> CopyRun::longest_wait() const {
  const core::TimePoint now = machine_.clock.now();
  std::optional<core::Duration> longest;
  if (delay_ > core::Duration::zero()) longest = delay_;
  if (until_ != core::TimePoint::max() && until_ > now && !at_end_) {
    longest = std::min(longest.value_or(core::Duration::max()), until_ - now);
  }
  return longest;
}

void CopyRun::wait() {
  std::array<pollfd, 3> events{pollfd{machine_.reads->fd(), POLLIN, 0},
                               pollfd{machine_.writes->fd(), POLLIN, 0},
                               pollfd{machine_.control.wake_fd(), POLLIN, 0}};
  timespec time{};
  const std::optional<core::Duration> longest = longest_wait();
  if (longest) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(*longest);
    time.tv_sec = seconds.count();
    time.tv_nsec = static_cast<long>((*longest - seconds).count());
  }
  ppoll(events.data(), events.size(), longest ? &time : nullptr, nullptr);
  if (events[2].revents == 0) return;
  std::uint64_t wakes = 0;
  [[maybe_unused]] const ssize_t drained = read(machine_.control.wake_fd(), &wakes, sizeof wakes);
}

void CopyRun::collect() {
  for (Request* request : machine_.reads->reap()) {
    on_read(*static_cast<CopyPart*>(request)->slot);
  }
  for (Request* request : machine_.writes->reap()) on_write(*static_cast<CopyPart*>(request));
  submit_writes();
}

void CopyRun::on_read(CopySlot& slot) {
  std::optional<std::vector<Extent>> good;
  if (!halted()) good = slot.read.result ? rescue_slot(slot) : outside({}, slot.length);
  if (!good) {
    abandoned_ = true;
    return release(slot);
  }
  const std::uint64_t read = slot.read.buffer.size();
  const std::uint64_t padded = std::max(read, round_up(slot.length, machine_.block));
  std::ranges::fill(slot.buffer.bytes().subspan(read, padded - read), std::byte{0});
  slot.writes.clear();
  for (const Extent& extent : *good) write_extent(slot, extent);

  slot.writing = slot.writes.size();
  for (CopyPart& part : slot.writes) to_write_.push_back(&part);
  if (slot.writing == 0) release(slot);
}

// What could be read after all; the rest is an error. nullopt if stopped meanwhile. The target is
// written in its own blocks: of one that could be read in part the rest is zeroes, so that no good
// sector is given up for a bad one beside it.
std::optional<std::vector<Extent>> CopyRun::rescue_slot(CopySlot& slot) {
  const std::vector<BadExtent> bad = rescue(machine_.source, slot.offset, slot.read.buffer,
                                            slot.read.result, [this] { return halted(); });
  if (halted()) return std::nullopt;
  std::vector<Extent> holes;
  for (const BadExtent& extent : bad) {
    const std::uint64_t end = std::min(extent.offset + extent.length, slot.length);
    on_error({true, slot.offset + extent.offset, end - extent.offset, extent.error});
    tally_.spoil(slot.offset + extent.offset, slot.offset + end);
    std::ranges::fill(slot.buffer.bytes().subspan(extent.offset, extent.length), std::byte{0});
    const std::uint64_t first = round_up(extent.offset, machine_.block);
    const std::uint64_t last = end == slot.length ? end : round_down(end, machine_.block);
    if (first < last) holes.push_back({first, last - first});
  }
  return outside(holes, slot.length);
}

void CopyRun::write_extent(CopySlot& slot, const Extent& extent) {
  if (!zeroes_matter()) return add_write(slot, extent);
  const auto data = slot.buffer.bytes().subspan(extent.offset, extent.length);
  for (Extent part : find_zeroes(data, std::max(kZeroUnit, machine_.block))) {
    part.offset += extent.offset;
    part.zero ? write_zeroes(slot, part) : add_write(slot, part);
  }
}

bool CopyRun::zeroes_matter() const { return machine_.written || machine_.target.is_file(); }

bool CopyRun::was_written(std::uint64_t begin, std::uint64_t end) const {
  const std::uint64_t granularity = dirty_.granularity();
  for (std::uint64_t region = begin / granularity; region * granularity < end; ++region) {
    if (machine_.written->test(region)) return true;
  }
  return false;
}

void CopyRun::write_zeroes(const CopySlot& slot, const Extent& extent) {
  const std::uint64_t begin = slot.offset + extent.offset;
  if (!machine_.written || was_written(begin, begin + extent.length)) {
    const std::uint64_t length = round_up(extent.length, machine_.target.alignment());
    if (const auto error = machine_.target.write_zeroes(begin, length)) {
      return on_error({false, begin, extent.length, error});
    }
  }
  on_copied(begin, extent.length);
}

void CopyRun::add_write(CopySlot& slot, const Extent& extent) {
  CopyPart part;
  part.slot = &slot;
  part.kind = Request::Kind::kWrite;
  part.offset = slot.offset + extent.offset;
  part.length = extent.length;
  part.buffer = slot.buffer.bytes().subspan(extent.offset,
                                            round_up(extent.length, machine_.target.alignment()));
  slot.writes.push_back(part);
  if (machine_.written) set_written(part.offset, part.offset + part.length);
}

void CopyRun::set_written(std::uint64_t begin, std::uint64_t end) {
  const std::uint64_t granularity = dirty_.granularity();
  for (std::uint64_t region = begin / granularity; region * granularity < end; ++region) {
    machine_.written->set(region);
  }
}

void CopyRun::submit_writes() {
  while (!to_write_.empty() && machine_.writes->in_flight() < kWriteDepth) {
    machine_.writes->submit(*to_write_.front());
    to_write_.pop_front();
  }
}

void CopyRun::on_write(CopyPart& part) {
  if (part.result) {
    on_error({false, part.offset, part.length, part.result});
  } else {
    on_copied(part.offset, part.length);
  }
  if (--part.slot->writing == 0) release(*part.slot);
}

void CopyRun::on_copied(std::uint64_t offset, std::uint64_t length) {
  tally_.add(offset, offset + length);
  progress_.add_done(length);
  result_.copied += length;
}

// What fails while the first error is being answered is met again by the next run.
void CopyRun::on_error(const CopyError& error) {
  if (result_.error) return;
  if (decide_(error) == core::ErrorAction::kIgnore) {
    result_.ignored.push_back(error);
  } else {
    result_.error = error;
  }
}

void CopyRun::release(CopySlot& slot) { free_.push_back(&slot); }

}  // namespace dmjob::io
