// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <filesystem>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "tests/support/reactor.h"
#include "tests/support/temp_folder.h"
#include "tests/tool/fake_daemon.h"
#include "tests/tool/test_client.h"

namespace dmjob::daemon {
namespace {

using nlohmann::json;
using test::TestClient;
using ::testing::HasSubstr;

constexpr core::Duration kMoment = std::chrono::milliseconds(20);
constexpr const char* kCopy =
    R"({"execute":"blockdev-mirror","arguments":{"device":"d","target":"/t","sync":"full"}})";

class ServerTest : public ::testing::Test {
 protected:
  ServerTest() {
    server_ = Server::start(reactor_.executor(), daemon_, Listener::bind(path(), std::nullopt),
                            [this](int) { return decide(); });
  }
  ~ServerTest() override { stop(kMoment); }

  std::unique_ptr<TestClient> connect() {
    const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path().copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (::connect(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0) {
      ::close(fd);
      return nullptr;
    }
    reactor_.settle();
    return std::make_unique<TestClient>(reactor_, fd);
  }
  std::vector<std::unique_ptr<TestClient>> connect_many(std::size_t clients) {
    std::vector<std::unique_ptr<TestClient>> all;
    for (std::size_t i = 0; i < clients; ++i) all.push_back(connect());
    return all;
  }
  bool stop(core::Duration limit) {
    bool clean = false;
    reactor_.run(stop_into(limit, clean));
    return clean;
  }
  std::string path() const { return folder_.path("qmp.sock"); }

  test::Reactor reactor_;
  test::FakeDaemon daemon_{reactor_.executor()};
  Access access_ = Access::kAll;
  bool fails_ = false;  // the look at the peer

 private:
  Access decide() const {
    if (fails_) throw std::runtime_error("no credentials");
    return access_;
  }
  boost::asio::awaitable<void> stop_into(core::Duration limit, bool& clean) {
    clean = co_await server_->stop(limit);
  }

  test::TempFolder folder_;
  std::shared_ptr<Server> server_;
};

TEST_F(ServerTest, GreetsEachClient) {
  auto first = connect();
  auto second = connect();
  EXPECT_TRUE(first->next().contains("QMP"));
  EXPECT_TRUE(second->next().contains("QMP"));
}

TEST_F(ServerTest, AStrangerGetsOneErrorAndNoMore) {
  access_ = Access::kNone;
  auto client = connect();
  EXPECT_EQ(client->next()["error"]["class"], "GenericError");
  EXPECT_TRUE(client->next().is_null());
}

TEST_F(ServerTest, AClientWhoseCredentialsAreUnknownIsRefused) {
  fails_ = true;
  EXPECT_EQ(connect()->next()["error"]["desc"], "no credentials");
  fails_ = false;
  EXPECT_TRUE(connect()->next().contains("QMP"));
}

TEST_F(ServerTest, TooManyClientsAreRefusedUntilOneLeaves) {
  auto clients = connect_many(Server::kMaxClients);
  EXPECT_THAT(connect()->next()["error"]["desc"].dump(), HasSubstr("Too many clients: 1000 "));
  clients.pop_back();
  EXPECT_TRUE(connect()->next().contains("QMP"));
}

TEST_F(ServerTest, ClientsThatOnlyQueryDoNotLockOutRoot) {
  access_ = Access::kQuery;
  auto clients = connect_many(Server::kMaxQueryClients);
  EXPECT_TRUE(connect()->next().contains("error"));
  access_ = Access::kAll;
  EXPECT_TRUE(connect()->next().contains("QMP"));
}

TEST_F(ServerTest, StopClosesAllAndRemovesTheSocket) {
  auto client = connect();
  client->negotiate();
  EXPECT_TRUE(stop(kMoment));
  EXPECT_TRUE(client->is_closed());
  EXPECT_FALSE(std::filesystem::exists(path()));
  EXPECT_EQ(connect(), nullptr);
}

TEST_F(ServerTest, StopTellsThatACommandIsStillUnderWay) {
  auto client = connect();
  client->negotiate();
  daemon_.hold_copies = true;
  client->send(kCopy);
  EXPECT_FALSE(stop(kMoment));
  EXPECT_TRUE(client->is_closed());
  daemon_.release_copies();
  EXPECT_TRUE(stop(kMoment));
  EXPECT_EQ(daemon_.copies_done, 0);
}

TEST_F(ServerTest, StopLetsTheCommandUnderWayAnswer) {
  auto client = connect();
  client->negotiate();
  daemon_.hold_copies = true;
  client->send(kCopy);
  boost::asio::post(reactor_.executor(), [this] { daemon_.release_copies(); });
  EXPECT_TRUE(stop(std::chrono::seconds(10)));
  EXPECT_EQ(client->rest().back().dump(), R"({"return":{}})");
}

}  // namespace
}  // namespace dmjob::daemon
