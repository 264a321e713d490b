// SPDX-License-Identifier: LGPL-2.1-or-later
//
// man/dmjob-status.7 as the tests read it: a test is made of every cell and of every sequence.
// Thread: any (values).
#pragma once

#include <ostream>
#include <string>
#include <vector>

#include "tests/support/man_page.h"

namespace dmjob::test {

struct Cell {
  std::string row;
  std::string column;
  std::string mark;
};

const ManPage& status_page();

std::vector<Cell> verb_cells();    // row: a status, column: a verb
std::vector<Cell> move_cells();    // row: the status that is left, column: that is entered
std::vector<Cell> policy_cells();  // row: a policy, column: the error, mark: the action

struct PrintedSequence {
  std::string ending;
  std::string events;
};
std::vector<PrintedSequence> printed_sequences();

// For GoogleTest: names of tests, and what is shown of their parameters.
std::string as_test_name(std::string words);
std::ostream& operator<<(std::ostream& stream, const Cell& cell);
std::ostream& operator<<(std::ostream& stream, const PrintedSequence& sequence);

}  // namespace dmjob::test
