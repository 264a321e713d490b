// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/qmp_parser.h"

#include <utility>

#include "tool/dmjobd/strict_json.h"

namespace dmjob::daemon {
namespace {

bool is_line_end(char c) { return c == '\n' || c == '\r'; }

bool is_space(char c) { return c == ' ' || c == '\t' || is_line_end(c); }

bool forces_reset(char c) {
  const auto byte = static_cast<unsigned char>(c);
  return (byte < 0x20 && !is_space(c)) || byte >= 0xFE;
}

}  // namespace

void QmpParser::feed(std::string_view bytes) {
  input_.erase(0, position_);
  position_ = 0;
  if (!failed_) input_ += bytes;
}

std::optional<QmpMessage> QmpParser::next() {
  while (!failed_ && position_ < input_.size()) {
    if (auto message = take(input_[position_++])) return message;
  }
  return std::nullopt;
}

QmpParser::Result QmpParser::take(char c) {
  if (forces_reset(c)) return complain("JSON parse error, stray control character or byte");
  if (quote_ != 0 && is_line_end(c)) {
    Result error = complain("JSON parse error, line end within a string");
    skipping_ = false;  // the next line is read afresh
    return error;
  }
  if (text_.size() >= kMaxRequest) {
    return fail("Request is longer than " + std::to_string(kMaxRequest) + " bytes");
  }
  return quote_ != 0 ? take_in_string(c) : take_outside(c);
}

QmpParser::Result QmpParser::take_outside(char c) {
  switch (c) {
    case '{':
    case '[':
      return open(c);
    case '}':
    case ']':
      return close(c);
    case '"':
    case '\'':
      skipping_ = false;
      quote_ = c;
      text_ += '"';
      return std::nullopt;
    default:
      break;
  }
  if (!idle()) {
    text_ += c;
  } else if (is_line_end(c)) {
    skipping_ = false;
  } else if (!is_space(c)) {
    return complain(std::string("JSON parse error, stray '") + c + "'");
  }
  return std::nullopt;
}

QmpParser::Result QmpParser::take_in_string(char c) {
  if (escaped_) {
    escaped_ = false;
    if (c == '\'') text_.pop_back();  // \' is not in JSON, and needs no backslash in "..."
    text_ += c;
  } else if (c == quote_) {
    quote_ = 0;
    text_ += '"';
    if (idle()) return finish();
  } else {
    escaped_ = c == '\\';
    if (c == '"') text_ += '\\';  // within '...'
    text_ += c;
  }
  return std::nullopt;
}

QmpParser::Result QmpParser::open(char bracket) {
  if (closers_.size() >= kMaxDepth) {
    return fail("Request is nested deeper than " + std::to_string(kMaxDepth));
  }
  skipping_ = false;
  closers_ += bracket == '{' ? '}' : ']';
  text_ += bracket;
  return std::nullopt;
}

QmpParser::Result QmpParser::close(char bracket) {
  if (closers_.empty() || closers_.back() != bracket) {
    return complain(std::string("JSON parse error, stray '") + bracket + "'");
  }
  closers_.pop_back();
  text_ += bracket;
  return closers_.empty() ? finish() : std::nullopt;
}

QmpParser::Result QmpParser::finish() {
  auto parsed = parse_strict_json(text_);
  forget();
  if (auto* fault = std::get_if<JsonFault>(&parsed)) return ParseError{std::move(fault->text)};
  return QmpMessage(std::in_place_type<nlohmann::json>,
                    std::move(std::get<nlohmann::json>(parsed)));
}

// One error for a run of stray bytes, however long; an error within a value is always told.
QmpParser::Result QmpParser::complain(std::string text) {
  const bool told = skipping_ && idle();
  forget();
  skipping_ = true;
  if (told) return std::nullopt;
  return ParseError{std::move(text)};
}

QmpParser::Result QmpParser::fail(std::string text) {
  forget();
  failed_ = true;
  return ParseError{std::move(text), true};
}

void QmpParser::forget() {
  text_.clear();
  closers_.clear();
  quote_ = 0;
  escaped_ = false;
}

}  // namespace dmjob::daemon
