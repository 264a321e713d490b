// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/tool/test_client.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <utility>

namespace dmjob::test {

using nlohmann::json;

TestClient::TestClient(Reactor& reactor, int socket) : reactor_(reactor), socket_(socket) {
  ::fcntl(socket_, F_SETFL, ::fcntl(socket_, F_GETFL) | O_NONBLOCK);
}

void TestClient::send(std::string_view bytes) {
  while (!bytes.empty()) {
    const auto sent = ::send(socket_, bytes.data(), bytes.size(), MSG_NOSIGNAL);
    reactor_.settle();
    if (sent < 0) return;  // full, or the daemon has hung up: a test that cares looks
    bytes.remove_prefix(static_cast<std::size_t>(sent));
  }
}

json TestClient::ask(std::string_view bytes) {
  send(bytes);
  return next();
}

json TestClient::next() {
  reactor_.run_until([this] {
    receive();
    return has_line() || ended_;
  });
  return has_line() ? take_line() : json();
}

std::vector<json> TestClient::rest() {
  std::vector<json> lines;
  for (std::size_t before = received_.size() + 1; before != received_.size();) {
    before = received_.size();
    reactor_.settle();
    receive();
  }
  while (has_line()) lines.push_back(take_line());
  return lines;
}

void TestClient::negotiate(std::string_view arguments) {
  next();
  ask(R"({"execute":"qmp_capabilities","arguments":)" + std::string(arguments) + "}");
}

bool TestClient::is_closed() {
  reactor_.settle();
  receive();
  return ended_;
}

std::size_t TestClient::unread_by_daemon() const {
  int bytes = 0;
  ::ioctl(socket_, SIOCOUTQ, &bytes);
  return static_cast<std::size_t>(bytes);
}

void TestClient::end_requests() {
  ::shutdown(socket_, SHUT_WR);
  reactor_.settle();
}

void TestClient::hang_up() {
  if (socket_ < 0) return;
  ::close(std::exchange(socket_, -1));
  reactor_.settle();
}

void TestClient::receive() {
  std::array<char, 65536> chunk;
  ssize_t bytes = 0;
  while ((bytes = ::recv(socket_, chunk.data(), chunk.size(), 0)) > 0) {
    received_.append(chunk.data(), static_cast<std::size_t>(bytes));
  }
  if (bytes == 0 || errno == ECONNRESET) ended_ = true;
}

json TestClient::take_line() {
  const std::size_t end = received_.find("\r\n");
  json line = json::parse(received_.substr(0, end));
  received_.erase(0, end + 2);
  return line;
}

}  // namespace dmjob::test
