// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/support/stamp_log.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <fstream>
#include <iterator>
#include <sstream>
#include <stdexcept>
#include <system_error>

namespace dmjob::stamp {
namespace {

std::string read_whole_lines(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  text.resize(text.rfind('\n') + 1);  // npos + 1 is 0
  return text;
}

}  // namespace

History History::load(const std::string& path) {
  History history;
  std::istringstream lines(read_whole_lines(path));
  for (std::string line; std::getline(lines, line);) {
    std::istringstream fields(line);
    char kind = 0;
    Write write;
    fields >> kind >> write.block >> write.count >> write.sequence;
    if (!fields || (kind != '>' && kind != '<'))
      throw std::runtime_error(path + ": what is this? " + line);
    kind == '>' ? history.begin(write) : history.acknowledge(write);
  }
  return history;
}

void History::begin(const Write& write) {
  last_sequence_ = std::max(last_sequence_, write.sequence);
  for (std::uint64_t i = 0; i < write.count; ++i)
    blocks_[write.block + i].in_flight.insert(write.sequence);
}

void History::acknowledge(const Write& write) {
  for (std::uint64_t i = 0; i < write.count; ++i) {
    Expected& block = blocks_[write.block + i];
    block.acknowledged = std::max(block.acknowledged, write.sequence);
    block.in_flight.erase(block.in_flight.begin(), block.in_flight.upper_bound(block.acknowledged));
  }
}

Expected History::expected(std::uint64_t block) const {
  const auto found = blocks_.find(block);
  return found == blocks_.end() ? Expected{} : found->second;
}

Log::Log(const std::string& path)
    : fd_(::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_DSYNC | O_CLOEXEC, 0644)) {
  if (fd_ < 0 || ::ftruncate(fd_, static_cast<off_t>(read_whole_lines(path).size())) != 0) {
    throw std::system_error(errno, std::generic_category(), path);
  }
}

Log::~Log() { ::close(fd_); }

void Log::append(char kind, const Write& write) {
  std::ostringstream line;
  line << kind << ' ' << write.block << ' ' << write.count << ' ' << write.sequence << '\n';
  const std::string text = line.str();
  if (::write(fd_, text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
    throw std::system_error(errno, std::generic_category(), "write to the log");
  }
}

}  // namespace dmjob::stamp
