// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/aio_ring.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cassert>
#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

namespace dmjob::io {
namespace {

std::error_code error_of(long result) {
  return {static_cast<int>(-result), std::generic_category()};
}

}  // namespace

std::size_t present_bytes(const AioFile& file, std::uint64_t offset, std::size_t length) {
  if (!file.has_partial_block || offset + length <= file.size) return length;
  return offset < file.size ? file.size - offset : 0;
}

std::error_code cut_to_size(const AioFile& file, std::uint64_t end) {
  if (!file.has_partial_block || end <= file.size) return {};
  return ftruncate(file.fd, static_cast<off_t>(file.size)) == 0 ? std::error_code() : last_error();
}

AioRing::AioRing(AioFile file, unsigned depth)
    : file_(file),
      event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)),
      slots_(depth),
      events_(depth) {
  assert(depth > 0);
  if (!event_fd_) throw_last_error("eventfd");
  const int result = io_setup(static_cast<int>(depth), &context_);
  if (result == -EAGAIN) throw_error(EAGAIN, "io_setup: fs.aio-max-nr is used up, raise it");
  if (result < 0) throw_error(-result, "io_setup");
  for (Slot& slot : slots_) free_.push_back(&slot);
}

AioRing::~AioRing() { io_destroy(context_); }

void AioRing::submit(Request& request) {
  assert(!free_.empty());
  Slot& slot = *free_.back();
  free_.pop_back();
  ++in_flight_;
  slot.request = &request;
  slot.done = 0;
  start(slot);
}

void AioRing::start(Slot& slot) {
  const Request& request = *slot.request;
  const std::span<std::byte> rest = request.buffer.subspan(slot.done);
  const auto offset = static_cast<long long>(request.offset + slot.done);
  if (request.kind == Request::Kind::kRead) {
    io_prep_pread(&slot.block, file_.fd, rest.data(), rest.size(), offset);
  } else {
    io_prep_pwrite(&slot.block, file_.fd, rest.data(), rest.size(), offset);
  }
  io_set_eventfd(&slot.block, event_fd_.get());
  slot.block.data = &slot;

  iocb* blocks[] = {&slot.block};
  int result = 0;
  do {
    result = io_submit(context_, 1, blocks);
  } while (result == -EINTR);
  if (result == 1) return;
  if (result == 0 || result == -EAGAIN) {
    waiting_.push_back(&slot);
    signal();
  } else {
    finish(slot, error_of(result));
    signal();
  }
}

std::vector<Request*> AioRing::reap() {
  std::uint64_t count = 0;
  [[maybe_unused]] const ssize_t drained = read(event_fd_.get(), &count, sizeof count);
  if (!waiting_.empty()) {
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    for (Slot* slot : std::exchange(waiting_, {})) start(*slot);
  }
  timespec at_once{};
  int reaped = 0;
  while ((reaped = io_getevents(context_, 0, static_cast<long>(events_.size()), events_.data(),
                                &at_once)) > 0) {
    for (const io_event& event : std::span(events_).first(static_cast<std::size_t>(reaped))) {
      take(*static_cast<Slot*>(event.data), static_cast<long>(event.res));
    }
  }
  return std::exchange(finished_, {});
}

// A short transfer is taken up where it ended, so that the next one tells why (no space, say).
void AioRing::take(Slot& slot, long transferred) {
  if (transferred < 0) return finish(slot, error_of(transferred));
  slot.done += static_cast<std::size_t>(transferred);
  const Request& request = *slot.request;
  const std::size_t length = request.buffer.size();
  const std::uint64_t end = request.offset + length;
  if (request.kind == Request::Kind::kRead) {
    const std::size_t present = present_bytes(file_, request.offset, length);
    if (slot.done >= present) {
      std::ranges::fill(request.buffer.subspan(present), std::byte{0});
      return finish(slot, {});
    }
  } else if (slot.done == length) {
    return finish(slot, cut_to_size(file_, end));
  }
  if (transferred == 0 || slot.done % file_.alignment != 0) return finish(slot, error_of(-EIO));
  start(slot);
}

void AioRing::finish(Slot& slot, std::error_code result) {
  slot.request->result = result;
  finished_.push_back(slot.request);
  free_.push_back(&slot);
  --in_flight_;
}

void AioRing::signal() {
  const std::uint64_t one = 1;
  [[maybe_unused]] const ssize_t written = write(event_fd_.get(), &one, sizeof one);
}

}  // namespace dmjob::io
