// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The arguments of a command, checked against the command's parameters before the command runs: a
// missing, unknown or wrongly typed one is an error without side effects.
// Thread: any (values).
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "tool/dmjobd/wanted.h"

namespace dmjob::daemon {

enum class Type {
  kText,         // a string without NUL
  kWord,         // one of a few strings: Parameter::words
  kTexts,        // an array of strings
  kFlag,         // true or false
  kInteger,      // -2^63 .. 2^63-1, written without fraction or exponent
  kSize,         // 0 .. 2^64-1, the same
  kObject,       // a JSON object, whose members the handler checks
  kObjects,      // an array of such
  kUnsupported,  // QEMU's, without a meaning here; Parameter::words says why
};

// As errors and the manual call it: "array of strings".
std::string_view type_name(Type type);

enum class Need { kRequired, kOptional };

struct Parameter {
  std::string_view name;
  Type type = Type::kText;
  Need need = Need::kRequired;
  std::string_view words = {};  // separated by a space
};

class Arguments {
 public:
  // Throws core::Error that names the argument. wanted: by whom they were given.
  Arguments(nlohmann::json values, std::span<const Parameter> parameters, Wanted wanted = {});

  const Wanted& wanted() const { return wanted_; }

  bool has(std::string_view name) const { return values_.contains(name); }
  // The value of an argument that is there, with the type that its parameter has.
  std::string text(std::string_view name) const;
  std::uint64_t size(std::string_view name) const;
  const nlohmann::json& value(std::string_view name) const { return values_.at(name); }
  // With what to take if it is not there.
  std::optional<std::string> text_if(std::string_view name) const;
  std::optional<std::uint64_t> size_if(std::string_view name) const;
  std::vector<std::string> texts_if(std::string_view name) const;  // empty
  bool flag(std::string_view name, bool otherwise) const;
  std::int64_t integer(std::string_view name, std::int64_t otherwise) const;

 private:
  nlohmann::json values_;
  Wanted wanted_;
};

}  // namespace dmjob::daemon
