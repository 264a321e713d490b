// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/stamp_verify.h"

#include <algorithm>
#include <nlohmann/json.hpp>

namespace dmjob::stamp {
namespace {

constexpr std::uint64_t kBatch = 256;
constexpr std::size_t kShown = 8;

void check_block(Verdict& verdict, const History& history, std::uint64_t block,
                 std::span<const std::byte> bytes) {
  const auto found = read_stamp(bytes);
  const Expected wanted = history.expected(block);
  ++verdict.blocks;
  if (found && found->block == block && wanted.allows(found->sequence)) return;
  ++verdict.mismatches;
  if (verdict.first.size() < kShown)
    verdict.first.push_back({.block = block, .found = found, .wanted = wanted});
}

nlohmann::json to_json(const Mismatch& mismatch) {
  nlohmann::json json = {{"block", mismatch.block},
                         {"found", nullptr},
                         {"wanted", mismatch.wanted.acknowledged},
                         {"in_flight", mismatch.wanted.in_flight}};
  if (mismatch.found)
    json["found"] = {{"block", mismatch.found->block}, {"sequence", mismatch.found->sequence}};
  return json;
}

}  // namespace

Verdict verify(const Device& device, const History& history) {
  Verdict verdict;
  verdict.stamped = history.blocks_written();
  Buffer buffer(kBatch * device.block_size());
  for (std::uint64_t batch = device.first_block(); batch < device.end_block(); batch += kBatch) {
    const std::uint64_t count = std::min(kBatch, device.end_block() - batch);
    const auto bytes = buffer.first(count * device.block_size());
    device.read(batch, bytes);
    for (std::uint64_t i = 0; i < count; ++i) {
      check_block(verdict, history, batch + i,
                  bytes.subspan(i * device.block_size(), device.block_size()));
    }
  }
  return verdict;
}

nlohmann::json to_json(const Verdict& verdict) {
  nlohmann::json first = nlohmann::json::array();
  for (const Mismatch& mismatch : verdict.first) first.push_back(to_json(mismatch));
  return {{"blocks", verdict.blocks},
          {"stamped", verdict.stamped},
          {"mismatches", verdict.mismatches},
          {"first", first}};
}

}  // namespace dmjob::stamp
