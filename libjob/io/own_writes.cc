// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/own_writes.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include <algorithm>
#include <ctime>
#include <utility>
#include <vector>

#include "libjob/io/fd.h"
#include "libjob/io/units.h"

namespace dmjob::io {
namespace {

constexpr std::size_t kPageBytes = 4096;
constexpr std::chrono::nanoseconds kTick = std::chrono::milliseconds(20);  // as files are dated

std::chrono::nanoseconds since_epoch(const timespec& time) {
  return std::chrono::seconds(time.tv_sec) + std::chrono::nanoseconds(time.tv_nsec);
}

class CountedQueue : public RequestQueue {
 public:
  CountedQueue(std::unique_ptr<RequestQueue> queue, OwnWrites& writes)
      : queue_(std::move(queue)), writes_(writes) {}

  void submit(Request& request) override {
    const bool writes = request.kind == Request::Kind::kWrite;
    if (writes) writes_.add(request.buffer.size());
    queue_->submit(request);
    if (writes) writes_.touch();
  }
  std::vector<Request*> reap() override {
    auto done = queue_->reap();
    const auto writes = [](const Request* request) {
      return request->kind == Request::Kind::kWrite;
    };
    // What is only read says nothing of when we have written.
    if (std::ranges::any_of(done, writes)) writes_.touch();
    return done;
  }
  int fd() const override { return queue_->fd(); }
  unsigned in_flight() const override { return queue_->in_flight(); }

 private:
  const std::unique_ptr<RequestQueue> queue_;
  OwnWrites& writes_;
};

class CountedDevice : public BlockDevice {
 public:
  CountedDevice(std::unique_ptr<BlockDevice> device, OwnWrites& writes)
      : device_(std::move(device)), writes_(writes) {}

  std::uint64_t size() const override { return device_->size(); }
  std::uint32_t alignment() const override { return device_->alignment(); }
  const std::string& path() const override { return device_->path(); }
  bool is_file() const override { return device_->is_file(); }

  std::error_code read(std::uint64_t offset, std::span<std::byte> into) override {
    return device_->read(offset, into);
  }
  std::error_code write(std::uint64_t offset, std::span<const std::byte> from) override {
    writes_.add(from.size());
    return touched(device_->write(offset, from));
  }
  std::error_code write_zeroes(std::uint64_t offset, std::uint64_t length) override {
    writes_.add(length);
    return touched(device_->write_zeroes(offset, length));
  }
  std::error_code flush() override { return touched(device_->flush()); }  // may cut a file's end
  std::unique_ptr<RequestQueue> make_queue(unsigned depth) override {
    return std::make_unique<CountedQueue>(device_->make_queue(depth), writes_);
  }

 private:
  std::error_code touched(std::error_code error) {
    writes_.touch();
    return error;
  }

  const std::unique_ptr<BlockDevice> device_;
  OwnWrites& writes_;
};

}  // namespace

OwnWrites::OwnWrites(const std::string& path, bool fresh) {
  const int truncate = fresh ? O_TRUNC : 0;
  const Fd file(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | truncate, 0600));
  if (!file || posix_fallocate(file.get(), 0, kPageBytes) != 0) throw_last_error(path);
  void* const page = mmap(nullptr, kPageBytes, PROT_READ | PROT_WRITE, MAP_SHARED, file.get(), 0);
  if (page == MAP_FAILED) throw_last_error(path);
  page_ = static_cast<volatile Page*>(page);
}

OwnWrites::~OwnWrites() { munmap(const_cast<Page*>(page_), kPageBytes); }

std::unique_ptr<BlockDevice> OwnWrites::count(std::unique_ptr<BlockDevice> device) {
  return std::make_unique<CountedDevice>(std::move(device), *this);
}

void OwnWrites::expect_length(const std::string& path, std::uint64_t bytes) {
  file_ = Fd(open(path.c_str(), O_PATH | O_CLOEXEC));
  if (!file_) throw_last_error(path);
  length_ = bytes;
  was_cut_ = false;
}

// A write may make it longer for a moment, up to a whole block.
void OwnWrites::look_at_length() {
  struct stat facts{};
  if (fstat(file_.get(), &facts) != 0) return;
  was_cut_ = was_cut_ || static_cast<std::uint64_t>(facts.st_size) < length_;
}

void OwnWrites::add(std::uint64_t bytes) {
  if (file_) look_at_length();
  page_->sectors = page_->sectors + static_cast<std::int64_t>((bytes + kSector - 1) / kSector);
  touch();
}

void OwnWrites::touch() {
  timespec now{};
  clock_gettime(CLOCK_REALTIME, &now);
  page_->last = since_epoch(now).count();
}

std::int64_t OwnWrites::sectors() const { return page_->sectors; }

std::chrono::nanoseconds OwnWrites::last() const { return std::chrono::nanoseconds(page_->last); }

bool was_changed_after(const std::string& path, std::chrono::nanoseconds last) {
  struct stat facts{};
  if (stat(path.c_str(), &facts) != 0) return true;
  return std::max(since_epoch(facts.st_mtim), since_epoch(facts.st_ctim)) > last + kTick;
}

}  // namespace dmjob::io
