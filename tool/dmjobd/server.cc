// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/server.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/system/error_code.hpp>
#include <cerrno>
#include <exception>
#include <system_error>
#include <utility>

#include "libjob/core/error.h"
#include "tool/dmjobd/qmp_message.h"

namespace dmjob::daemon {
namespace {

namespace asio = boost::asio;
using boost::system::error_code;
using core::Duration;

// Asio closes what it is given; the Listener keeps its own.
int duplicate(int socket) {
  const int fd = ::fcntl(socket, F_DUPFD_CLOEXEC, 3);
  if (fd < 0) throw std::system_error(errno, std::generic_category(), "listening socket");
  return fd;
}

// Into the empty buffer of a new connection, so it is there whole or the client is gone.
void refuse(Session::Socket socket, const std::string& reason) {
  const std::string line = error_line(core::Error(reason), std::nullopt);
  ::send(socket.native_handle(), line.data(), line.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
}

}  // namespace

std::shared_ptr<Server> Server::start(asio::any_io_executor executor, Daemon& daemon,
                                      Listener listener, Gatekeeper gatekeeper) {
  std::shared_ptr<Server> self(
      new Server(std::move(executor), daemon, std::move(listener), std::move(gatekeeper)));
  auto ended = [self](std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  };
  asio::co_spawn(self->executor_, self->accept_clients(), std::move(ended));
  return self;
}

Server::Server(asio::any_io_executor executor, Daemon& daemon, Listener listener,
               Gatekeeper gatekeeper)
    : executor_(std::move(executor)),
      daemon_(daemon),
      gatekeeper_(std::move(gatekeeper)),
      listener_(std::move(listener)),
      acceptor_(executor_, asio::local::stream_protocol(), duplicate(listener_->socket())),
      left_(executor_) {}

asio::awaitable<bool> Server::stop(Duration limit) {
  const auto self = shared_from_this();
  error_code ignored;
  acceptor_.close(ignored);
  listener_.reset();
  for (const auto& session : sessions_) session->finish();
  co_await wait_for_sessions(limit);
  for (const auto& session : sessions_) session->close();
  // What does not wait for a command ends in the next turns of the reactor.
  co_await wait_for_sessions(std::chrono::milliseconds(100));
  co_return sessions_.empty();
}

asio::awaitable<void> Server::accept_clients() {
  while (acceptor_.is_open()) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    Session::Socket socket = co_await acceptor_.async_accept(std::move(token));
    if (!acceptor_.is_open()) break;  // stopped, maybe with a client in hand
    if (!error) {
      admit(std::move(socket));
    } else {
      // Out of descriptors or memory: until a client leaves, or a moment has gone by.
      co_await left_.wait_for(std::chrono::milliseconds(100));
    }
  }
}

void Server::admit(Session::Socket socket) {
  try {
    const Access access = gatekeeper_(socket.native_handle());
    const std::string reason = why_not(access);
    if (!reason.empty()) {
      refuse(std::move(socket), reason);
      return;
    }
    auto ended = [weak = weak_from_this()](Session& session) {
      const auto self = weak.lock();
      if (!self) return;
      self->sessions_.erase(session.shared_from_this());
      self->left_.notify();
    };
    sessions_.insert(Session::start(std::move(socket), daemon_, access, std::move(ended)));
  } catch (const std::exception& error) {
    if (socket.is_open()) refuse(std::move(socket), error.what());
  }
}

std::string Server::why_not(Access access) const {
  if (access == Access::kNone) return "You are neither root nor a member of the group dmjob";
  const bool may_query = access == Access::kQuery;
  const bool full = may_query && query_clients() >= kMaxQueryClients;
  if (!full && sessions_.size() < kMaxClients) return "";
  return "Too many clients: " + std::to_string(sessions_.size()) +
         " are connected; close one, or try again later";
}

std::size_t Server::query_clients() const {
  const auto may_query = [](const auto& session) { return session->access() == Access::kQuery; };
  return static_cast<std::size_t>(std::ranges::count_if(sessions_, may_query));
}

asio::awaitable<void> Server::wait_for_sessions(Duration limit) {
  const auto end = std::chrono::steady_clock::now() + limit;
  for (;;) {
    const Duration rest = end - std::chrono::steady_clock::now();
    if (sessions_.empty() || rest <= Duration::zero()) co_return;
    co_await left_.wait_for(rest);
  }
}

}  // namespace dmjob::daemon
