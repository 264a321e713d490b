// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/command_line.h"

#include <algorithm>
#include <boost/program_options/errors.hpp>
#include <boost/program_options/parsers.hpp>
#include <boost/program_options/positional_options.hpp>
#include <cstdlib>
#include <sstream>

#include "tool/dmjob/nearest.h"
#include "tool/dmjob/print.h"
#include "tool/dmjob/verbs.h"

namespace dmjob::cli {
namespace {

namespace po = boost::program_options;

constexpr const char* kDefaultSocket = "/run/dmjob/qmp.sock";
// No abbreviations: a script that uses one breaks when an option is added.
constexpr int kStyle = po::command_line_style::unix_style & ~po::command_line_style::allow_guessing;
constexpr unsigned kHelpWidth = 100;

struct Argument {
  std::string word;
  bool required = true;
  bool repeated = false;
};

std::vector<Argument> arguments_of(const Verb& verb) {
  std::vector<Argument> arguments;
  std::istringstream words{std::string(verb.synopsis)};
  for (std::string word; words >> word;) {
    if (word.ends_with("...]")) {
      arguments.push_back({Verb::kMore, false, true});
    } else if (word.front() != '[') {
      arguments.push_back({word});
    } else if (word.back() == ']') {
      arguments.push_back({word.substr(1, word.size() - 2), false});
    }
  }
  return arguments;
}

std::string default_socket() {
  const char* named = std::getenv("DMJOB_SOCKET");
  return named != nullptr && *named != '\0' ? named : kDefaultSocket;
}

po::options_description global_options() {
  po::options_description options("Options of all verbs", kHelpWidth);
  options.add_options()(
      "socket", po::value<std::string>()->value_name("PATH")->default_value(default_socket()),
      "the daemon's socket; also from $DMJOB_SOCKET")("json", po::bool_switch(),
                                                      "print JSON and nothing else")(
      "quiet", po::bool_switch(), "no remarks and no progress bar; errors and results only")(
      "help", po::bool_switch(), "this text; after a verb, its options")(
      "version", po::bool_switch(), "the program's version");
  return options;
}

po::options_description verb_options(const Verb& verb) {
  po::options_description options("Options", kHelpWidth);
  if (verb.add_options != nullptr) verb.add_options(options);
  return options;
}

po::variables_map parse(const std::vector<std::string>& words,
                        const po::options_description& options,
                        const po::positional_options_description& arguments, bool all) {
  po::command_line_parser parser(words);
  parser.options(options).positional(arguments).style(kStyle);
  if (!all) parser.allow_unregistered();
  po::variables_map values;
  po::store(parser.run(), values);
  po::notify(values);
  return values;
}

// The first word that is no option of ours. What a verb's options mean is not known before.
po::variables_map parse_up_to_verb(const std::vector<std::string>& words) {
  po::options_description options = global_options();
  options.add_options()("VERB", po::value<std::string>())("rest",
                                                          po::value<std::vector<std::string>>());
  po::positional_options_description arguments;
  arguments.add("VERB", 1).add("rest", -1);
  return parse(words, options, arguments, false);
}

po::variables_map parse_all(const std::vector<std::string>& words, const Verb* verb) {
  po::options_description options = global_options();
  po::positional_options_description arguments;
  if (verb != nullptr) {
    options.add(verb_options(*verb)).add_options()("VERB", po::value<std::string>());
    arguments.add("VERB", 1);
    for (const Argument& argument : arguments_of(*verb)) {
      if (argument.repeated)
        options.add_options()(argument.word.c_str(), po::value<std::vector<std::string>>());
      else
        options.add_options()(argument.word.c_str(), po::value<std::string>());
      arguments.add(argument.word.c_str(), argument.repeated ? -1 : 1);
    }
  }
  return parse(words, options, arguments, true);
}

std::string usage_of(const Verb& verb) {
  std::string text = "dmjob " + std::string(verb.name);
  if (!verb.synopsis.empty()) text += ' ' + std::string(verb.synopsis);
  return verb.add_options != nullptr ? text + " [OPTION...]" : text;
}

void check_arguments(const Verb& verb, const po::variables_map& values) {
  for (const Argument& argument : arguments_of(verb)) {
    if (argument.required && values.count(argument.word) == 0) {
      throw CliError(kExitUsage, argument.word + " is missing; usage: " + usage_of(verb));
    }
  }
}

const Verb* verb_of(const po::variables_map& values) {
  if (values.count("VERB") == 0) return nullptr;
  return &require_verb(values["VERB"].as<std::string>());
}

// -h is what hands type. Behind "--" it is an argument.
std::vector<std::string> with_help_in_full(std::vector<std::string> words) {
  const auto end = std::ranges::find(words, "--");
  std::replace(words.begin(), end, std::string("-h"), std::string("--help"));
  return words;
}

std::string what_was_meant(const std::string& option, const Verb* verb) {
  po::options_description options = global_options();
  if (verb != nullptr) options.add(verb_options(*verb));
  std::vector<std::string> known;
  for (const auto& one : options.options()) known.push_back("--" + one->long_name());
  return did_you_mean(option, known);
}

}  // namespace

CommandLine parse_command_line(const std::vector<std::string>& given) {
  const std::vector<std::string> words = with_help_in_full(given);
  CommandLine line;
  try {
    line.verb = verb_of(parse_up_to_verb(words));
    line.values = parse_all(words, line.verb);
  } catch (const po::too_many_positional_options_error&) {
    throw CliError(kExitUsage, "there are too many arguments; see `dmjob VERB --help`");
  } catch (const po::unknown_option& error) {
    throw CliError(kExitUsage, error.what() + what_was_meant(error.get_option_name(), line.verb) +
                                   "; see `dmjob --help`");
  } catch (const po::error& error) {
    throw CliError(kExitUsage, std::string(error.what()) + "; see `dmjob --help`");
  }
  if (line.flag("help") || line.flag("version")) return line;
  if (line.verb == nullptr)
    throw CliError(kExitUsage, "a verb is missing; `dmjob --help` lists them");
  check_arguments(*line.verb, line.values);
  return line;
}

std::string help_text(const Verb* verb) {
  std::ostringstream text;
  if (verb != nullptr) {
    text << "usage: " << usage_of(*verb) << '\n' << verb->help << "\n\n";
    if (verb->add_options != nullptr) text << verb_options(*verb) << '\n';
  } else {
    std::vector<std::vector<std::string>> rows;
    for (const Verb& row : all_verbs()) {
      rows.push_back(
          {"  " + std::string(row.name) + ' ' + std::string(row.synopsis), std::string(row.help)});
    }
    text << "usage: dmjob [OPTION...] VERB [ARGUMENT...]\nBlock jobs on live disks.\n\nVerbs:\n"
         << format_table(rows) << '\n';
  }
  text << global_options() << "\nRATE and SIZE take K, M, G, T. dmjob(8) tells all.\n";
  return text.str();
}

}  // namespace dmjob::cli
