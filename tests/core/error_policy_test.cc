// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/error_policy.h"

#include <gtest/gtest.h>

namespace dmjob::core {
namespace {

struct Case {
  const char* policy;
  std::errc error;
  const char* action;
};

class Policy : public ::testing::TestWithParam<Case> {};

TEST_P(Policy, Decides) {
  const auto policy = parse_on_error(GetParam().policy);
  ASSERT_TRUE(policy);
  EXPECT_EQ(to_string(decide(*policy, std::make_error_code(GetParam().error))), GetParam().action);
}

constexpr auto kEio = std::errc::io_error;
constexpr auto kEnospc = std::errc::no_space_on_device;

INSTANTIATE_TEST_SUITE_P(
    OnError, Policy,
    ::testing::Values(Case{"report", kEio, "report"}, Case{"report", kEnospc, "report"},
                      Case{"ignore", kEio, "ignore"}, Case{"ignore", kEnospc, "ignore"},
                      Case{"stop", kEio, "stop"}, Case{"stop", kEnospc, "stop"},
                      Case{"enospc", kEio, "report"}, Case{"enospc", kEnospc, "stop"},
                      Case{"auto", kEio, "report"}, Case{"auto", kEnospc, "stop"}));

TEST(OnErrorWords, UnknownWordIsNoPolicy) { EXPECT_EQ(parse_on_error("retry"), std::nullopt); }

TEST(OnErrorWords, AreReadBack) {
  EXPECT_EQ(to_string(*parse_on_error("enospc")), "enospc");
  EXPECT_EQ(to_string(*parse_on_error("auto")), "enospc");
}

TEST(IoStatusWords, AreReadBack) {
  EXPECT_EQ(parse_io_status("nospace"), IoStatus::kNoSpace);
  EXPECT_EQ(parse_io_status("failed"), IoStatus::kFailed);
  EXPECT_EQ(parse_io_status("broken"), std::nullopt);
}

}  // namespace
}  // namespace dmjob::core
