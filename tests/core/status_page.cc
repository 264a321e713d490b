// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/core/status_page.h"

#include <algorithm>
#include <cctype>
#include <map>
#include <stdexcept>

namespace dmjob::test {
namespace {

using Rows = std::vector<std::vector<std::string>>;

// The first row names the columns, the first column the rows.
std::vector<Cell> cells_of(const Rows& rows, std::size_t first_column) {
  std::vector<Cell> cells;
  for (std::size_t row = 1; row < rows.size(); ++row) {
    for (std::size_t column = first_column; column < rows[0].size(); ++column) {
      cells.push_back({rows[row].at(0), rows[0].at(column), rows[row].at(column)});
    }
  }
  return cells;
}

}  // namespace

const ManPage& status_page() {
  static const ManPage page("dmjob-status.7");
  return page;
}

std::vector<Cell> verb_cells() { return cells_of(status_page().rows("Verbs by status"), 1); }

std::vector<Cell> policy_cells() { return cells_of(status_page().rows("I/O ERRORS"), 1); }

// Each status has a letter, in the second column, that names it in the head.
std::vector<Cell> move_cells() {
  const Rows rows = status_page().rows("Status after status");
  std::map<std::string, std::string> by_letter;
  for (const auto& row : rows) by_letter[row.at(1)] = row.at(0);
  std::vector<Cell> cells = cells_of(rows, 2);
  for (Cell& cell : cells) {
    if (!by_letter.contains(cell.column)) throw std::runtime_error("no row for " + cell.column);
    cell.column = by_letter[cell.column];
  }
  return cells;
}

std::vector<PrintedSequence> printed_sequences() {
  std::vector<PrintedSequence> found;
  for (const ManItem& item : status_page().items("SEQUENCES OF EVENTS")) {
    found.push_back({item.head, item.text});
  }
  return found;
}

std::string as_test_name(std::string words) {
  std::erase_if(words,
                [](unsigned char c) { return c == '(' || c == ')' || c == ',' || c == '/'; });
  std::ranges::replace_if(words, [](unsigned char c) { return !std::isalnum(c); }, '_');
  return words;
}

std::ostream& operator<<(std::ostream& stream, const Cell& cell) {
  return stream << cell.row << ", " << cell.column << ": " << cell.mark;
}

std::ostream& operator<<(std::ostream& stream, const PrintedSequence& sequence) {
  return stream << sequence.ending << ": " << sequence.events;
}

}  // namespace dmjob::test
