// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/store/state_folder.h"

#include <gmock/gmock.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace dmjob::store {

StateFolder::StateFolder() {
  parent = ::testing::TempDir() + "dmjob-state-XXXXXX";
  if (mkdtemp(parent.data()) == nullptr) throw std::runtime_error("mkdtemp " + parent);
  folder = parent + "/state";
}

StateFolder::~StateFolder() {
  std::error_code ignored;
  std::filesystem::remove_all(parent, ignored);
}

void StateFolder::save(const nlohmann::json& content) const {
  StateFile file(folder);
  file.load();
  file.save(content.dump(-1, ' ', true));
}

std::optional<StateFile::Loaded> StateFolder::load() const { return StateFile(folder).load(); }

void StateFolder::expect_loaded(const nlohmann::json& content) const {
  const auto loaded = load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->content, content);
  EXPECT_EQ(loaded->warning, "");
}

void StateFolder::expect_older_loaded(const nlohmann::json& content) const {
  const auto loaded = load();
  ASSERT_TRUE(loaded);
  EXPECT_EQ(loaded->content, content);
  EXPECT_THAT(loaded->warning, ::testing::HasSubstr("state.json.old"));
}

void StateFolder::expect_damaged(const std::string& word) const {
  EXPECT_THAT([this] { load(); },
              ::testing::ThrowsMessage<StateDamaged>(::testing::HasSubstr(word)));
}

std::string StateFolder::text(const std::string& name) const {
  std::ifstream stream(file(name));
  return {std::istreambuf_iterator<char>(stream), {}};
}

void StateFolder::put(const std::string& name, const std::string& text) const {
  remove(name);  // not the contents of a second name
  std::ofstream(file(name)) << text;
}

void StateFolder::remove(const std::string& name) const { std::filesystem::remove(file(name)); }

bool StateFolder::exists(const std::string& name) const {
  return std::filesystem::exists(file(name));
}

ino_t StateFolder::number(const std::string& name) const {
  struct stat facts{};
  EXPECT_EQ(stat(file(name).c_str(), &facts), 0) << name;
  return facts.st_ino;
}

unsigned StateFolder::permissions(const std::string& path) const {
  struct stat facts{};
  EXPECT_EQ(stat(path.c_str(), &facts), 0) << path;
  return facts.st_mode & 07777;
}

}  // namespace dmjob::store
