// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/read_rescue.h"

#include "libjob/io/aligned_buffer.h"

namespace dmjob::io {
namespace {

class Rescue {
 public:
  Rescue(BlockDevice& device, std::uint64_t offset, std::span<std::byte> into,
         const std::function<bool()>& give_up)
      : device_(device), offset_(offset), into_(into), give_up_(give_up) {}

  // [at, at + length) failed with `error`: halves, down to a block.
  void split(std::uint64_t at, std::uint64_t length, std::error_code error) {
    if (length <= device_.alignment()) return add(at, length, error);
    const std::uint64_t half = round_up(length / 2, device_.alignment());
    attempt(at, half);
    attempt(at + half, length - half);
  }

  std::vector<BadExtent> take() { return std::move(bad_); }

 private:
  void attempt(std::uint64_t at, std::uint64_t length) {
    if (give_up_()) return;
    if (const auto error = device_.read(offset_ + at, into_.subspan(at, length))) {
      split(at, length, error);
    }
  }

  void add(std::uint64_t at, std::uint64_t length, std::error_code error) {
    if (!bad_.empty() && bad_.back().offset + bad_.back().length == at &&
        bad_.back().error == error) {
      bad_.back().length += length;
    } else {
      bad_.push_back({at, length, error});
    }
  }

  BlockDevice& device_;
  std::uint64_t offset_;
  std::span<std::byte> into_;
  const std::function<bool()>& give_up_;
  std::vector<BadExtent> bad_;
};

bool is_gone(std::error_code error) {
  return error == std::errc::no_such_device || error == std::errc::no_such_device_or_address;
}

}  // namespace

std::vector<BadExtent> rescue(BlockDevice& device, std::uint64_t offset, std::span<std::byte> into,
                              std::error_code error, const std::function<bool()>& give_up) {
  if (is_gone(error)) return {{0, into.size(), error}};
  Rescue rescue(device, offset, into, give_up);
  rescue.split(0, into.size(), error);
  return rescue.take();
}

}  // namespace dmjob::io
