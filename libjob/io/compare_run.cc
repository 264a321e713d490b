// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/compare_run.h"

#include <algorithm>
#include <cassert>
#include <cstring>
#include <utility>

#include "libjob/io/read_rescue.h"

namespace dmjob::io {

CompareRun::CompareRun(CompareMachine& machine, DirtyBitmap& left, core::Progress& progress,
                       core::TimePoint until, const CompareEngine::Calls& calls)
    : SlotRun(machine.slots, machine.control,
              BitmapWalk(left, machine.control, machine.clock, until,
                         {machine.request_bytes, machine.block})),
      machine_(machine),
      left_(left),
      progress_(progress),
      calls_(calls),
      tally_(left) {
  assert(left_.granularity() % machine_.block == 0);
}

CompareResult CompareRun::run() {
  result_.end = loop({machine_.queues[0]->fd(), machine_.queues[1]->fd()});
  return std::move(result_);
}

void CompareRun::start_read(CompareSlot& slot) {
  slot.reading = kSides;
  for (std::size_t side = 0; side < kSides; ++side) {
    CompareRead& read = slot.reads.at(side);
    read.slot = &slot;
    read.kind = Request::Kind::kRead;
    read.offset = slot.offset;
    read.buffer = slot.buffers.at(side).bytes().first(
        round_up(slot.length, machine_.devices.at(side)->alignment()));
    machine_.queues.at(side)->submit(read);
  }
}

void CompareRun::collect() {
  for (const auto& queue : machine_.queues)
    for (Request* request : queue->reap()) {
      CompareSlot& slot = *static_cast<CompareRead*>(request)->slot;
      if (--slot.reading == 0) finish(slot);
    }
}

void CompareRun::finish(CompareSlot& slot) {
  if (halted() || !make_readable(slot)) return abandon(slot);
  compare(slot);
  on_compared(slot);
  release(slot);
}

// What one side cannot tell is made equal on both, once no side is read any more.
bool CompareRun::make_readable(CompareSlot& slot) {
  std::vector<Extent> unknown;
  for (std::size_t side = 0; side < kSides; ++side)
    if (slot.reads.at(side).result && !rescue_side(slot, side, unknown)) return false;
  for (const Extent& extent : unknown)
    for (AlignedBuffer& buffer : slot.buffers)
      std::ranges::fill(buffer.bytes().subspan(extent.offset, extent.length), std::byte{0});
  return true;
}

bool CompareRun::rescue_side(CompareSlot& slot, std::size_t side, std::vector<Extent>& unknown) {
  const CompareRead& read = slot.reads.at(side);
  const std::vector<BadExtent> bad = rescue(*machine_.devices.at(side), slot.offset, read.buffer,
                                            read.result, [this] { return halted(); });
  for (const BadExtent& extent : bad) {
    if (halted()) return false;
    const std::uint64_t length = std::min(extent.length, slot.length - extent.offset);
    on_error({side == 0, slot.offset + extent.offset, length, extent.error});
    unknown.push_back({extent.offset, length});
  }
  return !halted();
}

void CompareRun::on_error(const CompareError& error) {
  if (calls_.leave_out(error)) {
    result_.left_out.push_back(error);
  } else {
    result_.error = error;
  }
}

void CompareRun::compare(const CompareSlot& slot) {
  const std::byte* source = slot.buffers[0].bytes().data();
  const std::byte* target = slot.buffers[1].bytes().data();
  if (std::memcmp(source, target, slot.length) == 0) return;
  for (std::uint64_t at = 0; at < slot.length; at += CompareEngine::kUnit) {
    const std::uint64_t length = std::min(CompareEngine::kUnit, slot.length - at);
    if (std::memcmp(source + at, target + at, length) != 0) find({slot.offset + at, length});
  }
}

// A unit is within a region. The slots of a large region end in any order.
void CompareRun::find(Extent extent) { found_[extent.offset / left_.granularity()].add(extent); }

void CompareRun::on_compared(const CompareSlot& slot) {
  const std::uint64_t end = slot.offset + slot.length;
  tally_.add(slot.offset, end);
  progress_.add_done(slot.length);
  const std::uint64_t granularity = left_.granularity();
  for (std::uint64_t region = slot.offset / granularity; region * granularity < end; ++region) {
    if (left_.test(region)) continue;
    const auto found = found_.extract(region);
    if (found.empty()) continue;
    for (const Extent& extent : found.mapped().extents()) calls_.differs(extent);
  }
}

}  // namespace dmjob::io
