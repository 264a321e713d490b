// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/client.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <string_view>

#include "tool/dmjob/interrupt.h"

namespace dmjob::cli {
namespace {

using nlohmann::json;
using namespace std::chrono_literals;

constexpr auto kConnectLimit = 10s;
// Queries are answered at once, changes when the volume is free; the daemon has its own time-outs.
constexpr auto kAnswerLimit = 120s;
constexpr auto kRetryPause = 250ms;
constexpr std::size_t kLongestLine = std::size_t{64} << 20;

int milliseconds_until(Deadline deadline) {
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(
      std::clamp<Clock::duration>(deadline - std::min(deadline, Clock::now()), 0s, 1h));
  return static_cast<int>(left.count());
}

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.empty() || path.size() >= sizeof(address.sun_path)) {
    throw CliError(kExitUsage, "--socket: '" + path +
                                   "' cannot be a socket's path; use one of 1 to " +
                                   std::to_string(sizeof(address.sun_path) - 1) + " bytes");
  }
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

bool is_utf8(const std::string& text) {
  try {
    json(text).dump();
  } catch (const json::type_error&) {
    return false;
  }
  return true;
}

// The first text in it that JSON has no bytes for; nullptr: there is none.
const std::string* find_not_utf8(const json& value) {
  if (value.is_string()) {
    const auto& text = value.get_ref<const std::string&>();
    return is_utf8(text) ? nullptr : &text;
  }
  if (!value.is_structured()) return nullptr;
  for (const json& member : value)
    if (const std::string* found = find_not_utf8(member)) return found;
  return nullptr;
}

std::string with_bytes_shown(const std::string& text) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string shown;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80)
      shown += c;
    else
      shown += {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
  }
  return shown;
}

// A name that is sent otherwise than it was given would be another file's.
void require_utf8(const json& arguments) {
  const std::string* found = find_not_utf8(arguments);
  if (found == nullptr) return;
  throw CliError(kExitUsage,
                 "'" + with_bytes_shown(*found) +
                     "' is not UTF-8, and the daemon is told names in UTF-8 only: make "
                     "a symbolic link of a plain name to it, or to its folder, and name "
                     "that");
}

}  // namespace

Client::Client(std::string path) : path_(std::move(path)) { open(); }

Client::~Client() { close(); }

void Client::close() {
  if (fd_ >= 0) ::close(fd_);
  fd_ = -1;
}

void Client::fail_to_connect(int error) const {
  const std::string why = std::strerror(error);
  if (error == EACCES || error == EPERM) {
    throw Disconnected(path_ + ": " + why +
                       "; run this as root, or a query as a member of the group dmjob");
  }
  throw Disconnected("no daemon answers at " + path_ + ": " + why +
                     "; start it (systemctl start dmjobd), or name its socket with --socket");
}

void Client::connect_socket(Deadline deadline) {
  const sockaddr_un address = address_of(path_);
  fd_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd_ < 0) fail_to_connect(errno);
  // The cast is what the sockets interface asks for.
  while (::connect(fd_, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0) {
    const int error = errno;
    // A full backlog; there is nothing to poll for.
    if ((error != EAGAIN && error != EINTR) || Clock::now() >= deadline) fail_to_connect(error);
    poll_interruptible(nullptr, 50);
  }
}

void Client::open() {
  close();
  buffer_.clear();
  scanned_ = 0;
  events_.clear();
  const Deadline deadline = Clock::now() + kConnectLimit;
  try {
    connect_socket(deadline);
    const auto greeting = receive(deadline);
    if (!greeting) fail_to_connect(ETIMEDOUT);
    if (greeting->contains("error"))
      throw CliError(kExitFailed, path_ + ": " + (*greeting)["error"].value("desc", "refused"));
    if (!greeting->contains("QMP")) throw CliError(kExitFailed, path_ + " is not a QMP socket");
    execute("qmp_capabilities");
  } catch (...) {
    close();
    throw;
  }
}

void Client::reconnect(Deadline deadline) {
  for (;;) {
    try {
      return open();
    } catch (const Disconnected&) {
      if (Clock::now() + kRetryPause >= deadline) throw;
    }
    poll_interruptible(nullptr, static_cast<int>(kRetryPause / 1ms));
  }
}

bool Client::wait_for(short what, Deadline deadline) {
  do {
    pollfd descriptor{fd_, what, 0};
    if (poll_interruptible(&descriptor, milliseconds_until(deadline))) return true;
  } while (Clock::now() < deadline);
  return false;
}

void Client::send(const std::string& text, Deadline deadline) {
  std::size_t sent = 0;
  while (sent < text.size()) {
    const ssize_t bytes = ::send(fd_, text.data() + sent, text.size() - sent, MSG_NOSIGNAL);
    if (bytes >= 0) {
      sent += static_cast<std::size_t>(bytes);
    } else if (errno == EAGAIN || errno == EINTR) {
      if (!wait_for(POLLOUT, deadline))
        throw Disconnected("the daemon at " + path_ + " reads nothing");
    } else {
      throw Disconnected("the connection to " + path_ + " broke: " + std::strerror(errno));
    }
  }
}

std::optional<std::string> Client::take_line() {
  const auto end = buffer_.find('\n', scanned_);
  scanned_ = buffer_.size();
  if (end == std::string::npos) return std::nullopt;
  std::string line = buffer_.substr(0, end);
  buffer_.erase(0, end + 1);
  scanned_ = 0;
  return line;
}

std::optional<json> Client::receive(Deadline deadline) {
  for (;;) {
    if (const auto line = take_line()) {
      json message = json::parse(*line, nullptr, false);
      if (!message.is_object()) throw CliError(kExitFailed, path_ + " does not speak QMP");
      return message;
    }
    if (buffer_.size() > kLongestLine) throw CliError(kExitFailed, path_ + " does not speak QMP");
    if (!wait_for(POLLIN, deadline)) return std::nullopt;
    std::array<char, 65536> chunk;
    const ssize_t bytes = ::recv(fd_, chunk.data(), chunk.size(), 0);
    if (bytes > 0) {
      buffer_.append(chunk.data(), static_cast<std::size_t>(bytes));
    } else if (bytes == 0 || (errno != EAGAIN && errno != EINTR)) {
      throw Disconnected("the daemon at " + path_ + " closed the connection; jobs are kept");
    }
  }
}

json Client::answer_to(std::uint64_t id, const std::string& command, Deadline deadline) {
  while (auto message = receive(deadline)) {
    if (message->contains("event")) {
      events_.push_back(std::move(*message));
      continue;
    }
    if (message->value("id", json()) != json(id) && message->contains("id")) continue;
    if (const auto error = message->find("error"); error != message->end()) {
      throw CommandError(error->value("class", "GenericError"),
                         error->value("desc", command + " failed"));
    }
    return message->value("return", json::object());
  }
  throw CliError(kExitTimedOut, "the daemon at " + path_ + " has not answered " + command +
                                    " within " + std::to_string(kAnswerLimit / 1s) +
                                    " s; what was asked may still happen, see `dmjob list`");
}

json Client::execute(const std::string& command, const json& arguments) {
  const std::uint64_t id = ++last_id_;
  const Deadline deadline = Clock::now() + kAnswerLimit;
  require_utf8(arguments);
  json request{{"execute", command}, {"id", id}};
  if (!arguments.empty()) request["arguments"] = arguments;
  send(request.dump(-1, ' ', true) + "\n", deadline);
  return answer_to(id, command, deadline);
}

json Client::ask_if_known(const std::string& command, const json& arguments) {
  try {
    return execute(command, arguments);
  } catch (const CommandError&) {
    return json::array();
  }
}

json Client::query_block_job(const std::string& id) {
  try {
    return execute("query-block-jobs", {{"device", id}});
  } catch (const CommandError&) {
    return execute("query-block-jobs");
  }
}

std::optional<json> Client::next_event(Deadline deadline) {
  while (events_.empty()) {
    auto message = receive(deadline);
    if (!message) return std::nullopt;
    if (message->contains("event")) events_.push_back(std::move(*message));
  }
  return queued_event();
}

std::optional<json> Client::queued_event() {
  if (events_.empty()) return std::nullopt;
  json event = std::move(events_.front());
  events_.pop_front();
  return event;
}

}  // namespace dmjob::cli
