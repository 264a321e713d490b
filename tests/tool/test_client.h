// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The client's end of a connection to a session that runs on the test's reactor.
// Thread: the test's.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "tests/support/reactor.h"

namespace dmjob::test {

class TestClient {
 public:
  // Takes over the socket.
  TestClient(Reactor& reactor, int socket);
  ~TestClient() { hang_up(); }
  TestClient(const TestClient&) = delete;
  TestClient& operator=(const TestClient&) = delete;

  // Sends all, and lets the reactor run until nothing moves.
  void send(std::string_view bytes);
  // send(), and the next line that comes.
  nlohmann::json ask(std::string_view bytes);
  // The next line, waited for; null at the end of the connection.
  nlohmann::json next();
  // All lines that are there once nothing moves.
  std::vector<nlohmann::json> rest();
  // Reads the greeting and negotiates.
  void negotiate(std::string_view arguments = "{}");

  bool is_closed();
  std::size_t unread_by_daemon() const;
  void end_requests();  // half-close
  void hang_up();

 private:
  void receive();
  nlohmann::json take_line();
  bool has_line() const { return received_.find("\r\n") != std::string::npos; }

  Reactor& reactor_;
  int socket_;
  bool ended_ = false;
  std::string received_;
};

}  // namespace dmjob::test
