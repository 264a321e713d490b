// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The seam to disks and files: always O_DIRECT, never through the page cache (a cached read of a
// disk under a volume may be stale, a cached write is not yet a write). If the file system refuses
// O_DIRECT, opening fails; there is no silent fall-back.
//
// Offsets and lengths are bytes and multiples of alignment(), and so are buffers in memory. Only
// the size of a file need not be a multiple: the last request may reach beyond size() up to the
// next multiple; zeroes are read there, and what is written there is cut off again.
//
// Thread: one at a time (the owner's worker); every call but the accessors may block.
#pragma once

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <system_error>

#include "libjob/io/request_queue.h"

namespace dmjob::io {

enum class Access { kRead, kReadWrite };

class BlockDevice {
 public:
  virtual ~BlockDevice() = default;

  virtual std::uint64_t size() const = 0;       // bytes
  virtual std::uint32_t alignment() const = 0;  // bytes: logical block size, or the file system's
  virtual const std::string& path() const = 0;  // for messages
  virtual bool is_file() const = 0;             // regular file: zeroes may become holes

  virtual std::error_code read(std::uint64_t offset, std::span<std::byte> into) = 0;
  virtual std::error_code write(std::uint64_t offset, std::span<const std::byte> from) = 0;
  // Makes a range read as zeroes: a hole in a file, BLKZEROOUT or plain writes on a device.
  virtual std::error_code write_zeroes(std::uint64_t offset, std::uint64_t length) = 0;
  // All writes that have returned are on stable storage afterwards (the disk's cache included).
  virtual std::error_code flush() = 0;

  // A queue of asynchronous requests on this device (libaio; the fake's own in tests).
  virtual std::unique_ptr<RequestQueue> make_queue(unsigned depth) = 0;
};

// Opens a disk or regular file. Throws std::system_error with the path.
std::unique_ptr<BlockDevice> open_device(const std::string& path, Access access);
// The same by number, independent of udev's links (DEVNAME in /sys/dev/block/MAJ:MIN/uevent).
std::unique_ptr<BlockDevice> open_device(dev_t dev, Access access);

// "/dev/NAME" of a block device's number. Throws std::system_error if it is gone.
std::string device_path(dev_t dev);

}  // namespace dmjob::io
