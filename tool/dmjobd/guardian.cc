// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/guardian.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <system_error>
#include <thread>

#include "dm/kernel_control.h"
#include "dm/topology/tracker_renewal.h"
#include "tool/dmjobd/guardian_acts.h"

namespace dmjob::daemon {

// What both processes see. A slot is taken by whoever moves it from kFree to kBusy, then written,
// then given its meaning; so the guardian never reads a half-written name.
struct Guardian::Page {
  enum class Meaning : int { kFree, kBusy, kOldTable, kNewTable, kMirror, kTracker };
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
  void forget(const std::string& name, Meaning meaning) noexcept;
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

void Guardian::Page::forget(const std::string& name, Meaning meaning) noexcept {
  for (Slot& slot : slots)
    if (slot.meaning == meaning && slot.is(name)) slot.meaning = Meaning::kFree;
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

// Longer than a guardian waits for what it has begun, twice.
constexpr std::chrono::seconds kPatience{20};
// How often trackers are looked at: they raise no event when they begin to fail good writes.
constexpr std::chrono::milliseconds kEvery{20};
// A disk that refuses one write after another is not to keep the machine busy.
constexpr std::chrono::milliseconds kBetweenRenewals{200};

// The next daemon is waiting for the lock.
std::string bell_of(const std::string& lock_file) { return lock_file + ".next"; }

void ring(const std::string& bell) {
  const int fd = open(bell.c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
  if (fd >= 0) close(fd);
}

int take_lock(const std::string& path) {
  const int fd = open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (fd < 0) fail(path);
  const std::string bell = bell_of(path);
  const auto give_up = std::chrono::steady_clock::now() + kPatience;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() > give_up) {
      unlink(bell.c_str());
      close(fd);
      fail("the guardian of an earlier dmjobd still holds " + path);
    }
    ring(bell);
    std::this_thread::sleep_for(std::chrono::milliseconds(20));
  }
  unlink(bell.c_str());
  return fd;
}

void stay_alive() {
  for (int ignored : {SIGINT, SIGTERM, SIGHUP, SIGPIPE, SIGQUIT}) std::signal(ignored, SIG_IGN);
  setsid();
  if (chdir("/") != 0) return;  // there is always one
  prctl(PR_SET_NAME, "dmjob-guardian");
  std::ofstream("/proc/self/oom_score_adj") << -1000;
  mlockall(MCL_CURRENT | MCL_FUTURE);  // best effort, like the daemon's
}

std::unique_ptr<dm::Control> open_kernel() { return std::make_unique<dm::KernelControl>(); }

enum class Look { kWell, kFailing, kGone };

Look look_at_tracker(dm::Control& control, const std::string& name) {
  try {
    return dm::fails_good_writes(control, name) ? Look::kFailing : Look::kWell;
  } catch (const std::system_error& error) {
    return error.code() == std::errc::no_such_device_or_address ? Look::kGone : Look::kWell;
  } catch (const std::exception&) {
    return Look::kWell;  // another table
  }
}

void wait_for_the_end(int pipe) {
  char byte = 0;
  while (read(pipe, &byte, 1) < 0 && errno == EINTR) {
  }
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
    guard(ends[0], lock, lock_file);
  }
  close(lock);  // the guardian's own copy keeps it
  close(ends[0]);
  pipe_ = ends[1];
}

// The guardian's whole life.
void Guardian::guard(int pipe, int lock, const std::string& lock_file) {
  stay_alive();
  wait_for_the_end(pipe);
  GuardianActs acts(open_kernel, fork, lock);
  for (const Page::Slot& slot : page_->slots)
    if (slot.suspended()) acts.resume(slot.name.data(), slot.takes_new_table());
  acts.wait();
  for (const Page::Slot& slot : page_->slots)
    if (slot.meaning == Page::Meaning::kMirror) acts.back_to_tracking(slot.name.data());
  acts.wait();
  std::signal(SIGTERM, SIG_DFL);  // the end of the machine does not wait for us
  try {
    watch_trackers(acts, bell_of(lock_file));
  } catch (const std::exception& error) {
    std::cerr << "dmjobd's guardian: " << error.what() << '\n' << std::flush;
  }
  _exit(0);
}

// Until the next daemon comes, or nothing is left.
void Guardian::watch_trackers(GuardianActs& acts, const std::string& bell) {
  std::map<std::string, std::chrono::steady_clock::time_point> next;
  std::unique_ptr<dm::Control> control;
  for (bool any = true; any && access(bell.c_str(), F_OK) != 0;) {
    any = false;
    acts.reap();
    for (Page::Slot& slot : page_->slots) {
      if (slot.meaning != Page::Meaning::kTracker) continue;
      any = true;
      if (!control) control = open_kernel();
      const auto now = std::chrono::steady_clock::now();
      const std::string name = slot.name.data();
      const Look look = look_at_tracker(*control, name);
      if (look == Look::kGone) slot.meaning = Page::Meaning::kFree;
      if (look != Look::kFailing || now < next[name]) continue;
      next[name] = now + kBetweenRenewals;
      acts.renew_tracker(name);
    }
    if (any) std::this_thread::sleep_for(kEvery);
  }
}

Guardian::~Guardian() { close(pipe_); }

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
  page_->forget(name, Page::Meaning::kMirror);
}

void Guardian::guard_tracker(const std::string& name) noexcept {
  page_->forget(name, Page::Meaning::kTracker);
  page_->note(name, Page::Meaning::kTracker);
}

void Guardian::forget_tracker(const std::string& name) noexcept {
  page_->forget(name, Page::Meaning::kTracker);
}

}  // namespace dmjob::daemon
