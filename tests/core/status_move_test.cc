// SPDX-License-Identifier: LGPL-2.1-or-later
// Status after status: every sequence of events that man/dmjob-status.7 prints is told by a job,
// and the changes of status in them are all that its table allows.
#include <set>
#include <sstream>
#include <utility>

#include "tests/core/daemon_fixture.h"
#include "tests/core/endings.h"
#include "tests/core/status_page.h"

namespace dmjob::test {
namespace {

using ::testing::UnorderedElementsAreArray;

// --- the sequences ---

class Ending : public ::testing::TestWithParam<PrintedSequence> {};

TEST_P(Ending, IsToldAsPrinted) { EXPECT_EQ(tell(GetParam().ending), GetParam().events); }

INSTANTIATE_TEST_SUITE_P(Page, Ending, ::testing::ValuesIn(printed_sequences()),
                         [](const auto& each) { return as_test_name(each.param.ending); });

TEST(Endings, AreAllPrinted) {
  std::vector<std::string> printed;
  for (const PrintedSequence& sequence : printed_sequences()) printed.push_back(sequence.ending);
  EXPECT_THAT(printed, UnorderedElementsAreArray(endings()));
}

// --- the table ---

using Move = std::pair<std::string, std::string>;

void add_moves(const std::string& events, std::set<Move>& moves) {
  std::istringstream words(events);
  std::string from = "undefined";
  for (std::string word; words >> word;) {
    if (!core::parse_status(word)) continue;  // another event, or a bar
    moves.emplace(from, word);
    from = word;
  }
}

std::set<Move> all_moves() {
  std::set<Move> moves;
  for (const std::string& ending : endings()) add_moves(tell(ending), moves);
  return moves;
}

class MoveCell : public ::testing::TestWithParam<Cell> {
 protected:
  const Cell& cell() const { return GetParam(); }
  bool is_printed() const { return cell().mark == "+"; }
};

class MoveInTable : public MoveCell {};
class MoveOfJob : public MoveCell {};

TEST_P(MoveInTable, IsAsPrinted) {
  const auto from = core::parse_status(cell().row);
  const auto to = core::parse_status(cell().column);
  EXPECT_EQ(may_move(from.value(), to.value()), is_printed());
}

// To be seen, it must be an event: a move from aborting to itself is none (job_restart_test.cc).
TEST_P(MoveOfJob, IsSeenIfItIsPrinted) {
  EXPECT_EQ(all_moves().contains({cell().row, cell().column}), is_printed());
}

std::vector<Cell> of_jobs() {
  std::vector<Cell> cells = move_cells();
  std::erase_if(cells, [](const Cell& cell) { return cell.row == cell.column; });
  return cells;
}

std::string name_of(const ::testing::TestParamInfo<Cell>& cell) {
  return cell.param.row + "_to_" + cell.param.column;
}

INSTANTIATE_TEST_SUITE_P(Page, MoveInTable, ::testing::ValuesIn(move_cells()), name_of);
INSTANTIATE_TEST_SUITE_P(Page, MoveOfJob, ::testing::ValuesIn(of_jobs()), name_of);

// --- a move that is not in the table ---

// Readiness is what a driver can tell at any time; in these statuses it must not.
class NotReady : public DaemonTest, public ::testing::WithParamInterface<Cell> {};

TEST_P(NotReady, ADriverThatSaysSoStopsTheProgram) {
  GTEST_FLAG_SET(death_test_style, "threadsafe");
  be(core::parse_status(GetParam().row).value());
  EXPECT_DEATH(job->set_ready(), "may_move");
}

// Once ready a job stays so, and undefined is seen by nobody.
std::vector<Cell> refused_ready() {
  std::vector<Cell> cells = move_cells();
  std::erase_if(cells, [](const Cell& cell) {
    return cell.column != "ready" || cell.mark == "+" || cell.row == "ready" ||
           cell.row == "undefined";
  });
  return cells;
}

INSTANTIATE_TEST_SUITE_P(Page, NotReady, ::testing::ValuesIn(refused_ready()), name_of);

}  // namespace
}  // namespace dmjob::test
