// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/peer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <system_error>

namespace dmjob::daemon {
namespace {

using ::testing::Contains;

TEST(PeerAccess, RootMayAll) {
  EXPECT_EQ(decide_access({.user = 0, .groups = {}}, std::nullopt), Access::kAll);
  EXPECT_EQ(decide_access({.user = 0, .groups = {0}}, 100), Access::kAll);
}

TEST(PeerAccess, MembersOfTheGroupMayQuery) {
  EXPECT_EQ(decide_access({.user = 5, .groups = {7, 100}}, 100), Access::kQuery);
}

TEST(PeerAccess, OthersMayNothing) {
  EXPECT_EQ(decide_access({.user = 5, .groups = {7}}, 100), Access::kNone);
  EXPECT_EQ(decide_access({.user = 5, .groups = {0}}, std::nullopt), Access::kNone);
}

TEST(PeerCredentials, AreThoseOfTheOtherEnd) {
  std::array<int, 2> ends{};
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()), 0);
  const Peer peer = read_peer(ends[0]);
  EXPECT_EQ(peer.user, ::getuid());
  EXPECT_THAT(peer.groups, Contains(::getgid()));
  for (const int end : ends) ::close(end);
}

TEST(PeerCredentials, OfSomethingElseAreAnError) { EXPECT_THROW(read_peer(-1), std::system_error); }

TEST(PeerGroup, MayNotExist) {
  EXPECT_FALSE(find_group("no-such-group-anywhere").has_value());
  EXPECT_TRUE(find_group("root").has_value());
}

}  // namespace
}  // namespace dmjob::daemon
