// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/strict_json.h"

#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace dmjob::daemon {
namespace {

using nlohmann::json;

constexpr std::size_t kShownToken = 40;

// Builds the value from the parser's calls; a call that returns false ends the parse.
class Builder : public nlohmann::json_sax<json> {
 public:
  bool null() override { return put(nullptr); }
  bool boolean(bool value) override { return put(value); }
  bool number_integer(std::int64_t value) override { return put(value); }
  bool number_unsigned(std::uint64_t value) override { return put(value); }
  bool number_float(double value, const std::string& /*text*/) override { return put(value); }
  bool string(std::string& value) override { return put(std::move(value)); }
  bool binary(json::binary_t& /*value*/) override { return false; }  // not in JSON text

  bool start_object(std::size_t /*size*/) override { return open(json::object()); }
  bool end_object() override { return close(); }
  bool start_array(std::size_t /*size*/) override { return open(json::array()); }
  bool end_array() override { return close(); }

  bool key(std::string& name) override {
    if (open_.back()->contains(name)) {
      fault_ = "JSON parse error, key '" + name + "' is there twice";
      return false;
    }
    key_ = std::move(name);
    return true;
  }

  bool parse_error(std::size_t /*position*/, const std::string& last_token,
                   const nlohmann::detail::exception& error) override {
    const bool is_utf8 = std::string_view(error.what()).find("UTF-8") == std::string_view::npos;
    if (!is_utf8)
      fault_ = "JSON parse error, a string is not UTF-8";
    else
      fault_ = "JSON parse error near '" + last_token.substr(0, kShownToken) + "'";
    return false;
  }

  json take_value() { return std::move(root_); }
  std::string take_fault() { return std::move(fault_); }

 private:
  json* place(json value) {
    if (open_.empty()) {
      root_ = std::move(value);
      return &root_;
    }
    json& parent = *open_.back();
    if (parent.is_array()) {
      parent.push_back(std::move(value));
      return &parent.back();
    }
    return &(parent[key_] = std::move(value));
  }

  bool put(json value) {
    place(std::move(value));
    return true;
  }

  // The pointers stay good: a parent gets no further member before its open child is closed.
  bool open(json container) {
    open_.push_back(place(std::move(container)));
    return true;
  }

  bool close() {
    open_.pop_back();
    return true;
  }

  json root_;
  std::vector<json*> open_;
  std::string key_;  // of the member whose value comes next
  std::string fault_;
};

}  // namespace

std::variant<json, JsonFault> parse_strict_json(std::string_view text) {
  Builder builder;
  if (json::sax_parse(text, &builder)) return builder.take_value();
  return JsonFault{builder.take_fault()};
}

}  // namespace dmjob::daemon
