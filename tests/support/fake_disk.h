// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A disk in memory that fails, hangs and loses power as told. A FakeDisk is the medium, which the
// test keeps; open() makes a device on it, as often as wanted.
//
// Power: all writes and flushes are remembered. after_power_cut() makes the disk that one finds if
// the power went after so many of them: what was flushed is there, of each sector written since the
// test decides whether it is.
//
// Thread: any.
#pragma once

#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <system_error>
#include <vector>

#include "libjob/io/block_device.h"
#include "threads/mutex.h"

namespace dmjob::test {

class FakeQueue;

class FakeDisk {
 public:
  static constexpr std::uint64_t kSector = 512;

  struct Shape {
    std::uint64_t size = 1 << 20;  // bytes
    std::uint32_t alignment = kSector;
    bool is_file = false;
    std::string name = "fake";
  };
  struct Counts {
    std::uint64_t reads = 0, writes = 0, zeroes = 0, flushes = 0;  // calls
    std::uint64_t bytes_read = 0, bytes_written = 0, bytes_zeroed = 0;
    std::uint64_t largest_request = 0;  // of queues, bytes
    std::uint64_t most_in_flight = 0;   // requests of queues
  };
  using KeepSector = std::function<bool()>;

  explicit FakeDisk(Shape shape);
  FakeDisk(const FakeDisk&) = delete;
  FakeDisk& operator=(const FakeDisk&) = delete;

  // The disk outlives the device.
  std::unique_ptr<io::BlockDevice> open();

  // As a read would find it. Not while requests are in flight.
  const std::vector<std::byte>& content() const DMJOB_UNCHECKED { return content_; }
  void fill(std::uint64_t seed);  // no block of 512 bytes equals another or is zero
  void fill(std::uint64_t offset, std::uint64_t length, std::byte value);
  void flip(std::uint64_t offset, std::uint64_t length);  // every bit
  Counts counts() const;
  void reset_counts();

  // Requests that touch the range fail.
  void fail_reads(std::uint64_t offset, std::uint64_t length,
                  std::errc error = std::errc::io_error);
  void fail_writes(std::uint64_t offset, std::uint64_t length,
                   std::errc error = std::errc::io_error);
  void fail_flushes(std::errc error = std::errc::io_error);
  void heal();
  // Called in the thread of each read and write, before it is done.
  void on_io(std::function<void()> hook);

  // While hung, queues' requests stay in flight.
  void hang();
  void release();
  void wait_until_hanging(unsigned requests);
  // From now on what a queue reaps has ended in the opposite order of its submission.
  void end_backwards();

  // Writes (of a sector and more) and flushes up to now.
  std::size_t steps() const;
  std::unique_ptr<FakeDisk> after_power_cut(std::size_t step, const KeepSector& keep) const;

 private:
  friend class FakeDevice;
  friend class FakeQueue;

  struct Range {
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
    std::errc error{};
  };
  struct Step {
    bool is_flush = false;
    std::uint64_t offset = 0;
    std::vector<std::byte> data;
  };

  std::error_code read(std::uint64_t offset, std::span<std::byte> into);
  std::error_code write(std::uint64_t offset, std::span<const std::byte> from);
  std::error_code write_zeroes(std::uint64_t offset, std::uint64_t length);
  std::error_code flush();
  std::error_code check(std::uint64_t offset, std::uint64_t length,
                        const std::vector<Range>& bad) const DMJOB_REQUIRES(mutex_);
  void store(std::uint64_t offset, std::span<const std::byte> from) DMJOB_REQUIRES(mutex_);

  const Shape shape_;

  mutable threads::Mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::byte> content_ DMJOB_GUARDED_BY(mutex_);
  std::vector<std::byte> initial_ DMJOB_GUARDED_BY(mutex_);  // before the first step
  std::vector<Step> steps_ DMJOB_GUARDED_BY(mutex_);
  std::vector<Range> bad_reads_ DMJOB_GUARDED_BY(mutex_);
  std::vector<Range> bad_writes_ DMJOB_GUARDED_BY(mutex_);
  std::error_code bad_flush_ DMJOB_GUARDED_BY(mutex_);
  std::function<void()> hook_ DMJOB_GUARDED_BY(mutex_);
  Counts counts_ DMJOB_GUARDED_BY(mutex_);
  bool hung_ DMJOB_GUARDED_BY(mutex_) = false;
  bool backwards_ DMJOB_GUARDED_BY(mutex_) = false;
  unsigned hanging_ DMJOB_GUARDED_BY(mutex_) = 0;
  std::vector<FakeQueue*> queues_ DMJOB_GUARDED_BY(mutex_);
};

}  // namespace dmjob::test
