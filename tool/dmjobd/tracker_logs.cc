// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/tracker_logs.h"

#include <array>
#include <memory>
#include <span>
#include <sstream>
#include <stdexcept>
#include <system_error>

#include "dm/mirror_log.h"
#include "dm/targets.h"
#include "dm/topology/copy_stack.h"
#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"

namespace dmjob::daemon {
namespace {

void check(std::error_code error) {
  if (error) throw std::system_error(error);
}

// A log on its device.
class Log {
 public:
  Log(dev_t dev, std::uint64_t regions)
      : regions_(regions),
        device_(io::open_device(dev, io::Access::kReadWrite)),
        bytes_(dm::mirror_log_bytes(regions)) {}

  std::span<std::byte> bytes() { return bytes_.bytes(); }
  void read() {
    check(device_->read(0, bytes()));
    if (!dm::valid_mirror_log(bytes(), regions_)) throw std::runtime_error("no log");
  }
  void write() {
    check(device_->write(0, bytes()));
    check(device_->flush());
  }
  // A mark is a bit that is 0.
  void add(Log& other) {
    const auto more = dm::mirror_log_bits(other.bytes(), regions_);
    const auto marks = bytes().subspan(
        static_cast<std::size_t>(dm::mirror_log_bits(bytes(), regions_).data() - bytes().data()),
        more.size());
    for (std::size_t i = 0; i < more.size(); ++i) marks[i] &= more[i];
  }
  void clear() { dm::format_mirror_log(bytes(), regions_, true); }

 private:
  const std::uint64_t regions_;
  const std::unique_ptr<io::BlockDevice> device_;
  io::AlignedBuffer bytes_;
};

// The words of tracker_table().
struct Words {
  explicit Words(const dm::Table& table) : length(table.sectors()) {
    std::istringstream in(table.segments().front().args);
    std::string disk;
    std::string two;
    in >> disk >> two >> log >> region;
    std::getline(in, rest);
    if (!in || region == 0) throw std::runtime_error("no tracker");
  }
  dm::Table with(dev_t other) const {
    return dm::Table(
        {dm::Segment{0, length, "mirror",
                     "disk 2 " + dm::print_dev(other) + ' ' + std::to_string(region) + rest}});
  }
  std::uint64_t regions() const { return length / region + (length % region != 0); }

  std::uint64_t length;
  std::string log;
  std::uint64_t region = 0;
  std::string rest;
};

using Numbers = std::array<dev_t, dm::kLogs>;

Numbers find_logs(dm::Control& control, const std::string& wr) {
  constexpr std::string_view kPart = "wr";
  if (!wr.ends_with(kPart)) throw std::runtime_error("no tracker of ours");
  const std::string stem = wr.substr(0, wr.size() - kPart.size());
  Numbers logs{};
  for (std::size_t i = 0; i < logs.size(); ++i)
    logs.at(i) = control.find(stem + "log" + std::to_string(i)).value().dev;
  return logs;
}

std::size_t live_one(const Numbers& logs, const std::string& word) {
  for (std::size_t i = 0; i < logs.size(); ++i)
    if (dm::print_dev(logs.at(i)) == word) return i;
  throw std::runtime_error("no log of ours");
}

}  // namespace

std::optional<dm::Table> with_a_free_log(dm::Control& control, const std::string& wr,
                                         const dm::Table& table) noexcept {
  try {
    const Words words(table);
    const Numbers logs = find_logs(control, wr);
    const std::size_t live = live_one(logs, words.log);
    const dev_t next = logs.at((live + 1) % logs.size());
    Log free(next, words.regions());
    Log other(logs.at((live + 2) % logs.size()), words.regions());
    free.read();
    other.read();
    other.add(free);
    other.write();
    free.clear();
    free.write();
    return words.with(next);
  } catch (const std::exception&) {
    return std::nullopt;
  }
}

}  // namespace dmjob::daemon
