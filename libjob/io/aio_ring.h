// SPDX-License-Identifier: LGPL-2.1-or-later
//
// RequestQueue over Linux AIO (libaio), completions signalled by an eventfd.
#pragma once

#include <libaio.h>

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "libjob/io/fd.h"
#include "libjob/io/request_queue.h"

namespace dmjob::io {

// What the ring does on; its file is the device's and outlives the ring.
struct AioFile {
  int fd = -1;
  std::uint64_t size = 0;       // bytes
  std::uint32_t alignment = 0;  // bytes
  // Only with a file whose size is not a multiple: reads behind it are zero, and a write there is
  // followed by cutting the file to its size again.
  bool has_partial_block = false;
};

class AioRing : public RequestQueue {
 public:
  // Throws std::system_error.
  AioRing(AioFile file, unsigned depth);
  ~AioRing() override;  // waits for all in flight
  AioRing(const AioRing&) = delete;
  AioRing& operator=(const AioRing&) = delete;

  void submit(Request& request) override;
  std::vector<Request*> reap() override;
  int fd() const override { return event_fd_.get(); }
  unsigned in_flight() const override { return in_flight_; }

 private:
  struct Slot {
    iocb block{};
    Request* request = nullptr;
    std::size_t done = 0;  // bytes
  };

  void start(Slot& slot);
  void finish(Slot& slot, std::error_code result);
  void take(Slot& slot, long transferred);
  void signal();

  AioFile file_;
  Fd event_fd_;
  io_context_t context_ = nullptr;
  std::vector<Slot> slots_;  // one a request; their addresses are the kernel's while in flight
  std::vector<Slot*> free_;
  std::vector<Slot*> waiting_;  // the kernel had no memory for them
  std::vector<Request*> finished_;
  std::vector<io_event> events_;
  unsigned in_flight_ = 0;
};

// How much of a transfer the device has; less than `length` only in a file's partial block.
std::size_t present_bytes(const AioFile& file, std::uint64_t offset, std::size_t length);
// After a write that reached beyond the size.
std::error_code cut_to_size(const AioFile& file, std::uint64_t end);

}  // namespace dmjob::io
