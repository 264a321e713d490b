// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/man_page.h"

#include <algorithm>
#include <fstream>
#include <iterator>
#include <span>
#include <stdexcept>

namespace dmjob::test {
namespace {

using Lines = std::span<const std::string>;

bool is_section(const std::string& line) {
  return line.starts_with(".Sh ") || line.starts_with(".Ss ");
}

// One list after the other, each from its .Bl to its .El, which is taken off the lines.
class Lists {
 public:
  explicit Lists(Lines lines) : lines_(lines) {}

  std::vector<ManItem> read() {
    std::vector<ManItem> items;
    while (!lines_.empty()) {
      if (take().starts_with(".Bl ")) read_list(items);
    }
    return items;
  }

 private:
  const std::string& take() {
    const std::string& line = lines_.front();
    lines_ = lines_.subspan(1);
    return line;
  }

  void read_list(std::vector<ManItem>& items) {
    while (!lines_.empty()) {
      const std::string& line = take();
      if (line == ".El") return;
      if (line.starts_with(".It ")) {
        items.push_back({.head = line.substr(4), .text = {}, .items = {}});
      } else if (line.starts_with(".Bl ")) {
        read_list(items.back().items);
      } else if (!line.starts_with(".")) {
        std::string& text = items.back().text;
        text += (text.empty() ? "" : " ") + line;
      }
    }
  }

  Lines lines_;
};

std::vector<std::string> split(std::string_view text, std::string_view by) {
  std::vector<std::string> parts;
  for (;;) {
    const std::size_t end = text.find(by);
    parts.emplace_back(text.substr(0, end));
    if (end == text.npos) return parts;
    text.remove_prefix(end + by.size());
  }
}

}  // namespace

ManPage::ManPage(const std::string& name) {
  const std::string path = DMJOB_MAN_DIR "/" + name;
  std::ifstream file(path);
  if (!file) throw std::runtime_error(path + " cannot be read");
  for (std::string line; std::getline(file, line);) lines_.push_back(line);
}

std::vector<ManItem> ManPage::items(std::string_view section) const {
  const auto is_its_head = [&](const std::string& line) {
    return is_section(line) && line.substr(4) == section;
  };
  const auto head = std::ranges::find_if(lines_, is_its_head);
  if (head == lines_.end()) throw std::out_of_range("no section " + std::string(section));
  return Lists(Lines(head + 1, std::find_if(head + 1, lines_.end(), is_section))).read();
}

std::vector<std::vector<std::string>> ManPage::rows(std::string_view section) const {
  std::vector<std::vector<std::string>> found;
  for (const ManItem& item : items(section)) {
    if (auto cells = split(item.head, " Ta "); cells.size() > 1) found.push_back(std::move(cells));
  }
  return found;
}

std::vector<std::string> names(const ManItem& item, std::string_view macro) {
  const std::string begin = std::string(macro) + " ";
  if (!item.head.starts_with(begin)) return {};
  return split(item.head.substr(begin.size()), " , ");
}

std::vector<std::string> names(const std::vector<ManItem>& items, std::string_view macro) {
  std::vector<std::string> all;
  for (const ManItem& item : items) std::ranges::move(names(item, macro), std::back_inserter(all));
  return all;
}

}  // namespace dmjob::test
