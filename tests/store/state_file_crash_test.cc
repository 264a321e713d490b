// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a crash, a disk or a newer dmjob may leave in the state folder.
#include <gmock/gmock.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <array>
#include <cerrno>
#include <csignal>
#include <cstddef>
#include <filesystem>
#include <system_error>
#include <thread>

#include "tests/store/state_folder.h"

namespace dmjob::store {
namespace {

// A file system that cannot do it is found nowhere, but the system call can be refused. For this
// thread, for good.
void refuse_renameat2() {
  std::array<sock_filter, 4> program{{
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_renameat2, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EINVAL),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  }};
  const sock_fprog whole{program.size(), program.data()};
  ASSERT_EQ(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), 0);
  ASSERT_EQ(prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &whole), 0);
}

// No file grows beyond so many bytes in this scope.
class DiskFull {
 public:
  explicit DiskFull(rlim_t bytes) {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~DiskFull() { setrlimit(RLIMIT_FSIZE, &before_); }

 private:
  rlimit before_{};
};

class StateAfterCrash : public StateFolder {
 protected:
  StateAfterCrash() {
    save("first");
    save("second");
  }

  // A generation that was saved, or none at all.
  void expect_nothing_false() const {
    try {
      const auto loaded = load();
      EXPECT_TRUE(loaded && (loaded->content == "first" || loaded->content == "second"));
    } catch (const StateDamaged&) {
    }
  }
};

TEST_F(StateAfterCrash, cut_anywhere_the_older_generation_is_taken) {
  std::string good = text("state.json");
  good.erase(good.find_last_not_of(' '));
  for (std::size_t length = 0; length + 1 < good.size(); ++length) {
    put("state.json", good.substr(0, length));
    expect_older_loaded("first");
  }
}

TEST_F(StateAfterCrash, with_any_byte_wrong_nothing_false_is_loaded) {
  const std::string good = text("state.json");
  const std::size_t end = good.find_last_not_of(' ') + 3;
  for (std::size_t at = 0; at < end; ++at) {
    std::string damaged = good;
    damaged[at] = static_cast<char>(damaged[at] ^ 0x04);
    put("state.json", damaged);
    expect_nothing_false();
  }
}

TEST_F(StateAfterCrash, zeroed_by_the_disk_the_older_generation_is_taken) {
  put("state.json", std::string(text("state.json").size(), '\0'));
  expect_older_loaded("first");
}

TEST_F(StateAfterCrash, missing_the_older_generation_is_taken) {
  remove("state.json");
  expect_older_loaded("first");
}

TEST_F(StateAfterCrash, both_damaged_nothing_is_taken) {
  put("state.json", "{}");
  put("state.json.old", "");
  expect_damaged("state.json.old cannot be read");
}

TEST_F(StateAfterCrash, damaged_and_without_an_older_one_nothing_is_taken) {
  put("state.json", "{\"dmjob-state\": 1}");
  remove("state.json.old");
  expect_damaged("nothing is touched");
}

TEST_F(StateAfterCrash, of_a_newer_dmjob_it_is_not_replaced_by_the_older_generation) {
  put("state.json", R"({"dmjob-state": 2, "what": "ever"})");
  expect_damaged("newer dmjob (version 2)");
}

TEST_F(StateAfterCrash, a_save_that_was_cut_short_does_not_count) {
  put("state.json.new", "{\"dmjob-sta");
  put("state.json.old.new", text("state.json"));
  put("state.json.aside", text("state.json.old"));
  expect_loaded("second");
  save("third");
  expect_loaded("third");
  EXPECT_FALSE(exists("state.json.old.new"));
  EXPECT_FALSE(exists("state.json.aside"));
}

TEST_F(StateAfterCrash, cut_short_between_the_two_changes_of_places_nothing_is_lost) {
  save("third");
  std::filesystem::rename(file("state.json.old"), file("state.json.new"));
  std::filesystem::rename(file("state.json"), file("state.json.old"));
  put("state.json", text("state.json.new"));  // "second", while .old is "third" already
  expect_loaded("second");
  save("fourth");
  expect_loaded("fourth");
  put("state.json", "garbage");
  expect_older_loaded("second");
}

TEST_F(StateAfterCrash, a_file_that_counts_is_never_written_over) {
  std::filesystem::remove(file("state.json.new"));
  std::filesystem::create_hard_link(file("state.json"), file("state.json.new"));
  {
    const DiskFull full(4096);
    EXPECT_THROW(save(std::string(10000, 'x')), std::system_error);
  }
  expect_loaded("second");
  std::filesystem::rename(file("state.json.old"), file("state.json.aside"));
  expect_loaded("second");
  save("third");
  expect_loaded("third");
  EXPECT_THAT(text("state.json.old"), ::testing::HasSubstr("second"));
}

TEST_F(StateAfterCrash, a_save_that_had_not_yet_taken_its_place_does_not_count) {
  remove("state.json.old");
  std::filesystem::create_hard_link(file("state.json"), file("state.json.old"));
  put("state.json.new", text("state.json"));
  expect_loaded("second");
  save("third");
  put("state.json", "garbage");
  expect_older_loaded("second");
}

TEST_F(StateAfterCrash, a_damaged_file_does_not_become_the_older_generation) {
  put("state.json", "garbage");
  save("third");
  expect_loaded("third");
  EXPECT_EQ(text("state.json.damaged"), "garbage");
  put("state.json", "garbage again");
  expect_older_loaded("first");
}

TEST_F(StateAfterCrash, after_a_missing_file_the_older_generation_stays_until_the_next_save) {
  remove("state.json");
  save("third");
  expect_loaded("third");
  remove("state.json");
  expect_older_loaded("first");
}

TEST_F(StateAfterCrash, where_files_cannot_change_places_the_generation_before_is_kept) {
  const auto saves = [this] {
    refuse_renameat2();
    for (const char* content : {"third", "fourth", "fifth"}) save(content);
    remove("state.json.old");
    save("sixth");
  };
  std::thread(saves).join();
  expect_loaded("sixth");
  put("state.json", "garbage");
  expect_older_loaded("fifth");
}

TEST_F(StateAfterCrash, a_full_disk_leaves_what_was_there) {
  {
    const DiskFull full(4096);
    EXPECT_THROW(save(std::string(10000, 'x')), std::system_error);
  }
  expect_loaded("second");
  EXPECT_THAT(text("state.json.old"), ::testing::HasSubstr("first"));
}

TEST_F(StateAfterCrash, the_same_daemon_saves_again_once_there_is_space) {
  StateFile state(folder);
  state.load();
  {
    const DiskFull full(4096);
    EXPECT_THROW(state.save('"' + std::string(10000, 'x') + '"'), std::system_error);
  }
  state.save("\"third\"");
  EXPECT_EQ(state.load()->content, "third");
}

}  // namespace
}  // namespace dmjob::store
