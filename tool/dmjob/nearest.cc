// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/nearest.h"

#include <algorithm>

namespace dmjob::cli {
namespace {

std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) {
    for (std::size_t j = 0; j <= b.size(); ++j) {
      if (i == 0 || j == 0) {
        rows[i][j] = i + j;
        continue;
      }
      const std::size_t other = rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1, other});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  }
  return rows[a.size()][b.size()];
}

}  // namespace

std::string did_you_mean(std::string_view word, const std::vector<std::string>& known) {
  constexpr std::size_t kMost = 2;
  const auto nearest = std::ranges::min_element(
      known, {}, [&](const std::string& candidate) { return distance(word, candidate); });
  if (nearest == known.end() ||
      distance(word, *nearest) > std::min(kMost, std::max<std::size_t>(1, nearest->size() / 3)))
    return "";
  return "; did you mean '" + *nearest + "'?";
}

}  // namespace dmjob::cli
