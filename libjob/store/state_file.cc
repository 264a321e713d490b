// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which generation is taken, by the order of a save: state.json.new is written and fsynced, then
// state.json gets its second name state.json.old, then .new is renamed over state.json, then the
// folder is fsynced. So state.json is whole at each instant, and a torn one is a fault of the disk:
// then .old is taken with a warning, and the next save keeps the damaged file as state.json.damaged
// and does not let it become .old. A .new that is found is a save that was never acknowledged.
#include "libjob/store/state_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cassert>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "libjob/io/fd.h"
#include "libjob/store/text_checksum.h"

namespace dmjob::store {
namespace {

constexpr int kVersion = 1;
constexpr const char* kCurrent = "state.json";
constexpr const char* kOlder = "state.json.old";
constexpr const char* kLink = "state.json.old.new";
constexpr const char* kNew = "state.json.new";
constexpr const char* kDamaged = "state.json.damaged";
constexpr const char* kLock = "lock";
constexpr const char* kVersionKey = "dmjob-state";

// Durable itself before anything in it is.
void make_folder(const std::string& folder) {
  const std::filesystem::path parent =
      std::filesystem::path(folder + "/.").parent_path().parent_path();
  std::error_code failed;
  if (!parent.empty() && !std::filesystem::create_directories(parent, failed) && failed)
    io::throw_error(failed.value(), folder);
  if (mkdir(folder.c_str(), 0700) != 0) {
    if (errno == EEXIST) return;
    io::throw_last_error(folder);
  }
  const io::Fd above(
      open(parent.empty() ? "." : parent.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!above || fsync(above.get()) != 0) io::throw_last_error(folder);
}

std::string read_all(int fd) {
  std::string text;
  std::array<char, 1 << 16> part;
  for (;;) {
    const ssize_t length = read(fd, part.data(), part.size());
    if (length < 0 && errno == EINTR) continue;
    if (length < 0) io::throw_last_error("read");
    if (length == 0) return text;
    text.append(part.data(), static_cast<std::size_t>(length));
  }
}

// A generation as it was found: its content, or what is wrong with it.
struct Generation {
  bool exists = true;
  bool newer = false;  // of a newer dmjob
  std::uint64_t sequence = 0;
  nlohmann::json content;
  std::string damage;  // empty: it is good
};

void take_fields(const nlohmann::json& whole, Generation& generation) {
  const int version = whole.at(kVersionKey).get<int>();
  if (version > kVersion) {
    generation.newer = true;
    generation.damage = "is of a newer dmjob (version " + std::to_string(version) + ")";
    return;
  }
  generation.sequence = whole.at("sequence").get<std::uint64_t>();
  generation.content = whole.at("content");
  // What was read is printed as it was when it was saved.
  if (whole.at("crc32c").get<std::string>() !=
      text_checksum(generation.content.dump(-1, ' ', true))) {
    generation.damage = "has a wrong checksum";
  }
}

Generation read_generation(int folder, const char* name) {
  Generation generation;
  const io::Fd fd(openat(folder, name, O_RDONLY | O_CLOEXEC));
  if (!fd && errno == ENOENT) {
    generation.exists = false;
    generation.damage = "is missing";
    return generation;
  }
  try {
    if (!fd) io::throw_last_error("open");
    take_fields(nlohmann::json::parse(read_all(fd.get())), generation);
  } catch (const std::exception& e) {
    generation.damage = std::string("cannot be read: ") + e.what();
  }
  return generation;
}

std::string describe(const char* name, const Generation& generation) {
  return std::string(name) + " " + generation.damage;
}

}  // namespace

StateFile::StateFile(std::string folder) : folder_(std::move(folder)) {
  make_folder(folder_);
  io::Fd at(open(folder_.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!at) io::throw_last_error(folder_);
  io::Fd lock(openat(at.get(), kLock, O_RDWR | O_CREAT | O_CLOEXEC, 0600));
  if (!lock) io::throw_last_error(path(kLock));
  if (flock(lock.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) io::throw_last_error(path(kLock));
    io::throw_error(EBUSY, folder_ + ": another daemon has it");
  }
  folder_fd_ = at.release();
  lock_fd_ = lock.release();
}

StateFile::~StateFile() {
  close(folder_fd_);
  close(lock_fd_);
}

std::string StateFile::path(const char* name) const { return folder_ + "/" + name; }

std::optional<StateFile::Loaded> StateFile::load() {
  Generation current = read_generation(folder_fd_, kCurrent);
  Generation older = read_generation(folder_fd_, kOlder);
  const std::string damage = describe(kCurrent, current) + ", " + describe(kOlder, older);
  if (!current.exists && !older.exists) {
    loaded_ = true;
    return std::nullopt;
  }
  if (current.newer || (!current.damage.empty() && !older.damage.empty())) {
    throw StateDamaged(folder_ + ": " + (current.newer ? describe(kCurrent, current) : damage) +
                       "; nothing is touched");
  }
  current_is_good_ = current.damage.empty();
  Generation& taken = current_is_good_ ? current : older;
  sequence_ = taken.sequence;
  loaded_ = true;
  std::string warning;
  if (!current_is_good_) warning = path(kCurrent) + " " + current.damage + "; taken: " + kOlder;
  return Loaded{std::move(taken.content), std::move(warning)};
}

void StateFile::save(const std::string& content) {
  if (!loaded_) load();
  const nlohmann::json head = {
      {kVersionKey, kVersion}, {"sequence", sequence_ + 1}, {"crc32c", text_checksum(content)}};
  std::string whole = head.dump();
  whole.back() = ',';  // instead of the brace
  whole += "\n\"content\":" + content + "}\n";
  try {
    write_new(whole);
  } catch (...) {
    unlinkat(folder_fd_, kNew, 0);
    throw;
  }
  keep_older();
  rename_over(kNew, kCurrent);
  current_is_good_ = true;
  ++sequence_;
  if (fsync(folder_fd_) != 0) io::throw_last_error(folder_);
}

void StateFile::write_new(const std::string& text) {
  unlinkat(folder_fd_, kNew, 0);
  const io::Fd fd(openat(folder_fd_, kNew, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!fd) io::throw_last_error(path(kNew));
  io::write_all(fd.get(), text, path(kNew));
  if (fsync(fd.get()) != 0) io::throw_last_error(path(kNew));
}

// By way of a third name, since link() does not replace and there is always to be one .old.
void StateFile::keep_older() {
  if (!current_is_good_) {
    renameat(folder_fd_, kCurrent, folder_fd_, kDamaged);
    return;
  }
  unlinkat(folder_fd_, kLink, 0);
  if (linkat(folder_fd_, kCurrent, folder_fd_, kLink, 0) != 0) {
    if (errno == ENOENT) return;
    io::throw_last_error(path(kLink));
  }
  rename_over(kLink, kOlder);
}

void StateFile::rename_over(const char* from, const char* to) {
  if (renameat(folder_fd_, from, folder_fd_, to) != 0) io::throw_last_error(path(to));
}

}  // namespace dmjob::store
