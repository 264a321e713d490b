// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/stamp_writer.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <random>
#include <system_error>
#include <thread>

#include "tests/support/stamp_block.h"

namespace dmjob::stamp {
namespace {

using Clock = std::chrono::steady_clock;
using Milliseconds = std::chrono::duration<double, std::milli>;

constexpr double kStallMs = 20;
constexpr std::uint64_t kMaxCount = 16;

double seconds_since_epoch() {
  return std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch()).count();
}

// Chooses what to write next.
class Picker {
 public:
  Picker(std::uint64_t first, std::uint64_t end, std::uint64_t seed)
      : first_(first), blocks_(end - first), random_(seed) {}

  Write pick(std::uint64_t sequence) {
    static constexpr std::array<std::uint64_t, 7> kCounts = {1, 1, 1, 1, 2, 4, kMaxCount};
    const std::uint64_t count = std::min(kCounts[random_() % kCounts.size()], blocks_);
    const std::uint64_t room = blocks_ - count + 1;
    return {.block = first_ + (chance() < 0.6 ? hot(room) : random_() % room),
            .count = count,
            .sequence = sequence};
  }

 private:
  double chance() { return std::uniform_real_distribution<double>(0, 1)(random_); }

  // Pareto: half of them fall in the first two hundredths.
  std::uint64_t hot(std::uint64_t room) {
    const double scale = static_cast<double>(room) / 200;
    const double place = scale * (std::pow(1 - chance(), -1 / 0.7) - 1);
    return place < static_cast<double>(room) ? static_cast<std::uint64_t>(place) : room - 1;
  }

  std::uint64_t first_;
  std::uint64_t blocks_;
  std::mt19937_64 random_;
};

void write_blocks(Device& device, Buffer& buffer, const Write& write) {
  const auto bytes = buffer.first(write.count * device.block_size());
  for (std::uint64_t i = 0; i < write.count; ++i) {
    write_stamp(bytes.subspan(i * device.block_size(), device.block_size()),
                {.block = write.block + i, .sequence = write.sequence});
  }
  device.write(write.block, bytes);
}

void note_latency(WriterStats& stats, double at, Milliseconds taken) {
  stats.latencies_ms.push_back(taken.count());
  if (taken.count() > kStallMs) stats.stalls.push_back({.at = at, .ms = taken.count()});
}

double quantile(const std::vector<double>& sorted, double share) {
  if (sorted.empty()) return 0;
  return sorted[std::min(sorted.size() - 1,
                         static_cast<std::size_t>(static_cast<double>(sorted.size()) * share))];
}

}  // namespace

void fill(Device& device) {
  constexpr std::uint64_t kBatch = 256;
  Buffer buffer(kBatch * device.block_size());
  for (std::uint64_t block = device.first_block(); block < device.end_block(); block += kBatch) {
    write_blocks(
        device, buffer,
        {.block = block, .count = std::min(kBatch, device.end_block() - block), .sequence = 0});
  }
  device.sync();
}

WriterStats run_writer(Device& device, Log& log, std::uint64_t first_sequence,
                       const WriterOptions& options, const std::function<bool()>& stopped) {
  WriterStats stats;
  Buffer buffer(std::max<std::size_t>(4096, kMaxCount * device.block_size()));
  Picker picker(device.first_block(), device.end_block(), options.seed);
  const auto interval =
      std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(1 / options.iops));
  const auto end = Clock::now() + std::chrono::duration_cast<Clock::duration>(options.duration);
  std::uint64_t sequence = first_sequence;
  try {
    for (auto next = Clock::now(); next < end && !stopped(); ++sequence) {
      const Write write = picker.pick(sequence);
      log.begin(write);
      const double at = seconds_since_epoch();
      const auto start = Clock::now();
      write_blocks(device, buffer, write);
      if (options.sync) device.sync();
      note_latency(stats, at, Clock::now() - start);
      log.acknowledge(write);
      next = std::max(next + interval, Clock::now());  // after a stall no burst to catch up
      std::this_thread::sleep_until(std::min(next, end));
    }
  } catch (const std::system_error& error) {
    stats.error = error.what();
  }
  return stats;
}

nlohmann::json to_json(const WriterStats& stats) {
  std::vector<double> sorted = stats.latencies_ms;
  std::ranges::sort(sorted);
  nlohmann::json stalls = nlohmann::json::array();
  for (const Stall& stall : stats.stalls) stalls.push_back({{"at", stall.at}, {"ms", stall.ms}});
  nlohmann::json json = {{"writes", sorted.size()},
                         {"worst_ms", quantile(sorted, 1)},
                         {"p99_ms", quantile(sorted, 0.99)},
                         {"p50_ms", quantile(sorted, 0.5)},
                         {"stalls", stalls}};
  if (!stats.error.empty()) json["error"] = stats.error;
  return json;
}

}  // namespace dmjob::stamp
