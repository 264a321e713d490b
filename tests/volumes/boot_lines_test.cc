// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/volumes/boot_lines.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace dmjob::volumes {
namespace {

using testing::ElementsAre;

std::vector<std::string> texts(const std::vector<BootLine>& lines) {
  std::vector<std::string> all;
  for (const BootLine& line : lines) all.push_back(line.place + ": " + line.name + " " + line.path);
  return all;
}

TEST(BootLines, TagsAndPathsOfFstab) {
  EXPECT_THAT(
      texts(parse_boot_lines("# a comment\nUUID=12 / ext4 defaults 0 1\n"
                             "  #UUID=13 /x\nLABEL=\"my\\040files\" /srv xfs\n/dev/sdb1 /y\n"
                             "tmpfs /tmp tmpfs\n\nproc\n",
                             "", "")),
      ElementsAre("/etc/fstab line 2: UUID=12 /dev/disk/by-uuid/12",
                  "/etc/fstab line 4: LABEL=\"my files\" /dev/disk/by-label/my\\x20files",
                  "/etc/fstab line 5: /dev/sdb1 /dev/sdb1"));
}

TEST(BootLines, TheSecondWordOfCrypttab) {
  EXPECT_THAT(texts(parse_boot_lines("", "root PARTUUID=1-02 none luks\nx /dev/sdc\n", "")),
              ElementsAre("/etc/crypttab line 1: PARTUUID=1-02 /dev/disk/by-partuuid/1-02",
                          "/etc/crypttab line 2: /dev/sdc /dev/sdc"));
}

TEST(BootLines, TheCommandLineIsForTheInitialRamDisk) {
  const auto lines = parse_boot_lines("", "", "quiet root=UUID=7 ro resume=/dev/sda2 x=y");
  EXPECT_THAT(texts(lines), ElementsAre("the kernel command line: UUID=7 /dev/disk/by-uuid/7",
                                        "the kernel command line: /dev/sda2 /dev/sda2"));
  EXPECT_TRUE(lines.front().in_initrd);
}

}  // namespace
}  // namespace dmjob::volumes
