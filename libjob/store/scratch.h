// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The space that a running copy needs, in one device or file: a superblock, three logs for
// dm-mirror, two slots for the bitmap's checkpoint. Everything is written with direct I/O.
//
//   0       superblock copy 0   4096 bytes
//   4096    superblock copy 1   4096
//   8192    log 0, log 1, log 2, bitmap 0, bitmap 1, each rounded up to 4096
//
// A superblock is {magic, version, sequence, crc32c, job uuid, volume size, granularity, log bytes,
// current bitmap slot, its crc32c}; the valid copy with the higher sequence counts. A checkpoint
// writes the other bitmap slot, flushes, then writes the other superblock copy and flushes:
// whatever a power cut tears, one whole checkpoint is left. A bit may be set in vain, never clear
// in vain.
//
// Thread: the job's worker; all but the accessors may block. Errors: std::system_error.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"
#include "libjob/io/dirty_bitmap.h"

namespace dmjob::store {

inline constexpr int kLogSlots = 3;

// Where things lie for a volume of that size. All bytes, multiples of 4096.
struct ScratchLayout {
  std::array<std::uint64_t, kLogSlots> log{};
  std::uint64_t log_bytes = 0;
  std::array<std::uint64_t, 2> bitmap{};
  std::uint64_t bitmap_bytes = 0;
  std::uint64_t total = 0;  // what the scratch must have
};
// log_bytes: what dm-mirror needs for that many regions; 0 if there are no logs (an offline copy).
ScratchLayout scratch_layout(std::uint64_t volume_size, std::uint64_t granularity,
                             std::uint64_t log_bytes);

// The default granularity: 64 KiB, and more for volumes of more than a million regions, since
// dm-log writes its whole bitmap at each mark. A power of two, bytes, not above the volume's size.
std::uint64_t default_granularity(std::uint64_t volume_size);

class Scratch {
 public:
  // Writes a new superblock with an all-dirty checkpoint at `offset` of the device (the tail of a
  // target). The logs are not touched: write_log() each before a mirror uses it.
  static Scratch format(std::unique_ptr<io::BlockDevice> device, std::uint64_t offset,
                        const std::string& job_uuid, std::uint64_t volume_size,
                        std::uint64_t granularity, std::uint64_t log_bytes);
  // Reads one back. Throws if there is none, it is damaged, or it is another job's.
  static Scratch open(std::unique_ptr<io::BlockDevice> device, std::uint64_t offset,
                      const std::string& job_uuid);
  Scratch(Scratch&&) noexcept;
  Scratch& operator=(Scratch&&) noexcept;
  ~Scratch();

  const ScratchLayout& layout() const;
  std::uint64_t offset() const;       // bytes on the device
  std::uint64_t granularity() const;  // bytes
  std::uint64_t volume_size() const;  // bytes
  std::uint64_t sequence() const;     // of the last checkpoint; each has its own

  // Durable when it returns. The caller has flushed the target before.
  void checkpoint(const io::DirtyBitmap& dirty);
  // The last checkpoint.
  io::DirtyBitmap load_checkpoint();

  // Logs. No allocation in read_log/write_log: they are used with a volume suspended; the buffer is
  // the scratch's own, one a slot.
  std::span<std::byte> log_buffer(int slot);
  void read_log(int slot);   // disk -> buffer
  void write_log(int slot);  // buffer -> disk, flushed
  // Makes the superblock invalid, so that nobody takes it for a running job's.
  void wipe();

 private:
  struct State;
  explicit Scratch(std::unique_ptr<State> state);
  std::unique_ptr<State> state_;
};

}  // namespace dmjob::store
