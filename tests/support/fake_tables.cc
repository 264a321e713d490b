// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/fake_tables.h"

#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdio>
#include <sstream>

namespace dmjob::dm {

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::vector<dev_t> devices_of(const Table& table) {
  std::vector<dev_t> found;
  for (const Segment& segment : table.segments()) {
    for (const std::string& word : words_of(segment.args)) {
      unsigned major = 0;
      unsigned minor = 0;
      char rest = 0;
      if (std::sscanf(word.c_str(), "%u:%u%c", &major, &minor, &rest) != 2) continue;
      const dev_t dev = makedev(major, minor);
      if (std::count(found.begin(), found.end(), dev) == 0) found.push_back(dev);
    }
  }
  return found;
}

}  // namespace dmjob::dm
