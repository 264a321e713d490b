// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/superblock.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <vector>

#include "libjob/io/crc32c.h"
#include "libjob/io/probe.h"
#include "tests/support/temp_folder.h"

namespace dmjob::store {
namespace {

Superblock example() {
  Superblock superblock;
  superblock.sequence = 7;
  superblock.volume_size = (std::uint64_t{5} << 40) + 512;
  superblock.granularity = 1 << 20;
  superblock.log_bytes = 12345;
  superblock.bitmap_slot = 1;
  superblock.bitmap_crc = 0xDEADBEEF;
  superblock.job_uuid = "DMJOB-0123";
  return superblock;
}

std::vector<std::byte> encoded(const Superblock& superblock) {
  std::vector<std::byte> block(kSuperblockBytes);
  encode(superblock, block);
  return block;
}

TEST(Superblock, comes_back_as_it_was) { EXPECT_EQ(decode(encoded(example())), example()); }

TEST(Superblock, a_uuid_may_fill_its_place) {
  Superblock superblock = example();
  superblock.job_uuid = std::string(kLongestUuid, 'x');
  EXPECT_EQ(decode(encoded(superblock)), superblock);
}

TEST(Superblock, is_little_endian_and_begins_with_its_name) {
  const auto block = encoded(example());
  EXPECT_EQ(block[16], std::byte{'D'});
  EXPECT_EQ(block[24], std::byte{2});
  EXPECT_EQ(block[32], std::byte{7});
  EXPECT_EQ(block[68], std::byte{0xEF});
}

// What a disk with a scratch is to blkid, wipefs and installers.
TEST(Superblock, is_no_empty_disk_to_others) {
  const test::TempFolder folder;
  const auto block = encoded(example());
  std::ofstream file(folder.path("disk"), std::ios::binary);
  file.write(reinterpret_cast<const char*>(block.data()),
             static_cast<std::streamsize>(block.size()));
  file.seekp(1 << 20).put(0);
  file.close();
  EXPECT_EQ(io::probe(folder.path("disk")).signature, "DM_snapshot_cow");
}

// As an earlier version wrote it: without the front, with its own number.
TEST(Superblock, of_version_1_is_read) {
  const auto block = encoded(example());
  std::vector<std::byte> old(block.begin() + 16, block.end());
  old.resize(kSuperblockBytes);
  old[8] = std::byte{1};
  const std::uint32_t crc = io::crc32c(std::span<const std::byte>(old).subspan(16));
  std::memcpy(&old[12], &crc, sizeof crc);
  EXPECT_EQ(decode(old), example());
  old[8] = std::byte{2};
  EXPECT_EQ(decode(old), std::nullopt);
}

TEST(Superblock, one_changed_byte_makes_it_none) {
  const auto good = encoded(example());
  for (std::size_t at = 0; at < good.size(); ++at) {
    auto block = good;
    block[at] ^= std::byte{0x10};
    EXPECT_EQ(decode(block), std::nullopt) << "byte " << at;
  }
}

TEST(Superblock, a_torn_one_is_none) {
  auto block = encoded(example());
  std::fill(block.begin() + 512, block.end(), std::byte{0xAA});
  EXPECT_EQ(decode(block), std::nullopt);
  EXPECT_EQ(decode(std::vector<std::byte>(kSuperblockBytes)), std::nullopt);
  EXPECT_EQ(decode({}), std::nullopt);
}

TEST(Superblock, what_cannot_be_is_none_though_its_checksum_is_right) {
  Superblock odd = example();
  odd.granularity = 3;
  EXPECT_EQ(decode(encoded(odd)), std::nullopt);
  odd = example();
  odd.bitmap_slot = 2;
  EXPECT_EQ(decode(encoded(odd)), std::nullopt);
  odd = example();
  odd.volume_size = ~std::uint64_t{0};
  EXPECT_EQ(decode(encoded(odd)), std::nullopt);
}

}  // namespace
}  // namespace dmjob::store
