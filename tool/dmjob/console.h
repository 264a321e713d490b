// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Where output goes: results to stdout; remarks and progress bars to stderr, bars on a terminal
// only. Thread: the only one.
#pragma once

#include <chrono>
#include <nlohmann/json.hpp>
#include <ostream>
#include <string>

namespace dmjob::cli {

struct ConsoleMode {
  bool json = false;      // stdout is JSON and nothing else
  bool quiet = false;     // no remarks, no bars
  bool terminal = false;  // stderr is one
};

class Console {
 public:
  Console(std::ostream& out, std::ostream& err) : out_(out), err_(err) {}
  ~Console() { clear(); }
  Console(const Console&) = delete;
  Console& operator=(const Console&) = delete;

  void set_mode(ConsoleMode mode) { mode_ = mode; }
  bool json() const { return mode_.json; }
  bool draws() const { return mode_.terminal && !mode_.quiet; }

  // For results; takes the bars away.
  std::ostream& out();
  // One line, at once: a reader may be waiting for it at the other end of a pipe.
  void print_line(const std::string& text);
  void print_json(const nlohmann::json& value);       // indented
  void print_json_line(const nlohmann::json& value);  // one line, at once
  // A line that need not be read.
  void remark(const std::string& text);
  void error(const std::string& text);

  // A bar for each job, in place of those drawn before; at most ten times a second.
  void draw(const std::vector<nlohmann::json>& jobs);
  void clear();

 private:
  std::ostream& out_;
  std::ostream& err_;
  ConsoleMode mode_;
  std::size_t lines_ = 0;
  std::chrono::steady_clock::time_point last_draw_;
};

}  // namespace dmjob::cli
