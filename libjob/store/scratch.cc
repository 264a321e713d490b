// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/scratch.h"

#include <algorithm>
#include <bit>
#include <cassert>
#include <cerrno>
#include <optional>
#include <system_error>
#include <utility>

#include "libjob/io/crc32c.h"
#include "libjob/store/superblock.h"

namespace dmjob::store {
namespace {

constexpr std::uint64_t kUnit = 4096;
constexpr std::uint64_t kSmallestGranularity = 64 << 10;
constexpr std::uint64_t kMostRegions = 1 << 20;

[[noreturn]] void fail(const io::BlockDevice& device, int error, const std::string& what) {
  throw std::system_error(error, std::generic_category(),
                          "scratch on " + device.path() + ": " + what);
}

void check(const io::BlockDevice& device, std::error_code error, const char* what) {
  if (error) throw std::system_error(error, "scratch on " + device.path() + ": " + what);
}

// The valid copy that counts, or why there is none.
struct Found {
  std::optional<Superblock> superblock;
  bool another_job = false;
};

// An unreadable copy is not a torn one: it may have been the newer, and with the older the bits
// that were set since would be clear in vain.
Found find_superblock(io::BlockDevice& device, std::uint64_t offset, const std::string& job_uuid) {
  Found found;
  io::AlignedBuffer block(kSuperblockBytes);
  for (const std::uint64_t copy : {std::uint64_t{0}, std::uint64_t{1}}) {
    check(device, device.read(offset + copy * kSuperblockBytes, block.bytes()),
          "cannot read the superblock");
    const std::optional<Superblock> superblock = decode(block.bytes());
    if (!superblock) continue;
    if (superblock->job_uuid != job_uuid) {
      found.another_job = true;
    } else if (!found.superblock || superblock->sequence > found.superblock->sequence) {
      found.superblock = superblock;
    }
  }
  return found;
}

ScratchLayout checked_layout(const io::BlockDevice& device, std::uint64_t offset,
                             const Superblock& superblock) {
  if (offset % kUnit != 0 || kUnit % device.alignment() != 0) {
    fail(device, EINVAL, "cannot lie on a disk of this block size or at this place");
  }
  const ScratchLayout layout =
      scratch_layout(superblock.volume_size, superblock.granularity, superblock.log_bytes);
  if (offset > device.size() || layout.total > device.size() - offset) {
    fail(device, ENOSPC,
         std::to_string(layout.total) + " bytes are needed at " + std::to_string(offset));
  }
  return layout;
}

}  // namespace

ScratchLayout scratch_layout(std::uint64_t volume_size, std::uint64_t granularity,
                             std::uint64_t log_bytes) {
  assert(std::has_single_bit(granularity));
  const std::uint64_t regions = volume_size / granularity + (volume_size % granularity != 0);
  ScratchLayout layout;
  layout.log_bytes = io::round_up(log_bytes, kUnit);
  layout.bitmap_bytes = io::round_up((regions + 7) / 8, kUnit);
  layout.total = 2 * kSuperblockBytes;
  for (std::uint64_t& log : layout.log) {
    log = std::exchange(layout.total, layout.total + layout.log_bytes);
  }
  for (std::uint64_t& slot : layout.bitmap) {
    slot = std::exchange(layout.total, layout.total + layout.bitmap_bytes);
  }
  return layout;
}

std::uint64_t default_granularity(std::uint64_t volume_size) {
  if (volume_size < kSmallestGranularity) return std::bit_floor(std::max(volume_size, kUnit));
  const std::uint64_t even = (volume_size + kMostRegions - 1) / kMostRegions;
  return std::max(kSmallestGranularity, std::bit_ceil(even));
}

struct Scratch::State {
  State(std::unique_ptr<io::BlockDevice> on, std::uint64_t at, Superblock what)
      : device(std::move(on)),
        offset(at),
        superblock(std::move(what)),
        layout(checked_layout(*device, offset, superblock)),
        block(kSuperblockBytes),
        bitmap(layout.bitmap_bytes) {
    for (io::AlignedBuffer& log : logs) log = io::AlignedBuffer(layout.log_bytes);
  }

  void read(std::uint64_t place, std::span<std::byte> into) {
    check(*device, device->read(offset + place, into), "cannot read");
  }
  void write(std::uint64_t place, std::span<const std::byte> from) {
    check(*device, device->write(offset + place, from), "cannot write");
  }
  void flush() { check(*device, device->flush(), "cannot flush"); }

  // Both copies: neither the newer nor the older may be found.
  void wipe() {
    std::ranges::fill(block.bytes(), std::byte{0});
    write(0, block.bytes());
    write(kSuperblockBytes, block.bytes());
    flush();
  }

  // The slot and the copy that the last checkpoint did not use, the bits durable before the
  // superblock that names them.
  void checkpoint(const io::DirtyBitmap& dirty) {
    Superblock next = superblock;
    ++next.sequence;
    next.bitmap_slot = 1 - superblock.bitmap_slot;
    next.bitmap_crc = io::crc32c(dirty.bytes());
    std::ranges::copy(dirty.bytes(), bitmap.bytes().begin());
    write(layout.bitmap[next.bitmap_slot], bitmap.bytes());
    flush();
    encode(next, block.bytes());
    write(next.sequence % 2 * kSuperblockBytes, block.bytes());
    flush();
    superblock = next;
  }

  io::DirtyBitmap load() {
    io::DirtyBitmap dirty(superblock.volume_size, superblock.granularity);
    read(layout.bitmap[superblock.bitmap_slot], bitmap.bytes());
    const auto bits = bitmap.bytes().first(dirty.bytes().size());
    if (io::crc32c(bits) != superblock.bitmap_crc) fail(*device, EBADMSG, "its bitmap is damaged");
    dirty.load(bits);
    return dirty;
  }

  std::unique_ptr<io::BlockDevice> device;
  std::uint64_t offset;
  Superblock superblock;  // the one on disk that counts
  ScratchLayout layout;
  io::AlignedBuffer block;
  io::AlignedBuffer bitmap;
  std::array<io::AlignedBuffer, kLogSlots> logs;
};

Scratch Scratch::format(std::unique_ptr<io::BlockDevice> device, std::uint64_t offset,
                        const std::string& job_uuid, std::uint64_t volume_size,
                        std::uint64_t granularity, std::uint64_t log_bytes) {
  assert(job_uuid.size() <= kLongestUuid);
  Superblock superblock;
  superblock.volume_size = volume_size;
  superblock.granularity = granularity;
  superblock.log_bytes = log_bytes;
  superblock.job_uuid = job_uuid;
  auto state = std::make_unique<State>(std::move(device), offset, superblock);
  state->wipe();
  io::DirtyBitmap all(volume_size, granularity);
  all.set_all();
  state->checkpoint(all);
  return Scratch(std::move(state));
}

Scratch Scratch::open(std::unique_ptr<io::BlockDevice> device, std::uint64_t offset,
                      const std::string& job_uuid) {
  Found found = find_superblock(*device, offset, job_uuid);
  if (!found.superblock) {
    fail(*device, found.another_job ? EEXIST : ENOENT,
         found.another_job ? "belongs to another job" : "there is no valid superblock");
  }
  return Scratch(std::make_unique<State>(std::move(device), offset, std::move(*found.superblock)));
}

Scratch::Scratch(std::unique_ptr<State> state) : state_(std::move(state)) {}
Scratch::Scratch(Scratch&&) noexcept = default;
Scratch& Scratch::operator=(Scratch&&) noexcept = default;
Scratch::~Scratch() = default;

const ScratchLayout& Scratch::layout() const { return state_->layout; }
std::uint64_t Scratch::offset() const { return state_->offset; }
std::uint64_t Scratch::granularity() const { return state_->superblock.granularity; }
std::uint64_t Scratch::volume_size() const { return state_->superblock.volume_size; }
std::uint64_t Scratch::sequence() const { return state_->superblock.sequence; }

void Scratch::checkpoint(const io::DirtyBitmap& dirty) {
  assert(dirty.size() == volume_size() && dirty.granularity() == granularity());
  state_->checkpoint(dirty);
}

io::DirtyBitmap Scratch::load_checkpoint() { return state_->load(); }

std::span<std::byte> Scratch::log_buffer(int slot) {
  return state_->logs.at(static_cast<std::size_t>(slot)).bytes();
}

void Scratch::read_log(int slot) {
  state_->read(state_->layout.log.at(static_cast<std::size_t>(slot)), log_buffer(slot));
}

void Scratch::write_log(int slot) {
  state_->write(state_->layout.log.at(static_cast<std::size_t>(slot)), log_buffer(slot));
  state_->flush();
}

void Scratch::wipe() { state_->wipe(); }

}  // namespace dmjob::store
