// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/guardian.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <map>
#include <ranges>
#include <system_error>
#include <thread>

#include "dm/kernel_control.h"
#include "dm/name.h"
#include "dm/topology/tracker_renewal.h"
#include "tool/dmjobd/guardian_acts.h"
#include "tool/dmjobd/guardian_page.h"

namespace dmjob::daemon {

namespace {

[[noreturn]] void fail(const std::string& what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// Longer than a guardian waits for what it has begun, twice.
constexpr std::chrono::seconds kTimeout{20};
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
  const auto deadline = std::chrono::steady_clock::now() + kTimeout;
  while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK || std::chrono::steady_clock::now() > deadline) {
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
    return dm::why_failing(control, name) == dm::Failing::kNot ? Look::kWell : Look::kFailing;
  } catch (const std::system_error& error) {
    return error.code() == std::errc::no_such_device_or_address ? Look::kGone : Look::kWell;
  } catch (const std::exception&) {
    return Look::kWell;  // another table
  }
}

bool has_ended(int pipe, std::chrono::milliseconds wait) {
  pollfd end{.fd = pipe, .events = POLLIN, .revents = 0};
  return poll(&end, 1, static_cast<int>(wait.count())) > 0;
}

// Looks after trackers. In the guardian.
class TrackersWatch {
 public:
  TrackersWatch(GuardianPage& page, GuardianActs& acts) : page_(page), acts_(acts) {}

  // One look at all that are there. False if there are none.
  bool look() {
    bool any = false;
    end_acts();
    for (GuardianPage::Slot& slot : page_.slots) any = (is_ours(slot) && look(slot)) || any;
    return any;
  }
  // Those of a daemon that is gone, too.
  void include_all() { all_ = true; }

 private:
  using Meaning = GuardianPage::Meaning;

  bool is_ours(const GuardianPage::Slot& slot) const {
    return slot.is_tracker() && (all_ || slot.meaning != Meaning::kTracker);
  }
  void end_acts() {
    acts_.reap();
    for (GuardianPage::Slot& slot : page_.slots)
      if (slot.meaning == Meaning::kActing && !acts_.is_at(slot.name.data()))
        slot.meaning = Meaning::kInherited;
  }
  // False if it is gone.
  bool look(GuardianPage::Slot& slot) {
    const std::string name = slot.name.data();
    const Meaning before = slot.meaning;
    if (before == Meaning::kActing) return true;
    if (!control_) control_ = open_kernel();
    const auto now = std::chrono::steady_clock::now();
    const Look look = look_at_tracker(*control_, name);
    if (look == Look::kGone) slot.change(before, Meaning::kFree);
    if (look != Look::kFailing || now < next_[name]) return look != Look::kGone;
    next_[name] = now + kBetweenRenewals;
    const bool inherited = before == Meaning::kInherited;
    if (!inherited || slot.change(before, Meaning::kActing)) acts_.renew_tracker(name);
    return true;
  }

  GuardianPage& page_;
  GuardianActs& acts_;
  bool all_ = false;
  std::unique_ptr<dm::Control> control_;
  std::map<std::string, std::chrono::steady_clock::time_point> next_;
};

// Until the daemon is gone: what an earlier one has left and this one has not taken up.
void wait_for_the_end(int pipe, TrackersWatch& trackers) {
  constexpr std::chrono::milliseconds kForEver(-1);
  bool any = true;
  while (!has_ended(pipe, any ? kEvery : kForEver)) {
    try {
      any = trackers.look();
    } catch (const std::exception&) {
      any = false;  // no device-mapper, or nothing to look with
    }
  }
}

}  // namespace

Guardian::Guardian(const std::string& lock_file) {
  const int lock = take_lock(lock_file);  // an earlier guardian is gone now
  void* memory = mmap(nullptr, sizeof(GuardianPage), PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (memory == MAP_FAILED) fail("no memory for the guardian's ledger");
  page_ = std::shared_ptr<GuardianPage>(
      new (memory) GuardianPage{}, [](GuardianPage* page) { munmap(page, sizeof(GuardianPage)); });
  std::array<int, 2> ends{};
  if (pipe2(ends.data(), O_CLOEXEC) != 0) fail("no pipe to the guardian");
  inherit();
  child_ = fork();
  if (child_ < 0) fail("no process for the guardian");
  if (child_ == 0) {
    close(ends[1]);
    guard(ends[0], lock, lock_file);
  }
  close(lock);  // the guardian's own copy keeps it
  close(ends[0]);
  pipe_ = ends[1];
}

// The one who has looked after them until now is gone.
void Guardian::inherit() noexcept {
  try {
    const auto control = open_kernel();
    for (const dm::Device& device : control->list()) {
      if (!dm::is_inner_name(device.name) || !device.name.ends_with("-wr")) continue;
      const auto found = control->find(device.name);
      if (found && found->uuid.starts_with(dm::kInnerUuidPrefix))
        page_->note(device.name, GuardianPage::Meaning::kInherited);
    }
  } catch (const std::exception&) {  // no device-mapper, no trackers
  }
}

// The guardian's whole life.
void Guardian::guard(int pipe, int lock, const std::string& lock_file) {
  stay_alive();
  GuardianActs acts(open_kernel, fork, lock);
  TrackersWatch trackers(*page_, acts);
  wait_for_the_end(pipe, trackers);
  // From the bottom up, as far as the slots tell: a file system that is thawed writes to what is
  // below it.
  for (const GuardianPage::Slot& slot : page_->slots | std::views::reverse)
    if (slot.suspended()) acts.resume(slot.name.data(), slot.to_drop());
  acts.wait();
  for (const GuardianPage::Slot& slot : page_->slots)
    if (slot.meaning == GuardianPage::Meaning::kMirror) acts.back_to_tracking(slot.name.data());
  acts.wait();
  std::signal(SIGTERM, SIG_DFL);  // the end of the machine does not wait for us
  // Until the next daemon comes, or nothing is left.
  trackers.include_all();
  try {
    while (access(bell_of(lock_file).c_str(), F_OK) != 0 && trackers.look())
      std::this_thread::sleep_for(kEvery);
  } catch (const std::exception& error) {
    std::cerr << "dmjobd's guardian: " << error.what() << '\n' << std::flush;
  }
  _exit(0);
}

Guardian::~Guardian() { close(pipe_); }

void Guardian::suspending(const std::string& name, dm::OnDeath action,
                          dm::Droppable droppable) noexcept {
  const auto meaning = action == dm::OnDeath::kNewTable ? GuardianPage::Meaning::kNewTable
                                                        : GuardianPage::Meaning::kOldTable;
  if (GuardianPage::Slot* slot = page_->find_suspended(name)) {
    slot->droppable = droppable.mark();
    slot->meaning = meaning;
  } else {
    page_->note(name, meaning, droppable);
  }
}

void Guardian::follow(const std::string& name, const std::string& leader) noexcept {
  if (GuardianPage::Slot* slot = page_->find_suspended(name))
    slot->leader = page_->find_suspended(leader);
}

void Guardian::resumed(const std::string& name) noexcept {
  GuardianPage::Slot* gone = page_->find_suspended(name);
  if (!gone) return;
  for (GuardianPage::Slot& slot : page_->slots)
    if (slot.leader == gone) slot.leader = nullptr;  // the slot may soon be another device's
  gone->meaning = GuardianPage::Meaning::kFree;
}

void Guardian::watch_mirror(const std::string& name) noexcept {
  page_->note(name, GuardianPage::Meaning::kMirror);
}

void Guardian::forget_mirror(const std::string& name) noexcept {
  page_->forget(name, GuardianPage::Meaning::kMirror);
}

void Guardian::guard_tracker(const std::string& name) noexcept {
  forget_tracker(name);
  page_->note(name, GuardianPage::Meaning::kTracker);
}

void Guardian::forget_tracker(const std::string& name) noexcept {
  page_->forget(name, GuardianPage::Meaning::kTracker);
  page_->take_over(name, [this] { return lives(); });
}

// A guardian that is gone is seen as such until this process has waited for it.
bool Guardian::lives() noexcept { return waitpid(child_, nullptr, WNOHANG) == 0; }

}  // namespace dmjob::daemon
