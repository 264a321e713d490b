// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Asynchronous requests on one device. The owner keeps request and buffer alive until reap() has
// returned the request; the destructor waits for all in flight.
// Thread: the one that made it; wake() any.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <system_error>
#include <vector>

namespace dmjob::io {

struct Request {
  enum class Kind { kRead, kWrite };
  Kind kind = Kind::kRead;
  std::uint64_t offset = 0;     // bytes
  std::span<std::byte> buffer;  // aligned as the device wants it
  std::error_code result;       // set when reaped; a short transfer is EIO
};

class RequestQueue {
 public:
  virtual ~RequestQueue() = default;
  // Precondition: fewer than the queue's depth in flight.
  virtual void submit(Request& request) = 0;
  // Completed requests, possibly none; does not wait.
  virtual std::vector<Request*> reap() = 0;
  // Readable when reap() has something.
  virtual int fd() const = 0;
  virtual unsigned in_flight() const = 0;
};

}  // namespace dmjob::io
