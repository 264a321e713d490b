// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/copy_run.h"

#include <algorithm>
#include <cassert>
#include <utility>

#include "libjob/io/read_rescue.h"

namespace dmjob::io {
namespace {

// Shorter runs of zeroes are written as data: a hole for each would cost more than it saves.
constexpr std::uint64_t kZeroUnit = 64 << 10;

}  // namespace

CopyRun::CopyRun(CopyMachine& machine, DirtyBitmap& dirty, core::Progress& progress,
                 core::TimePoint until, const CopyEngine::Decide& decide)
    : SlotRun(machine.slots, machine.control,
              BitmapWalk(dirty, machine.control, machine.clock, until,
                         {machine.options.request_bytes, machine.block})),
      machine_(machine),
      dirty_(dirty),
      progress_(progress),
      decide_(decide),
      tally_(dirty) {
  assert(dirty_.granularity() % machine_.block == 0);
  assert(machine_.reads->in_flight() == 0 && machine_.writes->in_flight() == 0);
  // Not for a file: its holes need no such trust in who else has written there.
  if (machine_.options.target_is_zero && !machine_.target.is_file() && !machine_.written) {
    machine_.written.emplace(dirty_.size(), dirty_.granularity());
  }
}

CopyResult CopyRun::run() {
  result_.end = loop({machine_.reads->fd(), machine_.writes->fd()});
  return std::move(result_);
}

void CopyRun::start_read(CopySlot& slot) {
  slot.read.slot = &slot;
  slot.read.kind = Request::Kind::kRead;
  slot.read.offset = slot.offset;
  slot.read.buffer = slot.buffer.bytes().first(round_up(slot.length, machine_.source.alignment()));
  machine_.reads->submit(slot.read);
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
  if (!good) return abandon(slot);
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

}  // namespace dmjob::io
