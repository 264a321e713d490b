// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a verb gets: its arguments and options, the socket, the console. And the row that a verb is.
// Thread: the only one.
#pragma once

#include <boost/program_options/options_description.hpp>
#include <boost/program_options/variables_map.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "tool/dmjob/client.h"
#include "tool/dmjob/console.h"

namespace dmjob::cli {

class Call {
 public:
  Call(const boost::program_options::variables_map& values, Console& console)
      : values_(values), console_(console) {}

  Console& console() const { return console_; }
  std::string socket() const { return text("socket"); }

  // Arguments by their word in the synopsis ("ID"), options by their name.
  bool has(const char* name) const { return values_.count(name) != 0; }
  std::string text(const char* name) const { return values_[name].as<std::string>(); }
  // What follows the arguments with a name of their own: Verb::kMore. May be empty.
  std::vector<std::string> more() const;
  bool flag(const char* name) const { return values_[name].as<bool>(); }
  // Throw CliError (usage) naming the option.
  std::int64_t size(const char* name) const;
  std::string absolute_path(const char* name) const;
  // A path that is not an argument's or option's; `shown` is for the message.
  static std::string absolute(const std::string& given, const std::string& shown);
  // --timeout from now on; without it `otherwise`, or for ever.
  Deadline deadline(std::optional<int> otherwise = std::nullopt) const;

 private:
  const boost::program_options::variables_map& values_;
  Console& console_;
};

struct Verb {
  static constexpr const char* kMore = "more arguments";

  std::string_view name;
  // "ID [TARGET]": arguments, those in brackets may be left out. "[SOURCE TARGET...]" at its end:
  // any number of them.
  std::string_view synopsis;
  std::string_view help;
  void (*add_options)(boost::program_options::options_description&);  // may be nullptr
  int (*run)(const Call&);                                            // returns the exit status
};

}  // namespace dmjob::cli
