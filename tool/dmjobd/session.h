// SPDX-License-Identifier: LGPL-2.1-or-later
//
// One client: greeting, negotiation, requests, events.
//
// Requests are run one after the other in the order in which they came, so a client may rely on the
// first when it sends the second; with kMaxRequests under way no more is read. A query sent with
// exec-oob is answered at once, past those that wait: that is how a client with one connection
// looks at a daemon that is busy for it.
//
// A client that does not read: with kMaxUnread bytes waiting for it no further request is run, and
// with as many bytes of events waiting it is disconnected. To leave events out instead would let it
// wait for ever for one that was left out; so it notices, connects again, and asks query-events.
//
// A connection that ends cancels nothing that has begun. What the client had sent is done as long
// as it waits for the answer (`echo ... | nc` works); what makes or ends something is dropped if
// the client is gone before that begins. After close(), only the command under way goes on, and its
// answer is dropped.
//
// Thread: the reactor. The session owns itself while it has something to do; the daemon outlives
// it.
#pragma once

#include <array>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <cstddef>
#include <deque>
#include <exception>
#include <functional>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "libjob/core/event.h"
#include "libjob/core/signal.h"
#include "tool/dmjobd/daemon.h"
#include "tool/dmjobd/peer.h"
#include "tool/dmjobd/qmp_message.h"
#include "tool/dmjobd/qmp_parser.h"

namespace dmjob::daemon {

class Session : public std::enable_shared_from_this<Session> {
 public:
  using Socket = boost::asio::local::stream_protocol::socket;
  using Ended = std::function<void(Session&)>;

  static constexpr std::size_t kMaxRequests = 8;
  static constexpr std::size_t kMaxUnread = 256 * 1024;  // bytes; of locked memory, a client

  // `ended` is called once, later, when the connection is closed and no command is under way.
  static std::shared_ptr<Session> start(Socket socket, Daemon& daemon, Access access, Ended ended);
  Session(const Session&) = delete;
  Session& operator=(const Session&) = delete;

  Access access() const { return access_; }

  // Takes no further requests, forgets those that wait, answers the one under way, then closes.
  void finish();
  // Closes now.
  void close();

 private:
  Session(Socket socket, Daemon& daemon, Access access, Ended ended);
  void spawn(boost::asio::awaitable<void> part);
  void part_ended(std::exception_ptr error);

  boost::asio::awaitable<void> read_requests();
  boost::asio::awaitable<void> queue_requests();
  boost::asio::awaitable<void> run_requests();
  boost::asio::awaitable<void> answer(QmpMessage message);
  boost::asio::awaitable<Reply> execute(Request request);
  bool has_left();
  void negotiate(const Request& request);
  void subscribe();

  void send(const std::string& line);
  void send_event(const core::Event& event);
  void write_some();
  std::size_t unread() const { return output_.size() + being_written_.size(); }
  bool is_full() const { return requests_.size() >= kMaxRequests || unread() > kMaxUnread; }

  Daemon& daemon_;
  const Access access_;
  Ended ended_;
  Socket socket_;
  core::Signal changed_;  // whatever a part of this may wait for
  int parts_ = 0;         // coroutines that run

  std::array<char, 4096> chunk_{};
  QmpParser parser_;
  std::deque<QmpMessage> requests_;  // the front one stays while it runs
  bool running_ = false;             // the front one does
  bool at_end_ = false;              // no more requests come
  bool closed_ = false;

  bool negotiated_ = false;
  bool oob_enabled_ = false;
  std::optional<core::EventBus::Token> subscription_;

  std::string output_;
  std::string being_written_;
  std::size_t unread_events_ = 0;  // bytes of them in output_
};

}  // namespace dmjob::daemon
