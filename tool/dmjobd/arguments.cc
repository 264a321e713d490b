// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/arguments.h"

#include <algorithm>
#include <limits>
#include <ranges>
#include <utility>

#include "libjob/core/error.h"

namespace dmjob::daemon {
namespace {

using core::Error;
using nlohmann::json;

std::string in_quotes(std::string_view name) { return "'" + std::string(name) + "'"; }

bool is_text(const json& value) {
  // A NUL would end the path that the kernel sees before the one that was checked.
  return value.is_string() && value.get_ref<const std::string&>().find('\0') == std::string::npos;
}

bool is_integer(const json& value) {
  constexpr auto kMax = static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max());
  return value.is_number_unsigned() ? value.get<std::uint64_t>() <= kMax
                                    : value.is_number_integer();
}

bool is_among(std::string_view words, std::string_view value) {
  return std::ranges::any_of(std::views::split(words, ' '),
                             [&](auto word) { return std::ranges::equal(word, value); });
}

bool has_type(const json& value, Type type) {
  switch (type) {
    case Type::kText:
    case Type::kWord:
      return is_text(value);
    case Type::kTexts:
      return value.is_array() && std::ranges::all_of(value, is_text);
    case Type::kFlag:
      return value.is_boolean();
    case Type::kInteger:
      return is_integer(value);
    case Type::kSize:
      return value.is_number_unsigned();
    case Type::kObject:
      return value.is_object();
    case Type::kObjects:
      return value.is_array() && std::ranges::all_of(value, &json::is_object);
    case Type::kUnsupported:
      break;
  }
  return false;
}

void check_value(const json& value, const Parameter& parameter) {
  const std::string name = in_quotes(parameter.name);
  if (parameter.type == Type::kUnsupported) {
    throw Error("Parameter " + name + " is not supported: " + std::string(parameter.words));
  }
  if (!has_type(value, parameter.type)) {
    throw Error("Invalid parameter type for " + name +
                ", expected: " + std::string(type_name(parameter.type)));
  }
  if (parameter.type != Type::kWord) return;
  const auto& word = value.get_ref<const std::string&>();
  if (!is_among(parameter.words, word)) {
    throw Error("Parameter " + name + " does not accept value " + in_quotes(word) +
                ", only: " + std::string(parameter.words));
  }
}

}  // namespace

std::string_view type_name(Type type) {
  switch (type) {
    case Type::kText:
    case Type::kWord:
    case Type::kUnsupported:
      break;
    case Type::kTexts:
      return "array of strings";
    case Type::kFlag:
      return "boolean";
    case Type::kInteger:
      return "integer";
    case Type::kSize:
      return "integer from 0";
    case Type::kObject:
      return "object";
    case Type::kObjects:
      return "array of objects";
  }
  return "string";
}

Arguments::Arguments(json values, std::span<const Parameter> parameters, Wanted wanted)
    : values_(std::move(values)), wanted_(std::move(wanted)) {
  for (const auto& [name, value] : values_.items()) {
    const auto parameter = std::ranges::find(parameters, name, &Parameter::name);
    if (parameter == parameters.end())
      throw Error("Parameter " + in_quotes(name) + " is unexpected");
    check_value(value, *parameter);
  }
  for (const Parameter& parameter : parameters) {
    if (parameter.need == Need::kRequired && !has(parameter.name)) {
      throw Error("Parameter " + in_quotes(parameter.name) + " is missing");
    }
  }
}

std::string Arguments::text(std::string_view name) const {
  return values_.at(name).get<std::string>();
}

std::uint64_t Arguments::size(std::string_view name) const {
  return values_.at(name).get<std::uint64_t>();
}

std::optional<std::string> Arguments::text_if(std::string_view name) const {
  if (!has(name)) return std::nullopt;
  return text(name);
}

std::optional<std::uint64_t> Arguments::size_if(std::string_view name) const {
  if (!has(name)) return std::nullopt;
  return size(name);
}

std::vector<std::string> Arguments::texts_if(std::string_view name) const {
  if (!has(name)) return {};
  return values_.at(name).get<std::vector<std::string>>();
}

bool Arguments::flag(std::string_view name, bool otherwise) const {
  return has(name) ? values_.at(name).get<bool>() : otherwise;
}

std::int64_t Arguments::integer(std::string_view name, std::int64_t otherwise) const {
  return has(name) ? values_.at(name).get<std::int64_t>() : otherwise;
}

}  // namespace dmjob::daemon
