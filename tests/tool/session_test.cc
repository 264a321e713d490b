// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/session.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <array>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/reactor.h"
#include "tests/tool/fake_daemon.h"
#include "tests/tool/test_client.h"

namespace dmjob::daemon {
namespace {

using nlohmann::json;
using test::TestClient;
using ::testing::ElementsAre;
using ::testing::Gt;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Lt;
using ::testing::SizeIs;

constexpr const char* kCopy =
    R"({"execute":"blockdev-mirror","arguments":{"device":"d","target":"/t","sync":"full"},"id":"copy"})";
constexpr const char* kEmpty = R"({"return":{}})";

class SessionTest : public ::testing::Test {
 protected:
  std::unique_ptr<TestClient> connect(Access access = Access::kAll) {
    std::array<int, 2> ends{};
    if (::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) != 0) throw errno;
    Session::Socket socket(reactor_.executor(), boost::asio::local::stream_protocol(), ends[0]);
    session_ = Session::start(std::move(socket), daemon_, access, [this](Session&) { ++ended_; });
    return std::make_unique<TestClient>(reactor_, ends[1]);
  }
  std::unique_ptr<TestClient> connect_and_negotiate(const char* arguments = "{}") {
    auto client = connect();
    client->negotiate(arguments);
    return client;
  }
  void publish(int events, std::size_t bytes) {
    for (int i = 0; i < events; ++i) {
      daemon_.events().publish("NOISE", {{"text", std::string(bytes, 'x')}});
      reactor_.settle();
    }
  }

  test::Reactor reactor_;
  test::FakeDaemon daemon_{reactor_.executor()};
  std::weak_ptr<Session> session_;  // the last one
  int ended_ = 0;
};

std::string class_of(const json& answer) { return answer.at("error").at("class"); }
std::string text_of(const json& answer) { return answer.at("error").at("desc"); }
std::vector<json> ids_of(const std::vector<json>& lines) {
  std::vector<json> ids;
  for (const json& line : lines) {
    if (line.contains("id")) ids.push_back(line["id"]);
  }
  return ids;
}

// --- negotiation ---

TEST_F(SessionTest, GreetsAtOnce) { EXPECT_TRUE(connect()->next().contains("QMP")); }

TEST_F(SessionTest, BeforeNegotiationNoCommandIsFound) {
  auto client = connect();
  client->next();
  EXPECT_EQ(class_of(client->ask(R"({"execute":"query-jobs"})")), "CommandNotFound");
  EXPECT_EQ(class_of(client->ask(R"({"execute":"x","arguments":{"y":1}})")), "CommandNotFound");
  EXPECT_EQ(client->ask(R"({"execute":"qmp_capabilities"})").dump(), kEmpty);
  EXPECT_TRUE(client->ask(R"({"execute":"query-jobs"})").contains("return"));
}

TEST_F(SessionTest, AFailedNegotiationLeavesItOpen) {
  auto client = connect();
  client->next();
  EXPECT_EQ(class_of(client->ask(R"({"execute":"qmp_capabilities","arguments":{"enable":["x"]}})")),
            "GenericError");
  EXPECT_EQ(class_of(client->ask(R"({"execute":"qmp_capabilities","arguments":{"y":1}})")),
            "GenericError");
  EXPECT_EQ(class_of(client->ask(R"({"execute":"query-jobs"})")), "CommandNotFound");
}

TEST_F(SessionTest, ASecondNegotiationIsNotFound) {
  auto client = connect_and_negotiate();
  EXPECT_EQ(class_of(client->ask(R"({"execute":"qmp_capabilities"})")), "CommandNotFound");
}

// --- answers ---

TEST_F(SessionTest, TheIdComesBackWhateverItIs) {
  auto client = connect_and_negotiate();
  EXPECT_EQ(client->ask(R"({"execute":"query-jobs","id":null})").dump(),
            R"({"id":null,"return":[]})");
  EXPECT_EQ(client->ask(R"({"execute":"x","id":{"a":[1]}})")["id"].dump(), R"({"a":[1]})");
  EXPECT_EQ(client->ask(R"({"foo":1,"id":7})")["id"], 7);
  EXPECT_EQ(client->ask(R"({"execute":"query-jobs","arguments":null,"id":"s"})")["id"], "s");
}

TEST_F(SessionTest, AParseErrorHasNoIdAndTheConnectionGoesOn) {
  auto client = connect_and_negotiate();
  const json error = client->ask(R"({"execute":"query-jobs","id":1,"id":2})");
  EXPECT_EQ(class_of(error), "GenericError");
  EXPECT_FALSE(error.contains("id"));
  EXPECT_TRUE(client->ask("{'execute':'query-jobs'}").contains("return"));
}

TEST_F(SessionTest, WhatIsNoObjectIsAnError) {
  auto client = connect_and_negotiate();
  EXPECT_THAT(text_of(client->ask("[1]")), HasSubstr("must be a JSON object"));
}

TEST_F(SessionTest, AClientThatHasNoMoreToSayWaitsForItsAnswer) {
  auto client = connect_and_negotiate();
  daemon_.hold_copies = true;
  client->send(kCopy);
  client->end_requests();
  daemon_.release_copies();
  EXPECT_THAT(ids_of(client->rest()), ElementsAre("copy"));
  EXPECT_EQ(daemon_.copies_done, 1);
}

TEST_F(SessionTest, AnswersComeInTheOrderOfTheRequests) {
  auto client = connect_and_negotiate();
  daemon_.hold_copies = true;
  client->send(std::string(kCopy) + R"({"execute":"x","id":2})" +
               R"({"execute":"query-jobs","id":3})");
  EXPECT_THAT(client->rest(), IsEmpty());
  daemon_.release_copies();
  EXPECT_THAT(ids_of(client->rest()), ElementsAre("copy", 2, 3));
}

TEST_F(SessionTest, TheStartOfAJobIsToldBeforeTheAnswer) {
  auto client = connect_and_negotiate();
  const json first = client->ask(kCopy);
  EXPECT_EQ(first["event"], "JOB_STATUS_CHANGE");
  EXPECT_EQ(first["data"]["status"], "created");
}

TEST_F(SessionTest, ARequestThatIsTooLongEndsTheConnectionWithAnError) {
  auto client = connect_and_negotiate();
  client->send("{\"a\":\"" + std::string(QmpParser::kMaxRequest, 'x'));
  EXPECT_THAT(text_of(client->next()), HasSubstr("longer than"));
  EXPECT_TRUE(client->next().is_null());
}

// --- waiting commands ---

TEST_F(SessionTest, ACommandThatWaitsHoldsUpNoOtherClient) {
  auto waiting = connect_and_negotiate();
  auto other = connect_and_negotiate();
  daemon_.hold_copies = true;
  waiting->send(kCopy);
  EXPECT_TRUE(other->ask(R"({"execute":"query-jobs"})").contains("return"));
}

TEST_F(SessionTest, AnOutOfBandQueryOvertakes) {
  auto client = connect_and_negotiate(R"({"enable":["oob"]})");
  daemon_.hold_copies = true;
  client->send(kCopy);
  EXPECT_EQ(client->ask(R"({"exec-oob":"query-jobs","id":"q"})")["id"], "q");
  daemon_.release_copies();
  EXPECT_THAT(ids_of(client->rest()), ElementsAre("copy"));
}

TEST_F(SessionTest, OutOfBandIsUnknownUnlessNegotiated) {
  auto client = connect_and_negotiate();
  EXPECT_THAT(text_of(client->ask(R"({"exec-oob":"query-jobs"})")), HasSubstr("unexpected"));
}

TEST_F(SessionTest, WithEightRequestsUnderWayNoMoreIsRead) {
  auto client = connect_and_negotiate();
  daemon_.hold_copies = true;
  client->send(kCopy);
  for (int i = 0; i < 200; ++i) client->send(R"({"execute":"query-jobs","id":1})");
  EXPECT_THAT(client->unread_by_daemon(), Gt(0U));
  EXPECT_THAT(client->rest(), IsEmpty());
  daemon_.release_copies();
  EXPECT_THAT(ids_of(client->rest()), SizeIs(201));
}

TEST_F(SessionTest, ACloseWaitsForTheCommandUnderWayAndRunsNoOther) {
  auto client = connect_and_negotiate();
  daemon_.hold_copies = true;
  client->send(std::string(kCopy) + kCopy);
  session_.lock()->close();
  daemon_.release_copies();
  EXPECT_TRUE(client->is_closed());
  EXPECT_EQ(daemon_.copies_done, 0);
  EXPECT_EQ(ended_, 1);
}

TEST_F(SessionTest, WhatIsCheckedStillIsDroppedWhenTheClientHasClosedItsSocket) {
  auto client = connect_and_negotiate();
  daemon_.hold_copies = true;
  client->send(kCopy);
  client->hang_up();
  EXPECT_EQ(ended_, 0);
  daemon_.release_copies();
  reactor_.settle();
  EXPECT_EQ(daemon_.copies_done, 0);
  EXPECT_EQ(ended_, 1);
  EXPECT_TRUE(session_.expired());
}

TEST_F(SessionTest, WhatWasSentBeforeTheEndIsAnswered) {
  auto client = connect();
  client->send(R"({"execute":"qmp_capabilities"}{"execute":"query-jobs","id":1}{"half)");
  client->end_requests();
  EXPECT_THAT(client->rest(), SizeIs(3));
  EXPECT_TRUE(client->is_closed());
  EXPECT_EQ(ended_, 1);
}

TEST_F(SessionTest, FinishAnswersWhatIsUnderWayAndForgetsTheRest) {
  auto client = connect_and_negotiate();
  daemon_.hold_copies = true;
  client->send(std::string(kCopy) + kCopy + R"({"execute":"query-jobs","id":3})");
  session_.lock()->finish();
  EXPECT_FALSE(client->is_closed());
  daemon_.release_copies();
  EXPECT_THAT(ids_of(client->rest()), ElementsAre("copy"));
  EXPECT_TRUE(client->is_closed());
  EXPECT_EQ(daemon_.copies_done, 1);
}

TEST_F(SessionTest, FinishClosesAnIdleConnection) {
  auto client = connect_and_negotiate();
  session_.lock()->finish();
  EXPECT_TRUE(client->is_closed());
  EXPECT_EQ(ended_, 1);
}

// --- events ---

TEST_F(SessionTest, EventsComeOnlyAfterNegotiation) {
  auto client = connect();
  publish(1, 1);
  EXPECT_THAT(client->rest(), SizeIs(1));  // the greeting
  client->ask(R"({"execute":"qmp_capabilities"})");
  publish(1, 1);
  const json event = client->next();
  EXPECT_EQ(event["event"], "NOISE");
  EXPECT_EQ(event["number"], 2);
  EXPECT_TRUE(event["timestamp"].contains("microseconds"));
}

TEST_F(SessionTest, ACallerWhoMayOnlyQueryGetsEventsToo) {
  auto client = connect(Access::kQuery);
  client->negotiate();
  publish(1, 1);
  EXPECT_EQ(client->next()["event"], "NOISE");
  EXPECT_THAT(text_of(client->ask(kCopy)), HasSubstr("is for root"));
}

TEST_F(SessionTest, AClientThatNeverReadsEventsIsDisconnected) {
  auto client = connect_and_negotiate();
  publish(100, 10'000);
  EXPECT_EQ(ended_, 1);
  EXPECT_TRUE(session_.expired());
}

TEST_F(SessionTest, TheOthersDoNotNoticeIt) {
  auto sleeper = connect_and_negotiate();
  auto reader = connect_and_negotiate();
  for (int i = 0; i < 100; ++i) {
    publish(1, 10'000);
    reader->next();
  }
  EXPECT_EQ(ended_, 1);
  EXPECT_FALSE(reader->is_closed());
}

TEST_F(SessionTest, AClientThatReadsItsAnswersLateGetsThemAll) {
  auto client = connect_and_negotiate();
  const std::string request = R"({"execute":"query-commands","id":1})";
  int asked = 0;
  for (; client->unread_by_daemon() == 0; ++asked) client->send(request);
  EXPECT_THAT(asked, Gt(300));
  EXPECT_THAT(asked, Lt(1500));  // the daemon holds about 256 KiB, the kernel as much
  EXPECT_THAT(ids_of(client->rest()), SizeIs(static_cast<std::size_t>(asked)));
}

}  // namespace
}  // namespace dmjob::daemon
