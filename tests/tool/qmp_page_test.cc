// SPDX-License-Identifier: LGPL-2.1-or-later
// man/dmjob-qmp.7 against the table of commands: each command and each of its parameters is there,
// under who may send it, and nothing else is. What a command lacks there, the failure prints.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cctype>
#include <iterator>
#include <map>
#include <stdexcept>
#include <string>
#include <vector>

#include "tests/support/man_page.h"
#include "tool/dmjobd/commands.h"
#include "tool/dmjobd/server.h"

namespace dmjob::daemon {
namespace {

using test::ManItem;
using test::ManPage;
using ::testing::UnorderedElementsAreArray;

const ManPage& page() {
  static const ManPage page("dmjob-qmp.7");
  return page;
}

const char* section_of(Access access) { return access == Access::kQuery ? "QUERIES" : "COMMANDS"; }

// Throws if the command is not in the section for those who may send it.
ManItem printed(const Command& command) {
  for (const ManItem& item : page().items(section_of(command.access))) {
    for (const std::string& name : names(item, "Ic")) {
      if (name == command.name) return item;
    }
  }
  throw std::out_of_range(std::string(command.name) + " is not under " +
                          section_of(command.access));
}

// With those of the command that it refers to: "Em all of Ic NAME".
std::vector<ManItem> parameters(const ManItem& command) {
  const std::string reference = "Em all of Ic ";
  std::vector<ManItem> found;
  for (const ManItem& item : command.items) {
    if (item.head.starts_with(reference)) {
      const Command* other = find_command(item.head.substr(reference.size()));
      if (other == nullptr) throw std::out_of_range(item.head);
      std::ranges::move(parameters(printed(*other)), std::back_inserter(found));
    } else {
      found.push_back(item);
    }
  }
  return found;
}

std::string type_of(const Parameter& parameter) {
  if (parameter.type == Type::kWord) return "one of " + std::string(parameter.words);
  if (parameter.type == Type::kUnsupported) return "refused";
  return std::string(type_name(parameter.type));
}

// As the page has it: the item's head.
std::string head_of(const Parameter& parameter) {
  const bool may_miss = parameter.need == Need::kOptional && parameter.type != Type::kUnsupported;
  return "Va " + std::string(parameter.name) + " Pq " + type_of(parameter) +
         (may_miss ? ", optional" : "");
}

std::vector<std::string> command_names() {
  std::vector<std::string> found;
  for (const Command& command : commands()) found.emplace_back(command.name);
  return found;
}

std::string sentence(std::string_view words) {
  std::string text(words);
  text.front() = static_cast<char>(std::toupper(static_cast<unsigned char>(text.front())));
  return text + ".";
}

class EachCommand : public ::testing::TestWithParam<std::string> {
 protected:
  const Command& command() const { return *find_command(GetParam()); }
};

TEST_P(EachCommand, IsPrintedWithItsParameters) {
  std::vector<std::string> expected;
  std::vector<std::string> found;
  for (const Parameter& parameter : command().parameters) expected.push_back(head_of(parameter));
  for (const ManItem& item : parameters(printed(command()))) found.push_back(item.head);
  EXPECT_THAT(found, UnorderedElementsAreArray(expected));
}

TEST_P(EachCommand, TellsWhyItRefusesAParameter) {
  std::map<std::string, std::string> expected;
  std::map<std::string, std::string> found;
  for (const Parameter& parameter : command().parameters) {
    if (parameter.type == Type::kUnsupported)
      expected[head_of(parameter)] = sentence(parameter.words);
  }
  for (const ManItem& item : parameters(printed(command()))) {
    if (item.head.ends_with(" Pq refused")) found[item.head] = item.text;
  }
  EXPECT_EQ(found, expected);
}

std::string name_of(const ::testing::TestParamInfo<std::string>& command) {
  std::string name = command.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

INSTANTIATE_TEST_SUITE_P(Page, EachCommand, ::testing::ValuesIn(command_names()), name_of);

TEST(QmpPage, HasNoOtherCommand) {
  auto found = names(page().items("QUERIES"), "Ic");
  std::ranges::move(names(page().items("COMMANDS"), "Ic"), std::back_inserter(found));
  EXPECT_THAT(found, UnorderedElementsAreArray(command_names()));
}

TEST(QmpPage, TellsTheLimits) {
  const std::map<std::string, std::size_t> expected = {
      {"requests under way, a connection", Session::kMaxRequests},
      {"bytes of a request", QmpParser::kMaxRequest},
      {"brackets open at once", QmpParser::kMaxDepth},
      {"bytes of unread answers, and of unread events", Session::kMaxUnread},
      {"clients", Server::kMaxClients},
      {"of these, clients that may only query", Server::kMaxQueryClients},
      {"events that are kept", core::EventBus::kKept},
      {"of these, over a restart", core::EventBus::kStored},
      {"ended jobs that are kept", core::Registry::kHistory}};
  std::map<std::string, std::size_t> found;
  for (const auto& row : page().rows("Limits")) {
    if (row.front() != "Em limit") found[row.front()] = std::stoul(row.at(1));
  }
  EXPECT_EQ(found, expected);
}

}  // namespace
}  // namespace dmjob::daemon
