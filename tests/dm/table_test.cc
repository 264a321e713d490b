// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <stdexcept>

#include "dm/targets.h"
#include "dm/topology/stateless.h"

namespace dmjob::dm {
namespace {

// What `dmsetup table` printed on Linux 6.1.
constexpr char kTwoSegments[] =
    "0 8192 linear 98:0 2048\n"
    "8192 16384 striped 2 128 98:16 0 98:32 64\n";

TEST(Table, PrintsWhatItParsed) { EXPECT_EQ(Table::parse(kTwoSegments).print(), kTwoSegments); }

TEST(Table, KnowsItsSegmentsAndItsSize) {
  const Table table = Table::parse(kTwoSegments);
  ASSERT_EQ(table.segments().size(), 2U);
  EXPECT_EQ(table.segments()[1], (Segment{8192, 16384, "striped", "2 128 98:16 0 98:32 64"}));
  EXPECT_EQ(table.sectors(), 24576U);
}

TEST(Table, OfNothingIsEmpty) {
  EXPECT_TRUE(Table::parse("").empty());
  EXPECT_EQ(Table::parse("\n\n").sectors(), 0U);
}

TEST(Table, TakesATargetWithoutArguments) {
  EXPECT_EQ(Table::parse("0 8 error").print(), "0 8 error\n");
}

TEST(Table, TakesManyBlanksForOne) {
  EXPECT_EQ(Table::parse(" 0  8   linear\t8:0  0 ").print(), "0 8 linear 8:0 0\n");
}

class BadTable : public testing::TestWithParam<const char*> {};

TEST_P(BadTable, IsRefused) { EXPECT_THROW(Table::parse(GetParam()), std::invalid_argument); }

INSTANTIATE_TEST_SUITE_P(
    Lines, BadTable,
    testing::Values("linear", "0 linear 8:0 0", "0 8", "a 8 linear 8:0 0", "0 0 linear 8:0 0",
                    "-1 8 linear 8:0 0", "0 99999999999999999999 zero", "8 8 linear 8:0 0",
                    "0 8 zero\n9 8 zero", "0 8 zero\n0 8 zero",
                    "0 18446744073709551615 zero\n18446744073709551615 8 zero"));

// The words in these four are the design; each was paid for.
TEST(Targets, HaveExactlyTheirWords) {
  const dev_t log = makedev(8, 1), base = makedev(8, 2), other = makedev(259, 300);
  EXPECT_EQ(tracker_table(4096, log, 128, base, other).print(),
            "0 4096 mirror disk 2 8:1 128 2 8:2 0 259:300 0\n");
  EXPECT_EQ(mirror_table(4096, log, 128, base, other).print(),
            "0 4096 mirror disk 2 8:1 128 2 8:2 0 259:300 0 1 handle_errors\n");
  EXPECT_EQ(bypass_table(4096, base, other).print(), "0 4096 delay 8:2 0 0 259:300 0 0\n");
  EXPECT_EQ(origin_table(4096, base).print(), "0 4096 snapshot-origin 8:2\n");
  EXPECT_EQ(snapshot_table(4096, base, other, 32).print(), "0 4096 snapshot 8:2 259:300 PO 32\n");
  EXPECT_EQ(merge_table(4096, base, other, 32).print(),
            "0 4096 snapshot-merge 8:2 259:300 PO 32\n");
  EXPECT_EQ(linear_table(4096, base, 64).print(), "0 4096 linear 8:2 64\n");
}

TEST(Targets, NameDevicesOfAPlanByName) {
  EXPECT_EQ(linear_table(8, DeviceWord::named("dmjob-j-base")).print(),
            "0 8 linear @dmjob-j-base 0\n");
}

TEST(StatefulTarget, IsFoundAmongOthers) {
  EXPECT_EQ(first_stateful_target(Table::parse(kTwoSegments)), "");
  EXPECT_EQ(first_stateful_target(Table::parse("0 8 crypt c - 0 8:0 0\n8 8 raid raid1 ...")),
            "raid");
  EXPECT_EQ(first_stateful_target(Table::parse("0 8 thin 253:0 1")), "thin");
  EXPECT_EQ(first_stateful_target(Table::parse("0 8 of-tomorrow")), "of-tomorrow");
}

}  // namespace
}  // namespace dmjob::dm
