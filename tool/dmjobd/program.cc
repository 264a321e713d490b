// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/program.h"

#include <pthread.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <memory>

#include "dm/features.h"
#include "dm/kernel_control.h"
#include "dm/name.h"
#include "libjob/core/error.h"
#include "libjob/io/disks_below.h"
#include "libjob/io/sysfs.h"
#include "tool/dmjobd/guardian.h"
#include "tool/dmjobd/listener.h"
#include "tool/dmjobd/log.h"
#include "tool/dmjobd/peer.h"
#include "tool/dmjobd/server.h"
#include "tool/dmjobd/system_daemon.h"

namespace dmjob::daemon {
namespace {

using boost::asio::awaitable;

// The daemon may be the one that resumes the disk its own pages would come from.
void lock_memory() {
  constexpr std::size_t kStack = 512 << 10;  // each thread's is locked whole
  pthread_attr_t attributes;
  pthread_attr_init(&attributes);
  pthread_attr_setstacksize(&attributes, kStack);
  pthread_setattr_default_np(&attributes);
  pthread_attr_destroy(&attributes);
  if (mlockall(MCL_CURRENT | MCL_FUTURE) != 0)
    log_warning(std::string("memory cannot be locked (") + std::strerror(errno) +
                "): do not copy the volume of the root file system or of swap");
}

// What it allocates while a volume is suspended must not wait for that volume's dirty pages.
void check_marking() {
  if (const std::error_code error = dm::check_io_flusher())
    log_warning("threads cannot be marked as ones that I/O depends on (PR_SET_IO_FLUSHER: " +
                error.message() +
                "): give dmjobd CAP_SYS_RESOURCE, or do not copy the volume of the root file "
                "system or of swap on a host that is short of memory");
}

// Each client takes a descriptor, a job several. The soft limit of 1024 is for programs that use
// select(); nothing in here does.
void raise_descriptor_limit() {
  constexpr rlim_t kEnough = 2 * Server::kMaxClients;
  rlimit limit{};
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  if (limit.rlim_max < kEnough)
    log_warning("only " + std::to_string(limit.rlim_max) +
                " files can be open at once (ulimit -Hn): with many clients or jobs new ones fail");
}

// Volumes are activated without it, too.
void check_scratch_folder(const std::string& folder) {
  std::error_code missing;
  if (!folder.empty() && !std::filesystem::is_directory(folder, missing))
    log_warning("scratch-dir " + folder + " is no folder" +
                (missing ? " (" + missing.message() + ")" : "") +
                ": until it is, jobs do without it or are refused");
}

// The next boot could not read from it which volumes to activate.
void require_ground_below_volumes(const std::string& folder) {
  for (const dev_t disk : io::disks_below(folder).disks) {
    const std::string about = io::sysfs::folder(disk) + "/dm/";
    if (io::sysfs::first_line(about + "uuid").starts_with(dm::kVolumeUuidPrefix))
      throw core::Error("the state folder " + folder + " lies on volume '" +
                        io::sysfs::first_line(about + "name") +
                        "', which dmjob activates only once it has read that folder: keep it on a "
                        "file system that is there before (--state-dir, state-dir)");
  }
}

// nullptr: jobs on live volumes are refused, offline copies work.
std::unique_ptr<dm::Control> open_device_mapper() {
  try {
    auto control = std::make_unique<dm::KernelControl>();
    for (const std::string& line : dm::missing_modules(*control)) log_warning(line);
    return control;
  } catch (const std::system_error& error) {
    log_warning(std::string("no device-mapper (") + error.what() + "): offline copies only");
    return nullptr;
  }
}

class Program {
 public:
  Program(const Config& config, dm::Control* control, Guardian& guardian)
      : config_(config),
        daemon_(reactor_.get_executor(), config, control, guardian),
        signals_(reactor_, SIGINT, SIGTERM) {}

  int run() {
    daemon_.load();
    boost::asio::co_spawn(reactor_, live(), pass_on);
    reactor_.run();
    return 0;
  }

 private:
  static void pass_on(std::exception_ptr error) {
    if (error) std::rethrow_exception(error);
  }

  awaitable<void> live() {
    auto listener = Listener::from_systemd();
    const auto group = find_group("dmjob");
    if (!listener) listener.emplace(Listener::bind(config_.socket, group));
    co_await daemon_.begin();
    auto gatekeeper = [group](int socket) { return decide_access(read_peer(socket), group); };
    auto server = Server::start(reactor_.get_executor(), daemon_, std::move(*listener), gatekeeper);
    boost::asio::co_spawn(reactor_, start(), pass_on);
    co_await signals_.async_wait(boost::asio::use_awaitable);
    sd_notify(0, "STOPPING=1");
    co_await end(server);
  }

  // Beside the socket and the end: a disk that hangs keeps neither waiting.
  awaitable<void> start() {
    sd_notify(0, "STATUS=Activating the volumes");
    co_await daemon_.start();
    sd_notify(0, "READY=1\nSTATUS=");
  }

  // Something that hangs on a disk cannot be waited for: the process ends all the same, and the
  // guardian takes care of what it leaves.
  awaitable<void> end(std::shared_ptr<Server> server) {
    constexpr core::Duration kTimeout = std::chrono::seconds(5);
    const bool answered = co_await server->stop(kTimeout);
    const bool idle = co_await daemon_.stop();
    if (!idle) log_error("a job does not come to rest; the next start takes it up");
    if (!idle || !answered) _exit(0);
    reactor_.stop();
  }

  const Config& config_;
  boost::asio::io_context reactor_{1};
  SystemDaemon daemon_;
  boost::asio::signal_set signals_;
};

}  // namespace

int run_program(const Config& config) {
  if (geteuid() != 0) throw core::Error("only root can run dmjobd");
  Listener::refuse_second(config.socket);
  std::signal(SIGPIPE, SIG_IGN);
  std::filesystem::create_directories(config.run_folder);
  Guardian guardian(config.run_folder + "/guardian.lock");  // forks: before any thread
  lock_memory();
  check_marking();
  raise_descriptor_limit();
  check_scratch_folder(config.scratch_folder);
  require_ground_below_volumes(config.state_folder);
  const auto control = open_device_mapper();
  return Program(config, control.get(), guardian).run();
}

}  // namespace dmjob::daemon
