// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/kernel/dm/writer.h"

#include <chrono>
#include <random>

namespace dmjob::dm {

Writer::Writer(const std::string& path) : disk_(path), thread_([this] { run(); }) {}

Writer::~Writer() { stop(); }

int Writer::stop() {
  stop_ = true;
  if (thread_.joinable()) thread_.join();
  return error_;
}

void Writer::run() {
  std::minstd_rand random(1);
  const std::uint64_t blocks = disk_.sectors() * 512 / kBlock;
  for (unsigned count = 1; !stop_; ++count) {
    // Half of the writes go to a sixteenth of the volume.
    const std::uint64_t block = random() % (random() % 2 == 0 ? blocks : blocks / 16);
    const auto fill = static_cast<unsigned char>(count);
    if (const int error = disk_.write_block(block, fill); error != 0) {
      error_ = error;
      return;
    }
    contents_[block] = fill;
    ++acknowledged_;
    if (count % 4 == 0) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
}

std::uint64_t Writer::lost_on(Disk& disk) const {
  std::uint64_t lost = 0;
  for (const auto& [block, fill] : contents_) {
    if (disk.fill_of(block) != fill) ++lost;
  }
  return lost;
}

}  // namespace dmjob::dm
