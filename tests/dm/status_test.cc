// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/status.h"

#include <gtest/gtest.h>

#include <ostream>
#include <stdexcept>

namespace dmjob::dm {
namespace {

struct Recorded {
  const char* what;
  const char* text;  // as Linux 6.1 gave it
  std::uint64_t regions_in_sync;
  char base;
  char target;
  char log;
  bool in_sync;
};

void PrintTo(const Recorded& recorded, std::ostream* out) { *out << recorded.what; }

constexpr Recorded kRecorded[] = {
    {"ready", "2 254:6 254:4 4096/4096 1 AA 3 disk 254:2 A", 4096, 'A', 'A', 'A', true},
    {"copying", "2 254:6 254:4 3971/4096 1 AA 3 disk 254:2 A", 3971, 'A', 'A', 'A', false},
    {"target_failed", "2 254:6 254:4 4095/4096 1 AD 3 disk 254:2 A", 4095, 'A', 'D', 'A', false},
    {"source_unreadable", "2 254:2 98:16 4095/4096 1 SA 3 disk 254:0 A", 4095, 'S', 'A', 'A',
     false},
    {"log_dead", "2 254:6 254:4 4096/4096 1 AA 3 disk 254:2 D", 4096, 'A', 'A', 'D', false},
    {"log_not_flushed", "2 254:6 254:4 4096/4096 1 AA 3 disk 254:2 F", 4096, 'A', 'A', 'F', false},
    {"target_not_flushed", "2 254:6 254:4 4096/4096 1 AF 3 disk 254:2 A", 4096, 'A', 'F', 'A',
     false},
};

class RecordedStatus : public testing::TestWithParam<Recorded> {};

TEST_P(RecordedStatus, IsRead) {
  const MirrorStatus status = parse_mirror_status(GetParam().text);
  EXPECT_EQ(status.regions, 4096U);
  EXPECT_EQ(status.regions_in_sync, GetParam().regions_in_sync);
  ASSERT_EQ(status.legs.size(), 2U);
  EXPECT_EQ(static_cast<char>(status.legs[0]), GetParam().base);
  EXPECT_EQ(static_cast<char>(status.legs[1]), GetParam().target);
  EXPECT_EQ(static_cast<char>(status.log), GetParam().log);
  EXPECT_EQ(status.in_sync(), GetParam().in_sync);
}

INSTANTIATE_TEST_SUITE_P(Kernel, RecordedStatus, testing::ValuesIn(kRecorded),
                         [](const auto& row) { return std::string(row.param.what); });

TEST(MirrorStatus, NamesTheSides) {
  const auto status = parse_mirror_status("2 254:6 8:16 1/4 1 AA 3 disk 254:2 A");
  EXPECT_EQ(status.devices, (std::vector<std::string>{"254:6", "8:16"}));
}

TEST(MirrorStatus, OfNothingIsNotInSync) {
  EXPECT_FALSE(parse_mirror_status("2 254:6 8:16 0/0 1 AA 3 disk 254:2 A").in_sync());
  EXPECT_FALSE(MirrorStatus{}.in_sync());
}

class Garbage : public testing::TestWithParam<const char*> {};

TEST_P(Garbage, IsRefused) { EXPECT_THROW(parse_mirror_status(GetParam()), std::invalid_argument); }

INSTANTIATE_TEST_SUITE_P(
    Texts, Garbage,
    testing::Values("", " ", "2", "error", "0 1/1 1  3 disk 8:1 A", "2 254:6 254:4",
                    "2 254:6 254:4 4/4 1 AA 1 core",            // no disk log
                    "2 254:6 254:4 4/4 1 AAA 3 disk 254:2 A",   // a letter too many
                    "2 254:6 254:4 4/4 1 A 3 disk 254:2 A",     // one too few
                    "2 254:6 254:4 4/4 1 AX 3 disk 254:2 A",    // an unknown one
                    "2 254:6 254:4 4/4 1 AA 3 disk 254:2 AA",   //
                    "2 254:6 254:4 4/4 1 AA 3 disk 254:2",      //
                    "2 254:6 254:4 4/4 1 AA 3 disk 254:2 A B",  //
                    "2 254:6 254:4 5/4 1 AA 3 disk 254:2 A",    // more than all
                    "2 254:6 254:4 4 1 AA 3 disk 254:2 A",      //
                    "2 254:6 254:4 4/x 1 AA 3 disk 254:2 A",    //
                    "2 254:6 254:4 4/4 2 AA 3 disk 254:2 A",    //
                    "2 254:6 x 4/4 1 AA 3 disk 254:2 A",        //
                    "2  254:6 254:4 4/4 1 AA 3 disk 254:2 A",   //
                    "-2 254:6 254:4 4/4 1 AA 3 disk 254:2 A",   //
                    "10 254:6 254:4 4/4 1 AA 3 disk 254:2 A",   //
                    "99999999999999999999 254:6 254:4 4/4 1 AA 3 disk 254:2 A",
                    "2 254:6 254:4 99999999999999999999/4 1 AA 3 disk 254:2 A",
                    "2 254:6 254:4 4/4 1 AA 3 clustered-disk 254:2 A"));

// Every beginning of a good status but the whole of it.
TEST(MirrorStatus, CutOffAnywhereIsRefused) {
  const std::string whole = kRecorded[0].text;
  for (std::size_t length = 0; length < whole.size(); ++length) {
    EXPECT_THROW(parse_mirror_status(whole.substr(0, length)), std::invalid_argument) << length;
  }
}

// --- snapshots ---

using State = SnapshotStatus::State;

TEST(SnapshotStatus, TellsHowFullItIs) {
  const SnapshotStatus status = parse_snapshot_status("4128/65536 32");
  EXPECT_EQ(status.state, State::kValid);
  EXPECT_EQ(status.used, 4128U);
  EXPECT_EQ(status.total, 65536U);
  EXPECT_EQ(status.metadata, 32U);
  EXPECT_FALSE(status.empty());
}

TEST(SnapshotStatus, IsEmptyWhenOnlyMetadataIsLeft) {
  EXPECT_TRUE(parse_snapshot_status("32/65536 32").empty());
  EXPECT_FALSE(parse_snapshot_status("Merge failed").empty());
  EXPECT_FALSE(SnapshotStatus{}.empty());
}

TEST(SnapshotStatus, TellsWhatIsWrong) {
  EXPECT_EQ(parse_snapshot_status("Invalid").state, State::kInvalid);
  EXPECT_EQ(parse_snapshot_status("Overflow").state, State::kOverflow);
  EXPECT_EQ(parse_snapshot_status("Merge failed").state, State::kMergeFailed);
  EXPECT_EQ(parse_snapshot_status("Unknown").state, State::kUnknown);
}

class SnapshotGarbage : public testing::TestWithParam<const char*> {};

TEST_P(SnapshotGarbage, IsRefused) {
  EXPECT_THROW(parse_snapshot_status(GetParam()), std::invalid_argument);
}

INSTANTIATE_TEST_SUITE_P(Texts, SnapshotGarbage,
                         testing::Values("", " ", "invalid", "Merge", "32", "32/64", "32/64 ",
                                         "32/64 32 1", "65/64 32", "32/64 33", "x/64 32",
                                         "32/64 -1", "32 64 32", "Invalid 1"));

}  // namespace
}  // namespace dmjob::dm
