// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Which generation is taken, by the order of a save: state.json.new is written and fsynced, then
// changes places with state.json.old, then that with state.json, then the folder is fsynced. So
// state.json is whole at each instant, and a torn one is a fault of the disk: then .old is taken
// with a warning, and the next save keeps the damaged file as state.json.damaged and does not let
// it become .old. What is in .new never counts. No name is ever added, since a folder that has to
// grow for one finds no room on a full file system. Where files cannot change places
// (RENAME_EXCHANGE), state.json gets the second name .old before .new is renamed over it.
#include "libjob/store/state_file.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cassert>
#include <cerrno>
#include <filesystem>
#include <string_view>
#include <system_error>
#include <utility>

#include "libjob/io/fd.h"
#include "libjob/store/reserved_file.h"
#include "libjob/store/text_checksum.h"

namespace dmjob::store {
namespace {

constexpr int kVersion = 1;
constexpr const char* kCurrent = "state.json";
constexpr const char* kOlder = "state.json.old";
constexpr const char* kLink = "state.json.old.new";  // where files cannot change places
constexpr const char* kNew = "state.json.new";
constexpr const char* kAside = "state.json.aside";  // of a dmjob that had a crash while it saved
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

// How long the file of a text is to be; a text that has grown a little needs no more.
constexpr std::size_t kSpare = 16 << 10;
std::size_t length_for(std::size_t text) {
  constexpr std::size_t kBlock = 4096;
  return (text + kSpare + kBlock - 1) / kBlock * kBlock;
}

io::Fd make_new(int folder) {
  io::Fd fd(openat(folder, kNew, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (fd) keep_in_place(fd.get());
  return fd;
}

// The file to be written over. One that is also known by another name, after a crash, is replaced;
// one that is much too long is cut.
io::Fd open_new(int folder, std::size_t wanted, std::size_t* length) {
  struct stat facts{};
  if (fstatat(folder, kNew, &facts, AT_SYMLINK_NOFOLLOW) == 0) {
    *length = static_cast<std::size_t>(facts.st_size);
    if (!S_ISREG(facts.st_mode) || facts.st_nlink != 1) unlinkat(folder, kNew, 0);
  }
  io::Fd there(openat(folder, kNew, O_WRONLY | O_CLOEXEC));
  if (!there) {
    *length = 0;
    return make_new(folder);
  }
  if (*length > 4 * wanted && ftruncate(there.get(), static_cast<off_t>(wanted)) == 0)
    *length = wanted;
  return there;
}

// Two names change what they lead to, in one step. 0 or an errno; EINVAL: this file system cannot.
int exchange(int folder, const char* one, const char* other) {
  return renameat2(folder, one, folder, other, RENAME_EXCHANGE) == 0 ? 0 : errno;
}

// Gives it room to the length wanted. Returns the length that it has: shorter if there is no room
// for more, and on a file system that cannot be asked for it.
std::size_t reserve(int fd, std::size_t length, std::size_t wanted) {
  if (length >= wanted || allocate(fd, 0, wanted) != 0) return length;
  return wanted;
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
  for (const char* name : {kLink, kAside}) unlinkat(folder_fd_, name, 0);
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
  write_new(whole);
  put_in_place();
  current_is_good_ = true;
  ++sequence_;
  if (fsync(folder_fd_) != 0) io::throw_last_error(folder_);
  keep_room();
}

void StateFile::write_new(const std::string& text) {
  std::size_t length = 0;
  const std::size_t wanted = length_for(text.size());
  const io::Fd fd = open_new(folder_fd_, wanted, &length);
  if (!fd) io::throw_last_error(path(kNew));
  if (length < text.size() + kSpare / 4) length = reserve(fd.get(), length, wanted);
  std::string padded = text;
  padded.resize(std::max(length, text.size()), ' ');
  io::write_all(fd.get(), padded, path(kNew));
  if (fsync(fd.get()) != 0) io::throw_last_error(path(kNew));
}

void StateFile::put_in_place() {
  if (!current_is_good_) renameat(folder_fd_, kCurrent, folder_fd_, kDamaged);
  if (faccessat(folder_fd_, kCurrent, F_OK, 0) == 0) {
    if (take_turns()) return;
    keep_older();
  }
  rename_over(kNew, kCurrent);
}

// False: this file system cannot.
bool StateFile::take_turns() {
  int failed = exchange(folder_fd_, kNew, kOlder);
  const bool had_none = failed == ENOENT;
  if (had_none) rename_over(kNew, kOlder);
  if (had_none || failed == 0) failed = exchange(folder_fd_, kOlder, kCurrent);
  if (had_none && failed == EINVAL) rename_over(kOlder, kNew);
  if (failed != 0 && failed != EINVAL) io::throw_error(failed, path(kCurrent));
  return failed == 0;
}

// For the next save; without it that takes room as it finds it.
void StateFile::keep_room() const {
  struct stat current{};
  if (fstatat(folder_fd_, kCurrent, &current, 0) != 0) return;
  const io::Fd fd = make_new(folder_fd_);
  if (fd) reserve(fd.get(), 0, static_cast<std::size_t>(current.st_size));
}

// By way of a third name, since link() does not replace and there is to be one .old at all times.
void StateFile::keep_older() {
  unlinkat(folder_fd_, kLink, 0);
  if (linkat(folder_fd_, kCurrent, folder_fd_, kLink, 0) != 0) io::throw_last_error(path(kLink));
  rename_over(kLink, kOlder);
}

void StateFile::rename_over(const char* from, const char* to) {
  if (renameat(folder_fd_, from, folder_fd_, to) != 0) io::throw_last_error(path(to));
}

}  // namespace dmjob::store
