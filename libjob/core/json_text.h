// SPDX-License-Identifier: LGPL-2.1-or-later
//
// JSON as text, as it goes over the wire. What is long and seldom changes (the records of a
// thousand jobs) is kept as text and put together as text: building and printing the tree takes the
// reactor a hundred times as long.
// Thread: any (values).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace dmjob::core {

// One line, ASCII. Bytes that are not UTF-8 become U+FFFD.
std::string to_text(const nlohmann::json& value);

// An array, member by member.
class ListText {
 public:
  void add(std::string_view member) {
    text_ += text_.empty() ? '[' : ',';
    text_ += member;
  }
  std::string text() const { return text_.empty() ? "[]" : text_ + ']'; }

 private:
  std::string text_;
};

}  // namespace dmjob::core
