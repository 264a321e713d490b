// SPDX-License-Identifier: LGPL-2.1-or-later
// The log of a stamping writer: what it was about to write, and what was acknowledged.
//
//     > BLOCK COUNT SEQUENCE      before the write
//     < BLOCK COUNT SEQUENCE      after it was acknowledged
//
// Each line is written at once (O_DSYNC), so after a power cut the log, if it lies elsewhere, tells
// what the device owes us. A last line that was cut off in the middle says nothing; it is left out.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>

namespace dmjob::stamp {

struct Write {
  std::uint64_t block = 0;
  std::uint64_t count = 0;
  std::uint64_t sequence = 0;
};

// What one block may hold: the newest acknowledged stamp, or one whose write began after that and
// may or may not have reached the device.
struct Expected {
  std::uint64_t acknowledged = 0;
  std::set<std::uint64_t> in_flight;

  bool allows(std::uint64_t sequence) const {
    return sequence == acknowledged || in_flight.contains(sequence);
  }
};

class History {
 public:
  // Nothing was written if the file does not exist. Throws std::runtime_error on a line that it
  // cannot read.
  static History load(const std::string& path);

  void begin(const Write& write);
  void acknowledge(const Write& write);

  // A block that was never written carries the stamp of `fill`: 0.
  Expected expected(std::uint64_t block) const;
  std::uint64_t blocks_written() const { return blocks_.size(); }
  std::uint64_t last_sequence() const { return last_sequence_; }

 private:
  std::map<std::uint64_t, Expected> blocks_;
  std::uint64_t last_sequence_ = 0;
};

class Log {
 public:
  // Appends to what is there, less a last line that was cut off.
  explicit Log(const std::string& path);
  ~Log();
  Log(const Log&) = delete;
  Log& operator=(const Log&) = delete;

  void begin(const Write& write) { append('>', write); }
  void acknowledge(const Write& write) { append('<', write); }

 private:
  void append(char kind, const Write& write);

  int fd_;
};

}  // namespace dmjob::stamp
