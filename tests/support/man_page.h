// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A manual page (mdoc) as tests read it: its lists, by the section that they are in.
// Thread: any (values).
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dmjob::test {

// An `.It` with what is below it, up to the next one of its list.
struct ManItem {
  std::string head;  // behind the .It, with its macros: "Va speed Pq integer"
  std::string text;  // lines without a macro, joined by blanks
  std::vector<ManItem> items;
};

class ManPage {
 public:
  // One of this source tree: "dmjob.8". Throws std::runtime_error if it cannot be read.
  explicit ManPage(const std::string& name);

  // The items of all lists of a section (.Sh or .Ss). Throws std::out_of_range if there is none.
  std::vector<ManItem> items(std::string_view section) const;
  // The rows of its tables (.Bl -column), the heads with them: cells of a row.
  std::vector<std::vector<std::string>> rows(std::string_view section) const;

 private:
  std::vector<std::string> lines_;
};

// What the head names, if it begins with the macro: {"len", "offset"} for "Va len , offset".
std::vector<std::string> names(const ManItem& item, std::string_view macro);
std::vector<std::string> names(const std::vector<ManItem>& items, std::string_view macro);

}  // namespace dmjob::test
