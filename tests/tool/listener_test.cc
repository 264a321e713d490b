// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/listener.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <optional>
#include <string>

#include "libjob/core/error.h"
#include "tests/support/temp_folder.h"

namespace dmjob::daemon {
namespace {

using ::testing::HasSubstr;

class ListenerTest : public ::testing::Test {
 protected:
  std::string path() const { return folder_.path("run/qmp.sock"); }
  static mode_t mode_of(const std::string& path) {
    struct stat file{};
    return ::stat(path.c_str(), &file) == 0 ? file.st_mode & 07777U : 0;
  }
  static std::string error_of_bind(const std::string& path) {
    try {
      Listener::bind(path, std::nullopt);
    } catch (const core::Error& error) {
      return error.what();
    }
    return "";
  }
  // As a daemon leaves it that was killed.
  void leave_stale_socket() {
    Listener listener = Listener::bind(path(), std::nullopt);
    std::filesystem::rename(path(), path() + ".kept");
    {
      const Listener gone = std::move(listener);
    }
    std::filesystem::rename(path() + ".kept", path());
  }

  test::TempFolder folder_;
};

TEST_F(ListenerTest, MakesTheFolderAndASocketForRootOnly) {
  const mode_t before = ::umask(077);
  const Listener listener = Listener::bind(path(), std::nullopt);
  ::umask(before);
  EXPECT_EQ(mode_of(folder_.path("run")), 0755U);
  EXPECT_EQ(mode_of(path()), 0600U);
}

TEST_F(ListenerTest, LetsTheGroupIn) {
  const Listener listener = Listener::bind(path(), ::getgid());
  EXPECT_EQ(mode_of(path()), 0660U);
}

TEST_F(ListenerTest, LeavesAFolderThatIsThereAsItIs) {
  std::filesystem::create_directory(folder_.path("run"));
  ::chmod(folder_.path("run").c_str(), 0700);
  const Listener listener = Listener::bind(path(), std::nullopt);
  EXPECT_EQ(mode_of(folder_.path("run")), 0700U);
}

TEST_F(ListenerTest, RemovesItsSocketAtTheEnd) {
  {
    const Listener listener = Listener::bind(path(), std::nullopt);
  }
  EXPECT_FALSE(std::filesystem::exists(path()));
}

TEST_F(ListenerTest, ReplacesTheSocketOfADaemonThatIsGone) {
  leave_stale_socket();
  ASSERT_TRUE(std::filesystem::exists(path()));
  EXPECT_NO_THROW(Listener::refuse_second(path()));
  EXPECT_EQ(error_of_bind(path()), "");
}

TEST_F(ListenerTest, RefusesWhereAnotherDaemonListens) {
  const Listener other = Listener::bind(path(), std::nullopt);
  EXPECT_THAT(error_of_bind(path()), HasSubstr("another dmjobd is running"));
  EXPECT_THROW(Listener::refuse_second(path()), core::Error);
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(ListenerTest, KeepsASocketThatAnotherHasPutInItsPlace) {
  std::optional<Listener> first = Listener::bind(path(), std::nullopt);
  std::filesystem::remove(path());
  const Listener second = Listener::bind(path(), std::nullopt);
  first.reset();
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(ListenerTest, DoesNotReplaceAFile) {
  std::filesystem::create_directory(folder_.path("run"));
  std::ofstream(path()) << "precious";
  EXPECT_THAT(error_of_bind(path()), HasSubstr("no socket"));
  EXPECT_TRUE(std::filesystem::exists(path()));
}

TEST_F(ListenerTest, RefusesAPathThatNoSocketCanHave) {
  EXPECT_THAT(error_of_bind(folder_.path(std::string(120, 'x'))), HasSubstr("1 to 107 bytes"));
  EXPECT_THAT(error_of_bind(""), HasSubstr("1 to 107 bytes"));
}

// --- systemd ---

// What sd_listen_fds() looks for, in a process of its own.
bool takes_passed(int socket) {
  if (::dup2(socket, 3) != 3) return false;
  ::setenv("LISTEN_PID", std::to_string(::getpid()).c_str(), 1);
  ::setenv("LISTEN_FDS", "1", 1);
  const auto listener = Listener::from_systemd();
  return listener && listener->socket() == 3 && ::getenv("LISTEN_FDS") == nullptr;
}

TEST_F(ListenerTest, TakesTheSocketThatSystemdPassed) {
  const Listener made = Listener::bind(path(), std::nullopt);
  EXPECT_EXIT(std::_Exit(takes_passed(made.socket()) ? 0 : 1), ::testing::ExitedWithCode(0), "");
}

TEST_F(ListenerTest, RefusesAnotherThingThanAListeningSocketFromSystemd) {
  const int connected = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const auto refuses = [&] {
    try {
      takes_passed(connected);
    } catch (const core::Error&) {
      return true;
    }
    return false;
  };
  EXPECT_EXIT(std::_Exit(refuses() ? 0 : 1), ::testing::ExitedWithCode(0), "");
  ::close(connected);
}

TEST_F(ListenerTest, WithoutSystemdThereIsNone) {
  EXPECT_FALSE(Listener::from_systemd().has_value());
}

}  // namespace
}  // namespace dmjob::daemon
