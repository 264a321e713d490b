// SPDX-License-Identifier: LGPL-2.1-or-later
// man/dmjob-status.7 is whole: each status, verb and policy is told, and has its place in the
// tables.
#include "tests/core/status_page.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "libjob/core/error_policy.h"
#include "libjob/core/status.h"

namespace dmjob::test {
namespace {

using ::testing::ElementsAre;
using ::testing::ElementsAreArray;

template <typename Enum>
std::vector<std::string> words(int count) {
  std::vector<std::string> found;
  for (int i = 0; i < count; ++i) found.emplace_back(to_string(static_cast<Enum>(i)));
  return found;
}

std::vector<std::string> statuses() { return words<core::Status>(core::kStatuses); }
std::vector<std::string> verbs() { return words<core::Verb>(core::kVerbs); }

std::vector<std::string> first_column(std::string_view section) {
  std::vector<std::string> found;
  for (const auto& row : status_page().rows(section)) found.push_back(row.front());
  found.erase(found.begin());  // the head
  return found;
}

TEST(StatusPage, TellsEachStatus) {
  EXPECT_THAT(names(status_page().items("STATUSES"), "Sy"), ElementsAreArray(statuses()));
}

TEST(StatusPage, TellsEachVerb) {
  EXPECT_THAT(names(status_page().items("VERBS"), "Cm"), ElementsAreArray(verbs()));
}

TEST(StatusPage, HasARowAStatusAndAColumnAVerb) {
  const auto head = status_page().rows("Verbs by status").front();
  EXPECT_EQ(std::vector(head.begin() + 1, head.end()), verbs());
  EXPECT_EQ(first_column("Verbs by status"), statuses());
}

TEST(StatusPage, HasARowAndAColumnAStatus) {
  EXPECT_EQ(first_column("Status after status"), statuses());
  std::vector<std::string> columns;
  for (const Cell& cell : move_cells()) {
    if (cell.row == "null") columns.push_back(cell.column);
  }
  EXPECT_EQ(columns, statuses());
}

TEST(StatusPage, ExplainsEachMark) {
  std::vector<std::string> marks;
  for (const ManItem& item : status_page().items("Verbs by status")) {
    if (item.head.size() == 1) marks.push_back(item.head);
  }
  EXPECT_THAT(marks, ElementsAre("+", "f", "=", "-"));
}

class PolicyCell : public ::testing::TestWithParam<Cell> {
 protected:
  std::string action() const {
    const bool no_space = GetParam().column == "no space";
    const auto error = no_space ? std::errc::no_space_on_device : std::errc::io_error;
    const auto policy = core::parse_on_error(GetParam().row).value();
    return std::string(to_string(core::decide(policy, std::make_error_code(error))));
  }
};

TEST_P(PolicyCell, IsTheActionThatIsTaken) { EXPECT_EQ(action(), GetParam().mark); }

INSTANTIATE_TEST_SUITE_P(Page, PolicyCell, ::testing::ValuesIn(policy_cells()),
                         [](const auto& cell) {
                           return as_test_name(cell.param.row + "_" + cell.param.column);
                         });

TEST(StatusPage, HasARowAPolicy) {
  EXPECT_THAT(first_column("I/O ERRORS"),
              ElementsAre("report", "ignore", "stop", "enospc", "auto"));
}

}  // namespace
}  // namespace dmjob::test
