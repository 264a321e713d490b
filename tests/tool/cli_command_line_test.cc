// SPDX-License-Identifier: LGPL-2.1-or-later
#include <gmock/gmock.h>

#include "tool/dmjob/command_line.h"
#include "tool/dmjob/exit_status.h"
#include "tool/dmjob/verbs.h"

namespace dmjob::cli {
namespace {

using testing::HasSubstr;
using testing::ThrowsMessage;

std::string verb_of(const std::vector<std::string>& words) {
  return std::string(parse_command_line(words).verb->name);
}

TEST(CommandLine, TakesGlobalOptionsBeforeAndAfterTheVerb) {
  EXPECT_TRUE(parse_command_line({"--json", "list"}).flag("json"));
  EXPECT_TRUE(parse_command_line({"list", "--json"}).flag("json"));
  EXPECT_EQ(verb_of({"--socket", "pause", "list"}), "list");
}

TEST(CommandLine, TakesOptionsAmongArguments) {
  const CommandLine line = parse_command_line({"copy", "a", "--id", "list", "b", "--wait"});
  EXPECT_EQ(line.values["SOURCE"].as<std::string>(), "a");
  EXPECT_EQ(line.values["TARGET"].as<std::string>(), "b");
  EXPECT_EQ(line.values["id"].as<std::string>(), "list");
}

TEST(CommandLine, LeavesOutWhatStandsInBrackets) {
  EXPECT_EQ(parse_command_line({"watch"}).values.count("ID"), 0U);
  EXPECT_EQ(parse_command_line({"watch", "j"}).values["ID"].as<std::string>(), "j");
}

TEST(CommandLine, TakesAnyNumberOfWhatMayBeRepeated) {
  const CommandLine line =
      parse_command_line({"backup", "a", "/1", "b", "/2", "--wait", "c", "/3"});
  EXPECT_EQ(line.values["SOURCE"].as<std::string>(), "a");
  EXPECT_EQ(line.values[Verb::kMore].as<std::vector<std::string>>(),
            (std::vector<std::string>{"b", "/2", "c", "/3"}));
  EXPECT_EQ(parse_command_line({"backup", "a", "/1"}).values.count(Verb::kMore), 0U);
}

TEST(CommandLine, NeedsNoVerbForHelp) {
  EXPECT_EQ(parse_command_line({"--help"}).verb, nullptr);
  EXPECT_EQ(verb_of({"copy", "--help"}), "copy");
}

TEST(CommandLine, TakesTheShortWayToHelp) {
  EXPECT_TRUE(parse_command_line({"copy", "-h"}).flag("help"));
  EXPECT_TRUE(parse_command_line({"-h"}).flag("help"));
  EXPECT_EQ(parse_command_line({"pause", "--", "-h"}).values["ID"].as<std::string>(), "-h");
  EXPECT_EQ(verb_of({"help", "copy"}), "help");
}

TEST(CommandLine, TakesAnArgumentThatLooksLikeAnOptionAfterTwoDashes) {
  EXPECT_EQ(parse_command_line({"pause", "--", "--json"}).values["ID"].as<std::string>(), "--json");
}

struct Mistake {
  std::vector<std::string> words;
  const char* text;

  friend void PrintTo(const Mistake& mistake, std::ostream* out) {
    for (const std::string& word : mistake.words) *out << word << ' ';
  }
};

class Mistakes : public testing::TestWithParam<Mistake> {};

TEST_P(Mistakes, AreUsageErrorsThatSayWhatIsWrong) {
  try {
    parse_command_line(GetParam().words);
    FAIL() << "taken";
  } catch (const CliError& error) {
    EXPECT_EQ(error.status(), kExitUsage);
    EXPECT_THAT(error.what(), HasSubstr(GetParam().text));
  }
}

INSTANTIATE_TEST_SUITE_P(
    Words, Mistakes,
    testing::Values(
        Mistake{{}, "a verb is missing"}, Mistake{{"--json"}, "a verb is missing"},
        Mistake{{""}, "there is no verb ''"}, Mistake{{"frob"}, "there is no verb 'frob'"},
        Mistake{{"cpoy"}, "there is no verb 'cpoy'; did you mean 'copy'?"},
        Mistake{{"remove"}, "there is no verb 'remove'; `dmjob --help`"},
        Mistake{{"copy", "a", "b", "--froce"}, "'--froce'; did you mean '--force'?"},
        Mistake{{"copy", "a"}, "TARGET is missing; usage: dmjob copy SOURCE TARGET [OPTION...]"},
        Mistake{{"list", "a"}, "too many arguments"},
        Mistake{{"--frob", "list"}, "unrecognised option '--frob'"},
        Mistake{{"list", "--wait"}, "unrecognised option '--wait'"},
        Mistake{{"copy", "a", "b", "--wai"}, "unrecognised option '--wai'"},
        Mistake{{"list", "-q"}, "unrecognised option '-q'"},
        Mistake{{"wait", "j", "--timeout", "soon"}, "--timeout"},
        Mistake{{"list", "--socket"}, "--socket"}, Mistake{{"list", "--all", "--all"}, "--all"}));

TEST(Help, ListsEveryVerb) {
  const std::string text = help_text(nullptr);
  for (const Verb& verb : all_verbs())
    EXPECT_THAT(text, HasSubstr("\n  " + std::string(verb.name) + " "));
}

TEST(Help, OfAVerbHasItsOptions) {
  EXPECT_THAT(help_text(find_verb("cancel")), HasSubstr("usage: dmjob cancel ID [OPTION...]\n"));
  EXPECT_THAT(help_text(find_verb("cancel")), HasSubstr("--async"));
}

}  // namespace
}  // namespace dmjob::cli
