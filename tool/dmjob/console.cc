// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/console.h"

#include <sys/ioctl.h>
#include <unistd.h>

#include "tool/dmjob/print.h"
#include "tool/dmjob/progress.h"

namespace dmjob::cli {
namespace {

constexpr auto kBetweenDraws = std::chrono::milliseconds(100);
constexpr int kDefaultWidth = 80;

int terminal_width() {
  winsize size{};
  if (::ioctl(STDERR_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_col == 0) return kDefaultWidth;
  return size.ws_col;
}

std::string dump(const nlohmann::json& value, int indent) {
  return value.dump(indent, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

std::ostream& Console::out() {
  clear();
  return out_;
}

void Console::print_line(const std::string& text) { out() << text << '\n' << std::flush; }

void Console::print_json(const nlohmann::json& value) { out() << dump(value, 2) << '\n'; }

void Console::print_json_line(const nlohmann::json& value) { print_line(dump(value, -1)); }

void Console::remark(const std::string& text) {
  clear();
  if (!mode_.quiet) err_ << one_line(text) << '\n';
}

void Console::error(const std::string& text) {
  clear();
  err_ << "dmjob: " << one_line(text) << '\n';
}

void Console::draw(const std::vector<nlohmann::json>& jobs) {
  const auto now = std::chrono::steady_clock::now();
  if (!draws() || now - last_draw_ < kBetweenDraws) return;
  last_draw_ = now;
  clear();
  const int width = terminal_width();
  for (const nlohmann::json& job : jobs) err_ << progress_line(job, width) << '\n';
  err_.flush();
  lines_ = jobs.size();
}

void Console::clear() {
  if (lines_ == 0) return;
  err_ << "\x1b[" << lines_ << "A\r\x1b[J" << std::flush;
  lines_ = 0;
}

}  // namespace dmjob::cli
