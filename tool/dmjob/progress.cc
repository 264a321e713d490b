// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/progress.h"

#include <algorithm>
#include <array>

#include "tool/dmjob/job_state.h"
#include "tool/dmjob/print.h"
#include "tool/dmjob/size.h"

namespace dmjob::cli {
namespace {

using nlohmann::json;

constexpr unsigned kAll = 1000;
constexpr std::size_t kShortestBar = 6;
constexpr std::size_t kLongestBar = 40;

// Statuses in which everything was copied, or is copied as it is written.
bool got_there(const json& job) {
  constexpr std::array<std::string_view, 6> kThere = {"ready",   "standby",   "waiting",
                                                      "pending", "concluded", "null"};
  return text_of(job, "error").empty() &&
         std::ranges::find(kThere, text_of(job, "status")) != kThere.end();
}

std::string bar(unsigned done, std::size_t width) {
  const std::size_t filled = width * done / kAll;
  std::string text(filled, '=');
  if (filled < width) text += '>';
  text.resize(width, ' ');
  return '[' + text + ']';
}

std::string details(const json& job) {
  std::string text = phase_or_status(job);
  if (const auto rate = number_of(job, "rate"); rate != 0) text += ", " + format_size(rate) + "/s";
  if (const auto eta = number_of(job, "eta"); eta != 0)
    text += ", " + format_duration(eta) + " left";
  return text;
}

}  // namespace

unsigned permille(const json& job) {
  if (got_there(job)) return kAll;
  const auto len = number_of(job, "len");
  if (len == 0) return 0;
  const auto share = static_cast<double>(number_of(job, "offset")) / static_cast<double>(len);
  return std::min(static_cast<unsigned>(share * kAll), kAll - 1);
}

std::string format_percent(const json& job) {
  const unsigned done = permille(job);
  if (done == kAll) return "100%";
  return std::to_string(done / 10) + '.' + std::to_string(done % 10) + '%';
}

std::string progress_line(const json& job, int width) {
  // One column stays free: a terminal may wrap a line that fills it.
  const std::size_t room = width > 1 ? static_cast<std::size_t>(width) - 1 : 0;
  const std::string percent = format_percent(job);
  const std::string left = one_line(text_of(job, "id")) + ' ' +
                           std::string(percent.size() < 5 ? 5 - percent.size() : 0, ' ') + percent;
  const std::string right = ' ' + one_line(details(job));
  std::string line = left;
  if (room >= left.size() + right.size() + 3 + kShortestBar) {
    const std::size_t bar_width = std::min(room - left.size() - right.size() - 3, kLongestBar);
    line += ' ' + bar(permille(job), bar_width);
  }
  line += right;
  return line.substr(0, room);
}

}  // namespace dmjob::cli
