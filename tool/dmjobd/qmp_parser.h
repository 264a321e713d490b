// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Cuts a client's byte stream into JSON values. Requests need no line ends: a value is complete
// when its brackets are closed. So the parser counts brackets outside strings, and leaves what is
// between them to the JSON parser.
//
//   feed(bytes); while (auto message = next()) { ... }
//
// What brings it back to a known state after broken input: a control character other than tab and
// line ends, or a byte 0xFE or 0xFF, anywhere; a line end within a string. What was begun is then
// one ParseError. Bytes between requests that begin no value are one error up to the line's end.
// Single-quoted strings are taken too, as QEMU does, and become double-quoted ones.
//
// A request that is too long or too deep is fatal: where the next one begins is not known, and a
// part of it must not be taken for a request.
//
// Thread: any, one at a time.
#pragma once

#include <cstddef>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

namespace dmjob::daemon {

struct ParseError {
  std::string text;    // one line for the client
  bool fatal = false;  // nothing more comes out of this parser
};

using QmpMessage = std::variant<nlohmann::json, ParseError>;

class QmpParser {
 public:
  static constexpr std::size_t kMaxRequest = 64 * 1024;  // bytes
  static constexpr std::size_t kMaxDepth = 64;           // brackets open at once

  // Keeps a copy until next() has gone through it.
  void feed(std::string_view bytes);
  // The next value or error; nullopt: more bytes are needed.
  std::optional<QmpMessage> next();

 private:
  using Result = std::optional<QmpMessage>;

  Result take(char c);
  Result take_outside(char c);
  Result take_in_string(char c);
  Result open(char bracket);
  Result close(char bracket);
  Result finish();
  Result complain(std::string text);
  Result fail(std::string text);
  void forget();
  bool idle() const { return closers_.empty() && quote_ == 0; }

  std::string input_;
  std::size_t position_ = 0;  // in input_

  std::string text_;       // the value so far, its strings double-quoted
  std::string closers_;    // what the open brackets wait for, outermost first
  char quote_ = 0;         // of the string that is open; 0: none
  bool escaped_ = false;   // the last character of the string was a backslash
  bool skipping_ = false;  // between values, after an error about them
  bool failed_ = false;
};

}  // namespace dmjob::daemon
