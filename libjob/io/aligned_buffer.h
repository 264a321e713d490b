// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Memory for direct I/O: page-aligned, zeroed, move-only.
#pragma once

#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <span>

#include "libjob/io/units.h"

namespace dmjob::io {

class AlignedBuffer {
 public:
  static constexpr std::size_t kAlignment = 4096;

  AlignedBuffer() = default;
  // The memory behind it goes up to the next multiple of kAlignment.
  explicit AlignedBuffer(std::size_t size)
      : data_(static_cast<std::byte*>(std::aligned_alloc(kAlignment, round_up(size, kAlignment)))),
        size_(size) {
    if (size == 0) return;
    if (!data_) throw std::bad_alloc();
    std::memset(data_.get(), 0, round_up(size, kAlignment));
  }

  std::span<std::byte> bytes() { return {data_.get(), size_}; }
  std::span<const std::byte> bytes() const { return {data_.get(), size_}; }
  std::byte* data() { return data_.get(); }
  std::size_t size() const { return size_; }

 private:
  struct Free {
    void operator()(std::byte* data) const { std::free(data); }
  };
  std::unique_ptr<std::byte, Free> data_;
  std::size_t size_ = 0;
};

}  // namespace dmjob::io
