// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Accepts the clients and keeps their sessions.
//
//   auto server = Server::start(executor, daemon, std::move(listener), gatekeeper);
//   ...
//   co_await server->stop(limit);
//
// Thread: the reactor. The daemon outlives the server, and every command that a session has begun:
// so it goes only after stop() has returned true.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <set>
#include <string>

#include "libjob/core/clock.h"
#include "libjob/core/signal.h"
#include "tool/dmjobd/daemon.h"
#include "tool/dmjobd/listener.h"
#include "tool/dmjobd/peer.h"
#include "tool/dmjobd/session.h"

namespace dmjob::daemon {

class Server : public std::enable_shared_from_this<Server> {
 public:
  // What the client behind a connected socket may do. May throw: it is refused.
  using Gatekeeper = std::function<Access(int socket)>;

  // Clients that may only query do not get the last places, so that they cannot lock out root.
  static constexpr std::size_t kMaxClients = 1000;
  static constexpr std::size_t kMaxQueryClients = 900;

  static std::shared_ptr<Server> start(boost::asio::any_io_executor executor, Daemon& daemon,
                                       Listener listener, Gatekeeper gatekeeper);

  // Accepts no client any more, removes the socket's file, lets each session answer what is under
  // way, and closes them all. Returns within about `limit`; false if a command is still under way
  // then.
  boost::asio::awaitable<bool> stop(core::Duration limit);

 private:
  Server(boost::asio::any_io_executor executor, Daemon& daemon, Listener listener,
         Gatekeeper gatekeeper);
  boost::asio::awaitable<void> accept_clients();
  void admit(Session::Socket socket);
  std::string why_not(Access access) const;
  std::size_t query_clients() const;
  boost::asio::awaitable<void> wait_for_sessions(core::Duration limit);

  boost::asio::any_io_executor executor_;
  Daemon& daemon_;
  Gatekeeper gatekeeper_;
  std::optional<Listener> listener_;
  boost::asio::local::stream_protocol::acceptor acceptor_;
  std::set<std::shared_ptr<Session>> sessions_;
  core::Signal left_;  // a session has ended
};

}  // namespace dmjob::daemon
