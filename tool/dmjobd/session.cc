// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/session.h"

#include <poll.h>

#include <boost/asio/buffer.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/redirect_error.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/system/error_code.hpp>
#include <string_view>
#include <system_error>
#include <utility>

#include "libjob/core/error.h"
#include "tool/dmjobd/commands.h"

namespace dmjob::daemon {

namespace asio = boost::asio;
using boost::system::error_code;
using core::Error;
using core::ErrorClass;
using nlohmann::json;

std::shared_ptr<Session> Session::start(Socket socket, Daemon& daemon, Access access, Ended ended) {
  std::shared_ptr<Session> self(new Session(std::move(socket), daemon, access, std::move(ended)));
  self->send(to_line(greeting()));
  self->spawn(self->read_requests());
  self->spawn(self->run_requests());
  return self;
}

Session::Session(Socket socket, Daemon& daemon, Access access, Ended ended)
    : daemon_(daemon),
      access_(access),
      ended_(std::move(ended)),
      socket_(std::move(socket)),
      changed_(socket_.get_executor()) {}

void Session::finish() {
  at_end_ = true;
  if (!requests_.empty()) requests_.erase(requests_.begin() + (running_ ? 1 : 0), requests_.end());
  error_code ignored;  // the client may have gone
  socket_.shutdown(Socket::shutdown_receive, ignored);
  changed_.notify();
}

void Session::close() {
  if (closed_) return;
  closed_ = true;
  at_end_ = true;
  if (subscription_) daemon_.events().unsubscribe(*subscription_);
  error_code ignored;
  socket_.close(ignored);
  changed_.notify();
}

// Not one that only has no more to say: that waits for the answer.
bool Session::has_left() {
  pollfd client{.fd = socket_.native_handle(), .events = 0, .revents = 0};
  return closed_ || (poll(&client, 1, 0) > 0 && (client.revents & (POLLHUP | POLLERR)) != 0);
}

void Session::spawn(asio::awaitable<void> part) {
  ++parts_;
  auto ended = [self = shared_from_this()](std::exception_ptr error) { self->part_ended(error); };
  asio::co_spawn(socket_.get_executor(), std::move(part), std::move(ended));
}

void Session::part_ended(std::exception_ptr error) {
  if (error) close();  // out of memory: the other part ends, too
  if (--parts_ == 0) ended_(*this);
}

asio::awaitable<void> Session::read_requests() {
  while (!at_end_) {
    error_code error;
    auto token = asio::redirect_error(asio::use_awaitable, error);
    const std::size_t bytes =
        co_await socket_.async_read_some(asio::buffer(chunk_), std::move(token));
    if (error) break;
    parser_.feed(std::string_view(chunk_.data(), bytes));
    co_await queue_requests();
  }
  at_end_ = true;
  changed_.notify();
}

asio::awaitable<void> Session::queue_requests() {
  for (auto message = parser_.next(); message; message = parser_.next()) {
    while (!at_end_ && is_full()) co_await changed_.wait();
    if (at_end_) co_return;
    const auto* error = std::get_if<ParseError>(&*message);
    at_end_ = error != nullptr && error->fatal;
    if (error == nullptr && oob_enabled_ && is_out_of_band(std::get<json>(*message))) {
      auto answered = answer(*std::move(message));
      co_await std::move(answered);
    } else {
      requests_.push_back(*std::move(message));
      changed_.notify();
    }
  }
}

asio::awaitable<void> Session::run_requests() {
  for (;;) {
    const auto may_run = [&] { return !requests_.empty() && unread() <= kMaxUnread; };
    const auto is_done = [&] { return closed_ || (at_end_ && requests_.empty()); };
    while (!is_done() && !may_run()) co_await changed_.wait();
    if (is_done()) break;
    running_ = true;
    auto answered = answer(std::move(requests_.front()));
    co_await std::move(answered);
    running_ = false;
    requests_.pop_front();
    changed_.notify();
  }
  while (!closed_ && unread() > 0) co_await changed_.wait();
  close();
}

// The one place where an error becomes an answer.
asio::awaitable<void> Session::answer(QmpMessage message) {
  std::optional<json> id;
  std::string line;
  try {
    if (const auto* error = std::get_if<ParseError>(&message)) throw Error(error->text);
    json& text = std::get<json>(message);
    id = request_id(text);
    Request request = read_request(std::move(text), oob_enabled_);
    auto executed = execute(std::move(request));
    const Reply reply = co_await std::move(executed);
    line = return_line(reply, id);
  } catch (const Error& error) {
    line = error_line(error, id);
  } catch (const std::system_error& error) {  // it names its disk or file
    line = error_line(Error(error.what()), id);
  } catch (const std::exception& error) {
    line = error_line(Error(std::string("Internal error: ") + error.what()), id);
  }
  send(line);
}

asio::awaitable<Reply> Session::execute(Request request) {
  if (!negotiated_) {
    negotiate(request);
    co_return Reply(json::object());
  }
  request.wanted = Wanted([this] { return !has_left(); });
  auto running = run_command(daemon_, access_, std::move(request));
  Reply reply = co_await std::move(running);
  co_return reply;
}

// Until it succeeds there is no other command, and there are no events.
void Session::negotiate(const Request& request) {
  const std::string_view name = "qmp_capabilities";
  if (request.command != name) {
    throw Error("Expecting capabilities negotiation with 'qmp_capabilities'",
                ErrorClass::kCommandNotFound);
  }
  const Arguments arguments(request.arguments, find_command(name)->parameters);
  const auto wanted = arguments.texts_if("enable");
  for (const std::string& capability : wanted) {
    if (capability != "oob") throw Error("Capability '" + capability + "' is not known");
  }
  oob_enabled_ = !wanted.empty();
  negotiated_ = true;
  subscribe();
}

void Session::subscribe() {
  auto to_client = [weak = weak_from_this()](const core::Event& event) {
    if (const auto self = weak.lock()) self->send_event(event);
  };
  subscription_ = daemon_.events().subscribe(std::move(to_client));
}

void Session::send(const std::string& line) {
  if (closed_) return;
  output_ += line;
  write_some();
}

void Session::send_event(const core::Event& event) {
  if (unread_events_ > kMaxUnread) {
    close();
    return;
  }
  const std::string line = event.text + std::string(kLineEnd);
  unread_events_ += line.size();
  send(line);
}

void Session::write_some() {
  if (closed_ || output_.empty() || !being_written_.empty()) return;
  being_written_.swap(output_);
  unread_events_ = 0;
  auto written = [self = shared_from_this()](error_code error, std::size_t /*bytes*/) {
    self->being_written_.clear();
    if (error) self->close();
    self->write_some();
    self->changed_.notify();
  };
  asio::async_write(socket_, asio::buffer(being_written_), std::move(written));
}

}  // namespace dmjob::daemon
