// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A blocking QMP client over a unix socket: it connects, negotiates, asks, and keeps the events
// that come meanwhile. Thread: the only one.
#pragma once

#include <chrono>
#include <cstdint>
#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "tool/dmjob/exit_status.h"

namespace dmjob::cli {

using Clock = std::chrono::steady_clock;
using Deadline = Clock::time_point;

// The daemon refused: its own words.
class CommandError : public CliError {
 public:
  CommandError(std::string error_class, const std::string& text)
      : CliError(kExitFailed, text), class_(std::move(error_class)) {}
  const std::string& error_class() const { return class_; }

 private:
  std::string class_;
};

// No daemon is there, or the connection broke.
class Disconnected : public CliError {
 public:
  explicit Disconnected(const std::string& text) : CliError(kExitNoDaemon, text) {}
};

class Client {
 public:
  // Connected and negotiated when it returns: from now on events are kept. Throws Disconnected.
  explicit Client(std::string path);
  ~Client();
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  // The answer. Throws CommandError, Disconnected.
  nlohmann::json execute(const std::string& command,
                         const nlohmann::json& arguments = nlohmann::json::object());
  // For what makes an answer better and is not the answer: QEMU, say, has no volumes. An empty list
  // if the command is refused.
  nlohmann::json ask_if_known(const std::string& command,
                              const nlohmann::json& arguments = nlohmann::json::object());
  // query-block-jobs, of one job only: a list that is empty if there is no such job. A daemon that
  // does not know the filter (QEMU's) answers with all.
  nlohmann::json query_block_job(const std::string& id);
  // The oldest event not yet given; nullopt at the deadline. Throws Disconnected.
  std::optional<nlohmann::json> next_event(Deadline deadline);
  // The same of those that came with the answers so far.
  std::optional<nlohmann::json> queued_event();
  // After Disconnected: tries until the deadline, then throws the last attempt's error. Events of
  // the old connection that were not given are dropped.
  void reconnect(Deadline deadline);

 private:
  void open();
  void close();
  void connect_socket(Deadline deadline);
  bool wait_for(short what, Deadline deadline);
  void send(const std::string& text, Deadline deadline);
  std::optional<nlohmann::json> receive(Deadline deadline);
  std::optional<std::string> take_line();
  nlohmann::json answer_to(std::uint64_t id, const std::string& command, Deadline deadline);
  [[noreturn]] void fail_to_connect(int error) const;

  std::string path_;
  int fd_ = -1;
  std::uint64_t last_id_ = 0;
  std::string buffer_;
  std::size_t scanned_ = 0;  // bytes of buffer_ known to hold no newline
  std::deque<nlohmann::json> events_;
};

}  // namespace dmjob::cli
