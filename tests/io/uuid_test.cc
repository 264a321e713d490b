// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/uuid.h"

#include <gtest/gtest.h>

namespace dmjob::io {
namespace {

TEST(UuidTest, IsOfThirtyTwoHexDigitsAndNew) {
  const std::string one = new_uuid();
  EXPECT_EQ(one.size(), 32U);
  EXPECT_EQ(one.find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_NE(one, new_uuid());
}

}  // namespace
}  // namespace dmjob::io
