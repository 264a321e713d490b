// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The state file: what was meant. Versioned, checksummed, replaced atomically (write aside, fsync,
// rename, fsync of the folder); the generation before it is kept as state.json.old, and the one
// before that is what the next is written over, so that a full file system takes it. For that, each
// file is longer than its text, by spaces. Not so where a write takes new blocks whatever is there
// (btrfs without NOCOW, ZFS), or where files cannot change places (JFS, NFS).
//
//   {"crc32c": "hex, of the text of content", "dmjob-state": 1, "sequence": N,
//   "content": {...}}
//
// Thread: one at a time (the state worker); every call may block. Errors: std::system_error.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <stdexcept>
#include <string>

namespace dmjob::store {

// Both generations are unreadable, or from a newer dmjob: touch nothing.
class StateDamaged : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

class StateFile {
 public:
  // Makes the folder if it is missing and takes its lock: throws EBUSY if another daemon has it.
  explicit StateFile(std::string folder);
  ~StateFile();
  StateFile(const StateFile&) = delete;
  StateFile& operator=(const StateFile&) = delete;

  struct Loaded {
    nlohmann::json content;
    std::string warning;  // why the older generation was taken; empty if it was not
  };
  // nullopt if there is no state yet. Throws StateDamaged.
  std::optional<Loaded> load();
  // `content` is JSON text as nlohmann prints it, sorted, without white space, in ASCII: the
  // checksum is that of this text. Durable when it returns. If it throws, what was there before is
  // still whole. Loads first if that was not done, so that nothing is saved over a state that
  // nobody has seen.
  void save(const std::string& content);

  const std::string& folder() const { return folder_; }

 private:
  std::string path(const char* name) const;
  void write_new(const std::string& text);
  void put_in_place();
  bool take_turns();
  void keep_older();
  void keep_room() const;
  void rename_over(const char* from, const char* to);

  std::string folder_;
  int folder_fd_ = -1;
  int lock_fd_ = -1;
  std::uint64_t sequence_ = 0;  // of what was loaded or saved last
  bool loaded_ = false;
  bool current_is_good_ = true;  // else it must not become the older generation
};

}  // namespace dmjob::store
