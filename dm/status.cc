// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/status.h"

#include <algorithm>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <tuple>
#include <utility>

#include "dm/number.h"

namespace dmjob::dm {
namespace {

constexpr std::uint64_t kMaxLegs = 9;  // what the kernel's mirror takes

// Words between single blanks, as the kernel writes them. An empty word is none of those expected.
class Words {
 public:
  explicit Words(std::string_view text) : rest_(text) {}

  std::string_view next() {
    const auto blank = rest_.find(' ');
    const std::string_view word = rest_.substr(0, blank);
    rest_.remove_prefix(blank == std::string_view::npos ? rest_.size() : blank + 1);
    return word;
  }
  bool at_end() const { return rest_.empty(); }

 private:
  std::string_view rest_;
};

using Numbers = std::pair<std::uint64_t, std::uint64_t>;

// "NUMBER/NUMBER", with that separator.
std::optional<Numbers> parse_numbers(std::string_view word, char separator) {
  const auto at = word.find(separator);
  if (at == std::string_view::npos) return std::nullopt;
  const auto first = parse_number(word.substr(0, at));
  const auto second = parse_number(word.substr(at + 1));
  if (!first || !second) return std::nullopt;
  return Numbers{*first, *second};
}

bool is_device(std::string_view word) { return parse_numbers(word, ':').has_value(); }

std::optional<Health> health(char letter) {
  switch (letter) {
    case 'A':
    case 'D':
    case 'S':
    case 'R':
    case 'F':
    case 'U':
      return static_cast<Health>(letter);
    default:
      return std::nullopt;
  }
}

bool read_regions(std::string_view word, MirrorStatus& status) {
  const auto numbers = parse_numbers(word, '/');
  if (!numbers || numbers->first > numbers->second) return false;
  std::tie(status.regions_in_sync, status.regions) = *numbers;
  return true;
}

bool read_legs(std::string_view letters, std::uint64_t count, MirrorStatus& status) {
  if (letters.size() != count) return false;
  for (const char letter : letters) {
    const auto leg = health(letter);
    if (!leg) return false;
    status.legs.push_back(*leg);
  }
  return true;
}

// "3 disk DEVICE LETTER" at the end.
bool read_log(Words& words, MirrorStatus& status) {
  if (words.next() != "3" || words.next() != "disk" || !is_device(words.next())) return false;
  const std::string_view letter = words.next();
  const auto log = letter.size() == 1 ? health(letter[0]) : std::nullopt;
  if (!log || !words.at_end()) return false;
  status.log = *log;
  return true;
}

// "LEGS DEVICE... IN_SYNC/REGIONS 1 LETTERS 3 disk DEVICE LETTER"
bool read(std::string_view text, MirrorStatus& status) {
  Words words(text);
  const auto legs = parse_number(words.next());
  if (!legs || *legs < 1 || *legs > kMaxLegs) return false;
  for (std::uint64_t i = 0; i < *legs; ++i) {
    const std::string_view device = words.next();
    if (!is_device(device)) return false;
    status.devices.emplace_back(device);
  }
  return read_regions(words.next(), status) && words.next() == "1" &&
         read_legs(words.next(), *legs, status) && read_log(words, status);
}

std::optional<SnapshotStatus::State> snapshot_state(std::string_view text) {
  using State = SnapshotStatus::State;
  constexpr std::pair<std::string_view, State> kWords[] = {{"Invalid", State::kInvalid},
                                                           {"Overflow", State::kOverflow},
                                                           {"Merge failed", State::kMergeFailed},
                                                           {"Unknown", State::kUnknown}};
  for (const auto& [word, state] : kWords)
    if (text == word) return state;
  return std::nullopt;
}

// "USED/TOTAL METADATA"
bool read_sectors(std::string_view text, SnapshotStatus& status) {
  Words words(text);
  const auto numbers = parse_numbers(words.next(), '/');
  const auto metadata = parse_number(words.next());
  if (!numbers || !metadata || !words.at_end()) return false;
  const auto [used, total] = *numbers;
  status = {SnapshotStatus::State::kValid, used, total, *metadata};
  return used <= total && *metadata <= used;
}

}  // namespace

bool MirrorStatus::in_sync() const {
  const auto alive = [](Health leg) { return leg == Health::kAlive; };
  return regions > 0 && regions_in_sync == regions && log == Health::kAlive && !legs.empty() &&
         std::all_of(legs.begin(), legs.end(), alive);
}

MirrorStatus parse_mirror_status(const std::string& text) {
  std::string_view trimmed = text;
  while (trimmed.ends_with(' ')) trimmed.remove_suffix(1);
  MirrorStatus status;
  if (!read(trimmed, status)) throw std::invalid_argument("not a mirror's status: " + text);
  return status;
}

SnapshotStatus parse_snapshot_status(const std::string& text) {
  SnapshotStatus status;
  if (const auto state = snapshot_state(text)) {
    status.state = *state;
    return status;
  }
  if (read_sectors(text, status)) return status;
  throw std::invalid_argument("not the status of a snapshot: \"" + text + '"');
}

}  // namespace dmjob::dm
