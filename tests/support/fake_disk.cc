// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/fake_disk.h"

#include <sys/eventfd.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <utility>

#include "libjob/io/fd.h"

namespace dmjob::test {

class FakeDevice : public io::BlockDevice {
 public:
  explicit FakeDevice(FakeDisk& disk) : disk_(disk) {}

  std::uint64_t size() const override { return disk_.shape_.size; }
  std::uint32_t alignment() const override { return disk_.shape_.alignment; }
  const std::string& path() const override { return disk_.shape_.name; }
  bool is_file() const override { return disk_.shape_.is_file; }
  std::error_code read(std::uint64_t offset, std::span<std::byte> into) override {
    return disk_.read(offset, into);
  }
  std::error_code write(std::uint64_t offset, std::span<const std::byte> from) override {
    return disk_.write(offset, from);
  }
  std::error_code write_zeroes(std::uint64_t offset, std::uint64_t length) override {
    return disk_.write_zeroes(offset, length);
  }
  std::error_code flush() override { return disk_.flush(); }
  std::unique_ptr<io::RequestQueue> make_queue(unsigned depth) override;

 private:
  FakeDisk& disk_;
};

// A request is done at once, or at release().
class FakeQueue : public io::RequestQueue {
 public:
  FakeQueue(FakeDisk& disk, unsigned depth)
      : disk_(disk), depth_(depth), event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {
    if (!event_fd_) io::throw_last_error("eventfd");
    const threads::Lock lock(disk_.mutex_);
    disk_.queues_.push_back(this);
  }

  ~FakeQueue() override {
    threads::Lock lock(disk_.mutex_);
    while (!held_.empty()) lock.wait(disk_.changed_);
    std::erase(disk_.queues_, this);
  }

  void submit(io::Request& request) override {
    const threads::Lock lock(disk_.mutex_);
    ++in_flight_;
    auto& counts = disk_.counts_;
    counts.most_in_flight = std::max<std::uint64_t>(counts.most_in_flight, in_flight_);
    counts.largest_request = std::max<std::uint64_t>(counts.largest_request, request.buffer.size());
    if (in_flight_ > depth_) std::abort();
    held_.push_back(&request);
    if (!disk_.hung_) return carry_out();
    ++disk_.hanging_;
    disk_.changed_.notify_all();
  }

  std::vector<io::Request*> reap() override {
    std::uint64_t count = 0;
    [[maybe_unused]] const ssize_t drained = ::read(event_fd_.get(), &count, sizeof count);
    std::vector<io::Request*> done;
    {
      const threads::Lock lock(disk_.mutex_);
      done = std::exchange(done_, {});
      if (disk_.backwards_) std::ranges::reverse(done);
      in_flight_ -= static_cast<unsigned>(done.size());
    }
    for (io::Request* request : done) {
      request->result = request->kind == io::Request::Kind::kRead
                            ? disk_.read(request->offset, request->buffer)
                            : disk_.write(request->offset, request->buffer);
    }
    return done;
  }

  int fd() const override { return event_fd_.get(); }
  unsigned in_flight() const override { return in_flight_; }

  // With the disk's mutex held.
  void carry_out() {
    if (held_.empty()) return;
    done_.insert(done_.end(), held_.begin(), held_.end());
    held_.clear();
    const std::uint64_t one = 1;
    [[maybe_unused]] const ssize_t written = ::write(event_fd_.get(), &one, sizeof one);
  }

 private:
  FakeDisk& disk_;
  const unsigned depth_;
  const io::Fd event_fd_;
  unsigned in_flight_ = 0;
  std::vector<io::Request*> held_;  // while hung
  std::vector<io::Request*> done_;  // but not reaped
};

std::unique_ptr<io::RequestQueue> FakeDevice::make_queue(unsigned depth) {
  return std::make_unique<FakeQueue>(disk_, depth);
}

FakeDisk::FakeDisk(Shape shape)
    : shape_(std::move(shape)),
      content_((shape_.size + shape_.alignment - 1) / shape_.alignment * shape_.alignment),
      initial_(content_) {}

std::unique_ptr<io::BlockDevice> FakeDisk::open() { return std::make_unique<FakeDevice>(*this); }

void FakeDisk::fill(std::uint64_t seed) {
  const threads::Lock lock(mutex_);
  for (std::uint64_t at = 0; at < shape_.size; at += sizeof at) {
    const std::uint64_t word = (seed << 48) + at + 1;
    std::memcpy(&content_[at], &word, std::min<std::uint64_t>(sizeof word, shape_.size - at));
  }
  initial_ = content_;
  steps_.clear();
}

void FakeDisk::fill(std::uint64_t offset, std::uint64_t length, std::byte value) {
  const threads::Lock lock(mutex_);
  std::ranges::fill(std::span(content_).subspan(offset, length), value);
  initial_ = content_;
  steps_.clear();
}

void FakeDisk::flip(std::uint64_t offset, std::uint64_t length) {
  const threads::Lock lock(mutex_);
  for (std::byte& byte : std::span(content_).subspan(offset, length)) byte = ~byte;
  initial_ = content_;
  steps_.clear();
}

FakeDisk::Counts FakeDisk::counts() const {
  const threads::Lock lock(mutex_);
  return counts_;
}

void FakeDisk::reset_counts() {
  const threads::Lock lock(mutex_);
  counts_ = {};
}

void FakeDisk::fail_reads(std::uint64_t offset, std::uint64_t length, std::errc error) {
  const threads::Lock lock(mutex_);
  bad_reads_.push_back({offset, length, error});
}

void FakeDisk::fail_writes(std::uint64_t offset, std::uint64_t length, std::errc error) {
  const threads::Lock lock(mutex_);
  bad_writes_.push_back({offset, length, error});
}

void FakeDisk::fail_flushes(std::errc error) {
  const threads::Lock lock(mutex_);
  bad_flush_ = std::make_error_code(error);
}

void FakeDisk::heal() {
  const threads::Lock lock(mutex_);
  bad_reads_.clear();
  bad_writes_.clear();
  bad_flush_.clear();
}

void FakeDisk::on_io(std::function<void()> hook) {
  const threads::Lock lock(mutex_);
  hook_ = std::move(hook);
}

void FakeDisk::hang() {
  const threads::Lock lock(mutex_);
  hung_ = true;
}

void FakeDisk::release() {
  const threads::Lock lock(mutex_);
  hung_ = false;
  hanging_ = 0;
  for (FakeQueue* queue : queues_) queue->carry_out();
  changed_.notify_all();
}

void FakeDisk::end_backwards() {
  const threads::Lock lock(mutex_);
  backwards_ = true;
}

void FakeDisk::wait_until_hanging(unsigned requests) {
  threads::Lock lock(mutex_);
  while (hanging_ < requests) lock.wait(changed_);
}

std::error_code FakeDisk::check(std::uint64_t offset, std::uint64_t length,
                                const std::vector<Range>& bad) const {
  if (offset % shape_.alignment != 0 || length % shape_.alignment != 0) {
    return std::make_error_code(std::errc::invalid_argument);
  }
  if (offset + length > content_.size()) return std::make_error_code(std::errc::io_error);
  for (const Range& range : bad) {
    if (offset < range.offset + range.length && range.offset < offset + length) {
      return std::make_error_code(range.error);
    }
  }
  return {};
}

std::error_code FakeDisk::read(std::uint64_t offset, std::span<std::byte> into) {
  threads::Lock lock(mutex_);
  if (const auto hook = hook_) {
    lock.unlock();
    hook();
    lock.lock();
  }
  ++counts_.reads;
  if (const auto error = check(offset, into.size(), bad_reads_)) return error;
  counts_.bytes_read += into.size();
  std::ranges::copy(std::span(content_).subspan(offset, into.size()), into.begin());
  return {};
}

std::error_code FakeDisk::write(std::uint64_t offset, std::span<const std::byte> from) {
  threads::Lock lock(mutex_);
  if (const auto hook = hook_) {
    lock.unlock();
    hook();
    lock.lock();
  }
  ++counts_.writes;
  if (const auto error = check(offset, from.size(), bad_writes_)) return error;
  counts_.bytes_written += from.size();
  store(offset, from);
  return {};
}

std::error_code FakeDisk::write_zeroes(std::uint64_t offset, std::uint64_t length) {
  const threads::Lock lock(mutex_);
  ++counts_.zeroes;
  if (const auto error = check(offset, length, bad_writes_)) return error;
  counts_.bytes_zeroed += length;
  store(offset, std::vector<std::byte>(length));
  return {};
}

// What lies behind the size of a file is cut off.
void FakeDisk::store(std::uint64_t offset, std::span<const std::byte> from) {
  std::ranges::copy(from, content_.begin() + static_cast<std::ptrdiff_t>(offset));
  std::fill(content_.begin() + static_cast<std::ptrdiff_t>(shape_.size), content_.end(),
            std::byte{0});
  steps_.push_back({false, offset, {from.begin(), from.end()}});
}

std::error_code FakeDisk::flush() {
  const threads::Lock lock(mutex_);
  ++counts_.flushes;
  if (bad_flush_) return bad_flush_;
  steps_.push_back({true, 0, {}});
  return {};
}

std::size_t FakeDisk::steps() const {
  const threads::Lock lock(mutex_);
  return steps_.size();
}

std::unique_ptr<FakeDisk> FakeDisk::after_power_cut(std::size_t step,
                                                    const KeepSector& keep) const {
  const threads::Lock lock(mutex_);
  auto found = std::make_unique<FakeDisk>(shape_);
  const threads::Lock its_lock(found->mutex_);
  const auto done = std::span(steps_).first(step);
  const auto last = std::ranges::find(done.rbegin(), done.rend(), true, &Step::is_flush);
  std::ptrdiff_t flushed = done.rend() - last;  // steps up to the last flush
  found->content_ = initial_;
  for (const Step& what : done) {
    const bool durable = flushed-- > 0;
    for (std::uint64_t at = 0; at < what.data.size(); at += kSector) {
      if (!durable && !keep()) continue;
      const auto sector = std::span(what.data).subspan(at).first(
          std::min<std::uint64_t>(kSector, what.data.size() - at));
      std::ranges::copy(sector,
                        found->content_.begin() + static_cast<std::ptrdiff_t>(what.offset + at));
    }
  }
  found->initial_ = found->content_;
  return found;
}

}  // namespace dmjob::test
