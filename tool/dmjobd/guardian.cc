// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/guardian.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <system_error>
#include <thread>

#include "dm/kernel_control.h"

namespace dmjob::daemon {

// What both processes see. A slot is taken by whoever moves it from kFree to kBusy, then written,
// then given its meaning; so the guardian never reads a half-written name.
struct Guardian::Page {
  enum class Meaning : int { kFree, kBusy, kOldTable, kNewTable, kMirror };
  struct Slot {
    std::atomic<Meaning> meaning;
    std::atomic<const Slot*> leader;  // of this page, at the same address for both; null: none
    std::array<char, 128> name;
    bool is(std::string_view other) const { return other == name.data(); }
    bool suspended() const {
      const Meaning now = meaning;
      return now == Meaning::kOldTable || now == Meaning::kNewTable;
    }
    bool takes_new_table() const {
      const Slot* decides = leader;
      return meaning == Meaning::kNewTable || (decides && decides->meaning == Meaning::kNewTable);
    }
  };
  // More than a host has jobs; what does not fit is not guarded.
  std::array<Slot, 256> slots;

  void note(const std::string& name, Meaning meaning) noexcept;
  Slot* find_suspended(const std::string& name) noexcept;
};

void Guardian::Page::note(const std::string& name, Meaning meaning) noexcept {
  if (name.size() >= sizeof(Slot::name)) return;
  for (Slot& slot : slots) {
    Meaning expected = Meaning::kFree;
    if (!slot.meaning.compare_exchange_strong(expected, Meaning::kBusy)) continue;
    std::memcpy(slot.name.data(), name.c_str(), name.size() + 1);
    slot.leader = nullptr;
    slot.meaning = meaning;
    return;
  }
}

Guardian::Page::Slot* Guardian::Page::find_suspended(const std::string& name) noexcept {
  for (Slot& slot : slots)
    if (slot.suspended() && slot.is(name)) return &slot;
  return nullptr;
}

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

constexpr std::chrono::seconds kPatienceWithChildren{7};
// Longer than a guardian waits for its children, twice.
constexpr std::chrono::seconds kPatience{20};

int take_lock(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) fail(path);
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() > give_up) {
      close(fd);
      fail("the guardian of an earlier dmjobd still holds " + path);
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  return fd;
}

void stay_alive() {
  for (int ignored : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT}) std::signal(ignored, SIG_IGN);
  setsid();
  prctl(PR_SET_NAME, "dmjob-guardian");
  std::ofstream("/proc/self/oom_score_adj") << -1000;
  mlockall(MCL_CURRENT | MCL_FUTURE);  // best effort, like the daemon's
}

void resume(dm::Control& control, const std::string& name, bool new_table) {
  const auto device = control.find(name);
  if (!device || !device->suspended) return;
  if (!new_table && device->inactive_table) control.clear(name);
  control.resume(name);
}

void back_to_tracking(dm::Control& control, const std::string& name) {
  const auto device = control.find(name);
  if (!device || !device->inactive_table) return;
  if (!device->suspended) control.suspend(name, dm::SuspendMode::kNoFlush);
  control.resume(name);
}

// In a process of its own: one hung disk must not keep the others waiting.
template <typename Action>
void in_child(int lock, Action action) {
  if (fork() != 0) return;
  close(lock);  // a hung child must not keep the next daemon waiting
  try {
    dm::KernelControl control;
    action(control);
  } catch (...) {
    _exit(1);
  }
  _exit(0);
}

// Waits for the children, but not for ever.
void wait_for_children() {
  const auto give_up = std::chrono::steady_clock::now() + kPatienceWithChildren;
  while (std::chrono::steady_clock::now() < give_up) {
    const pid_t ended = waitpid(-1, nullptr, WNOHANG);
    if (ended < 0) return;
    if (ended == 0) std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
}

bool daemon_ends_in_order(int pipe) {
  char byte = 0;
  ssize_t got = 0;
  do {
    got = read(pipe, &byte, 1);
  } while (got < 0 && errno == EINTR);
  return got == 1;
}

}  // namespace

Guardian::Guardian(const std::string& lock_file) {
  const int lock = take_lock(lock_file);  // an earlier guardian is gone now
  void* memory =
      mmap(nullptr, sizeof(Page), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("no memory for the guardian's ledger");
  page_ =
      std::shared_ptr<Page>(new (memory) Page{}, [](Page* page) { munmap(page, sizeof(Page)); });
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("no pipe to the guardian");
  const pid_t child = fork();
  if (child < 0) fail("no process for the guardian");
  if (child == 0) {
    close(ends[1]);
    guard(ends[0], lock);
  }
  close(lock);  // the guardian's own copy keeps it
  close(ends[0]);
  pipe_ = ends[1];
}

// The guardian's whole life.
void Guardian::guard(int pipe, int lock) {
  stay_alive();
  if (daemon_ends_in_order(pipe)) _exit(0);
  using Meaning = Page::Meaning;
  for (const Page::Slot& slot : page_->slots) {
    if (!slot.suspended()) continue;
    in_child(lock, [&](dm::Control& control) {
      resume(control, slot.name.data(), slot.takes_new_table());
    });
  }
  wait_for_children();
  for (const Page::Slot& slot : page_->slots) {
    if (slot.meaning != Meaning::kMirror) continue;
    in_child(lock, [&](dm::Control& control) { back_to_tracking(control, slot.name.data()); });
  }
  wait_for_children();
  _exit(0);
}

Guardian::~Guardian() { close(pipe_); }

void Guardian::dismiss() noexcept {
  const char bye = 0;
  [[maybe_unused]] const ssize_t written = write(pipe_, &bye, 1);
}

void Guardian::suspending(const std::string& name, dm::OnDeath action) noexcept {
  const auto meaning =
      action == dm::OnDeath::kNewTable ? Page::Meaning::kNewTable : Page::Meaning::kOldTable;
  if (Page::Slot* slot = page_->find_suspended(name))
    slot->meaning = meaning;
  else
    page_->note(name, meaning);
}

void Guardian::follow(const std::string& name, const std::string& leader) noexcept {
  if (Page::Slot* slot = page_->find_suspended(name)) slot->leader = page_->find_suspended(leader);
}

void Guardian::resumed(const std::string& name) noexcept {
  Page::Slot* gone = page_->find_suspended(name);
  if (!gone) return;
  for (Page::Slot& slot : page_->slots)
    if (slot.leader == gone) slot.leader = nullptr;  // the slot may soon be another device's
  gone->meaning = Page::Meaning::kFree;
}

void Guardian::watch_mirror(const std::string& name) noexcept {
  page_->note(name, Page::Meaning::kMirror);
}

void Guardian::forget_mirror(const std::string& name) noexcept {
  for (Page::Slot& slot : page_->slots)
    if (slot.meaning == Page::Meaning::kMirror && slot.is(name))
      slot.meaning = Page::Meaning::kFree;
}

}  // namespace dmjob::daemon
