// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include "libjob/io/sysfs.h"

namespace dmjob::io::sysfs {
namespace {

TEST(Mountinfo, gives_what_is_where) {
  const auto found = parse_mountinfo(
      "27 1 254:0 / / rw,relatime - ext4 /dev/vda rw\n"
      "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 shared:7 - ext3 /dev/ro\\134ot rw\n");
  ASSERT_EQ(found.size(), 2u);
  EXPECT_EQ(found[0].number, "254:0");
  EXPECT_EQ(found[0].point, "/");
  EXPECT_EQ(found[1].id, "36");
  EXPECT_EQ(found[1].point, "/mnt 2");
  EXPECT_EQ(found[1].source, "/dev/ro\\ot");
  EXPECT_EQ(found[1].type, "ext3");
  EXPECT_EQ(found[1].options, "rw");
}

TEST(Mountinfo, skips_what_it_does_not_understand) {
  EXPECT_TRUE(parse_mountinfo("").empty());
  EXPECT_TRUE(parse_mountinfo("\nnonsense\n1 2 3:4 / /x rw -\n- - -\n").empty());
}

TEST(Mountinfo, unescapes_octal_only) {
  EXPECT_EQ(unescape_octal("a\\040b\\011"), "a b\t");
  EXPECT_EQ(unescape_octal("a\\"), "a\\");
  EXPECT_EQ(unescape_octal("a\\04"), "a\\04");
  EXPECT_EQ(unescape_octal("a\\0x0"), "a\\0x0");
}

TEST(DeviceNumber, is_read_strictly) {
  EXPECT_EQ(parse_number("8:17"), makedev(8, 17));
  EXPECT_EQ(parse_number(""), std::nullopt);
  EXPECT_EQ(parse_number("8"), std::nullopt);
  EXPECT_EQ(parse_number("8:"), std::nullopt);
  EXPECT_EQ(parse_number("8:1x"), std::nullopt);
}

}  // namespace
}  // namespace dmjob::io::sysfs
