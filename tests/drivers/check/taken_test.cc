// SPDX-License-Identifier: LGPL-2.1-or-later
// What is whose: by who a disk is, by the file below a loop device, and over volumes that wait for
// one another.
#include "libjob/drivers/check/taken.h"

#include "libjob/drivers/check/attach_check.h"
#include "libjob/drivers/check/own_marks.h"
#include "libjob/drivers/check/taken_by.h"
#include "libjob/store/superblock.h"
#include "tests/drivers/check/check_fixture.h"

namespace dmjob::drivers {
namespace {

using testing::HasSubstr;
using Kind = store::ScratchPlace::Kind;

class TakenTest : public CheckTest {
 protected:
  std::string refusal(const std::string& path) {
    return refusal_of([&] { require_untaken(context, {.role = "scratch", .path = path}, "it"); });
  }
  void take(Use use) {
    context.taken = {{.owner = "volume 'over'", .volume = "over", .uses = {std::move(use)}}};
  }
  void mark(std::uint64_t offset, const std::string& uuid) const {
    const auto device = io::open_device(disk.path(), io::Access::kReadWrite);
    io::AlignedBuffer block(store::kSuperblockBytes);
    store::encode({.sequence = 1, .volume_size = kSize, .granularity = 4096, .job_uuid = uuid},
                  block.bytes());
    ASSERT_FALSE(device->write(offset, block.bytes()));
  }
  std::string refusal_of_mark(bool force, std::uint64_t tail = 0) {
    return refusal_of(
        [&] { require_no_mark(io::probe(disk.path()), "target it", force, tail, context); });
  }

  test::LoopDisk disk{folder.path("disk"), kSize};
};

TEST_F(TakenTest, ADiskIsItselfUnderAnyPath) {
  std::filesystem::create_symlink(disk.path(), folder.path("link"));
  take({.role = "scratch", .path = folder.path("link")});
  EXPECT_EQ(refusal(disk.path()), "it is in use by volume 'over' (its scratch)");
}

// The path leads to nothing, as before a late link, or to another disk, as after a boot.
TEST_F(TakenTest, ADiskIsKnownByWhoItIs) {
  take({.role = "disk", .path = "/dev/is/not/there", .disk = io::identify_disk(disk.path())});
  EXPECT_EQ(refusal(disk.path()), "it is in use by volume 'over' (its disk)");
  const test::LoopDisk other(folder.path("other"), kSize);
  context.taken.front().uses.front().path = other.path();
  EXPECT_EQ(refusal(disk.path()), "it is in use by volume 'over' (its disk)");
  EXPECT_EQ(refusal(other.path()), "");
}

TEST_F(TakenTest, AFileIsTakenWithItsLoopDeviceAndTheOtherWayRound) {
  take({.role = "scratch", .path = folder.path("disk")});
  EXPECT_THAT(refusal(disk.path()), HasSubstr("is in use by"));
  take({.role = "scratch", .path = disk.path()});
  EXPECT_THAT(refusal(folder.path("disk")), HasSubstr("is in use by"));
}

TEST_F(TakenTest, AFileThatIsNotThereYetIsTakenByItsPath) {
  take({.role = "scratch", .path = folder.path("new")});
  EXPECT_THAT(refusal(folder.path("./new")), HasSubstr("is in use by"));
  EXPECT_EQ(refusal(folder.path("newer")), "");
}

TEST_F(TakenTest, WhatIsOnlyReadMayBeReadByOthers) {
  take({.role = "disk", .path = disk.path(), .shared = true});
  const Use reader{.role = "disk", .path = disk.path(), .shared = true};
  EXPECT_EQ(refusal_of([&] { require_untaken(context, reader, "it"); }), "");
  EXPECT_THAT(refusal(disk.path()), HasSubstr("is in use by"));
}

TEST_F(TakenTest, AVolumeNamesItsDisksAndItsScratch) {
  volumes::ManagedVolume volume = add_volume(disk);
  volume.pivot_to = "/dev/pivot";
  volume.overlay.emplace();
  volume.overlay->cow = {{Kind::kDevice, "/dev/cow", 4096}, kMiB};
  volume.overlay->target = "/dev/target";
  volume.tracking.emplace();
  volume.tracking->scratch = {Kind::kFile, "/marks", 0};
  const Holding holding = holding_of(volume);
  std::vector<std::string> paths;
  for (const Use& use : holding.uses) paths.push_back(use.path);
  EXPECT_THAT(paths, testing::UnorderedElementsAre(disk.path(), "/dev/pivot", "/dev/cow",
                                                   "/dev/target", "/marks"));
  ASSERT_EQ(holding.marks.size(), 1U);
  EXPECT_EQ(holding.marks.front().uuid, volume.uuid);
  EXPECT_EQ(holding.marks.front().offset, 0U);
}

TEST_F(TakenTest, WhatIsAttachedMayBeNobodyElses) {
  take({.role = "scratch", .path = disk.path()});
  EXPECT_EQ(refusal_of([&] { check_attach("new", disk.path(), context); }),
            disk.path() + " is in use by volume 'over' (its scratch)");
  context.taken.clear();
  EXPECT_EQ(check_attach("new", disk.path(), context).device, disk.path());
}

// --- our own marks ---

TEST_F(TakenTest, AScratchOfOursIsASignature) {
  EXPECT_EQ(refusal_of_mark(false), "");
  mark(0, "gone");
  EXPECT_EQ(refusal_of_mark(false),
            "target it carries a signature (a scratch of dmjob): --force overwrites it");
  EXPECT_EQ(refusal_of_mark(true), "");
}

TEST_F(TakenTest, TheSecondCopyOfATornScratchTellsAsMuch) {
  mark(store::kSuperblockBytes, "gone");
  EXPECT_THAT(refusal_of_mark(false), HasSubstr("carries a signature"));
}

TEST_F(TakenTest, AScratchWhoseOwnerIsKnownIsNotForForce) {
  mark(0, "volume-uuid");
  context.taken = {{.owner = "volume 'over'",
                    .volume = "over",
                    .uses = {},
                    .marks = {{.uuid = "volume-uuid", .offset = 0}}}};
  EXPECT_THAT(refusal_of_mark(true), HasSubstr("target it holds the scratch of volume 'over'"));
}

TEST_F(TakenTest, AScratchInATailIsFoundWhereOneIsKnownToBeOrAboutToBe) {
  mark(kSize / 2, "volume-uuid");
  EXPECT_EQ(refusal_of_mark(false), "");
  EXPECT_THAT(refusal_of_mark(false, kSize / 2), HasSubstr("carries a signature"));
  context.taken = {{.owner = "job 'j7'",
                    .volume = {},
                    .uses = {},
                    .marks = {{.uuid = "volume-uuid", .offset = kSize / 2}}}};
  EXPECT_THAT(refusal_of_mark(true), HasSubstr("target it holds the scratch of job 'j7'"));
}

// --- who waits for whom ---

// Volumes are loop devices here, which the fake kernel knows by their numbers; what lies on them is
// named by their paths.
class CircleTest : public TakenTest {
 protected:
  CircleTest() {
    for (const auto& [name, device] :
         {std::pair("a", &a), std::pair("b", &b), std::pair("c", &c)}) {
      kernel.add_device(name, dm::linear_table(8, device->dev()), "x");
      kernel.set_number(name, device->dev());
    }
  }
  static Holding job(const std::string& id, const std::string& volume, const std::string& on) {
    return {.owner = "job '" + id + "'",
            .volume = volume,
            .uses = {{.role = "target", .path = on, .waits = true}}};
  }
  std::string refusal_of_job(const std::string& volume, const std::string& on) {
    return refusal_of([&] { require_no_circle(context, job("new", volume, on)); });
  }

  test::LoopDisk a{folder.path("a"), kMiB};
  test::LoopDisk b{folder.path("b"), kMiB};
  test::LoopDisk c{folder.path("c"), kMiB};
};

TEST_F(CircleTest, TwoThatWaitForEachOtherAreRefused) {
  context.taken = {job("j1", "a", b.path())};
  EXPECT_EQ(
      refusal_of_job("b", a.path()),
      "target " + a.path() +
          " depends on volume 'a', whose writes wait for volume 'b' (job 'j1'): each would wait "
          "for the other for ever; name another target");
}

TEST_F(CircleTest, ACircleOverAThirdIsRefused) {
  context.taken = {job("j1", "a", b.path()), job("j2", "b", c.path())};
  EXPECT_THAT(refusal_of_job("c", a.path()), HasSubstr("whose writes wait for volume 'c'"));
}

TEST_F(CircleTest, AChainIsNot) {
  context.taken = {job("j1", "a", b.path())};
  EXPECT_EQ(refusal_of_job("b", c.path()), "");
  EXPECT_EQ(refusal_of_job("c", a.path()), "");
}

TEST_F(CircleTest, WhatNobodyWaitsForIsNone) {
  context.taken = {job("j1", "a", b.path())};
  context.taken.front().uses.front().waits = false;  // the target of a backup
  EXPECT_EQ(refusal_of_job("b", a.path()), "");
}

}  // namespace
}  // namespace dmjob::drivers
