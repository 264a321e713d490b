// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/state_file.h"

#include <gmock/gmock.h>

#include <cerrno>
#include <filesystem>
#include <fstream>
#include <system_error>

#include "tests/store/state_folder.h"

namespace dmjob::store {
namespace {

using nlohmann::json;

TEST_F(StateFolder, a_new_folder_has_no_state) {
  EXPECT_EQ(load(), std::nullopt);
  EXPECT_EQ(permissions(folder), 0700u);
}

TEST_F(StateFolder, missing_parents_are_made) {
  folder = parent + "/a/b/";
  save({{"jobs", 1}});
  expect_loaded({{"jobs", 1}});
}

TEST_F(StateFolder, a_folder_that_is_there_keeps_its_permissions) {
  std::filesystem::create_directory(folder);
  std::filesystem::permissions(folder, std::filesystem::perms(0750));
  load();
  EXPECT_EQ(permissions(folder), 0750u);
}

TEST_F(StateFolder, what_was_saved_is_loaded) {
  const json content = {{"jobs", {{{"id", "j1"}, {"offset", 1ull << 63}}}}, {"name", "Grüße\n"}};
  save(content);
  expect_loaded(content);
}

TEST_F(StateFolder, files_are_for_the_owner_only) {
  save(1);
  save(2);
  EXPECT_EQ(permissions(file("state.json")), 0600u);
  EXPECT_EQ(permissions(file("state.json.old")), 0600u);
  EXPECT_EQ(permissions(file("lock")), 0600u);
}

TEST_F(StateFolder, the_generation_before_is_kept) {
  save("first");
  save("second");
  save("third");
  EXPECT_THAT(text("state.json"), ::testing::HasSubstr("third"));
  EXPECT_THAT(text("state.json.old"), ::testing::HasSubstr("second"));
  EXPECT_FALSE(exists("state.json.old.new"));
  EXPECT_FALSE(exists("state.json.aside"));
}

// Three files take turns, so that a save needs no new room.
TEST_F(StateFolder, the_next_save_is_written_over_the_generation_before_the_last) {
  save("first");
  save("second");
  const auto first = number("state.json.old");
  save("third");
  EXPECT_EQ(number("state.json.new"), first);
  EXPECT_THAT(text("state.json.new"), ::testing::HasSubstr("first"));
  save("fourth");
  EXPECT_EQ(number("state.json"), first);
  expect_loaded("fourth");
}

TEST_F(StateFolder, a_text_that_has_become_short_does_not_stay_in_a_long_file) {
  const std::string much(1 << 20, 'x');
  for (int i = 0; i < 3; ++i) save(much);
  for (int i = 0; i < 4; ++i) save("little");
  EXPECT_LT(text("state.json").size(), 100000U);
  expect_loaded("little");
}

TEST_F(StateFolder, the_file_says_version_and_sequence) {
  save("first");
  save("second");
  const json whole = json::parse(text("state.json"));
  EXPECT_EQ(whole.at("dmjob-state"), 1);
  EXPECT_EQ(whole.at("sequence"), 2);
  EXPECT_EQ(whole.at("crc32c").get<std::string>().size(), 8u);
}

TEST_F(StateFolder, two_daemons_cannot_have_it) {
  const StateFile first(folder);
  try {
    const StateFile second(folder);
    FAIL() << "both have it";
  } catch (const std::system_error& e) {
    EXPECT_EQ(e.code().value(), EBUSY);
    EXPECT_THAT(e.what(), ::testing::HasSubstr("another daemon"));
  }
}

TEST_F(StateFolder, a_state_that_nobody_loaded_is_not_saved_over) {
  save("first");
  save("second");
  put("state.json", "garbage");
  put("state.json.old", "garbage");
  StateFile file(folder);
  EXPECT_THROW(file.save("\"third\""), StateDamaged);
  EXPECT_EQ(text("state.json"), "garbage");
}

TEST_F(StateFolder, a_folder_that_cannot_be_made_is_an_error) {
  std::ofstream(parent + "/file").close();
  const std::string below = parent + "/file/inner/state";
  EXPECT_THAT([&] { StateFile file(below); },
              testing::ThrowsMessage<std::system_error>(below + ": Not a directory"));
  EXPECT_THROW(StateFile(parent + "/file"), std::system_error);
}

}  // namespace
}  // namespace dmjob::store
