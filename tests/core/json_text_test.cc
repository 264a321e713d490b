// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/json_text.h"

#include <gtest/gtest.h>

namespace dmjob::core {
namespace {

TEST(JsonText, IsOneLineOfAscii) {
  EXPECT_EQ(to_text({{"b", "\u00e4\n"}, {"a", 1}}), R"({"a":1,"b":"\u00e4\n"})");
}

// An error's text may have any: neither an answer nor the state is lost for them.
TEST(JsonText, BytesThatAreNoTextAreReplaced) {
  EXPECT_EQ(to_text({{"a", "x\xffy"}}), R"({"a":"x\ufffdy"})");
}

TEST(ListText, IsAnArray) {
  ListText list;
  EXPECT_EQ(list.text(), "[]");
  list.add("1");
  EXPECT_EQ(list.text(), "[1]");
  list.add("{}");
  EXPECT_EQ(list.text(), "[1,{}]");
}

}  // namespace
}  // namespace dmjob::core
