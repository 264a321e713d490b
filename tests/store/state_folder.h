// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A state folder of a test, and what may befall its files.
#pragma once

#include <gtest/gtest.h>
#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "libjob/store/state_file.h"

namespace dmjob::store {

class StateFolder : public ::testing::Test {
 protected:
  StateFolder();
  ~StateFolder() override;

  // Each opens the folder, does its work and closes it again, as a daemon's life.
  void save(const nlohmann::json& content) const;
  std::optional<StateFile::Loaded> load() const;

  void expect_loaded(const nlohmann::json& content) const;        // without a warning
  void expect_older_loaded(const nlohmann::json& content) const;  // with one
  void expect_damaged(const std::string& word) const;

  std::string file(const std::string& name) const { return folder + "/" + name; }
  std::string text(const std::string& name) const;
  void put(const std::string& name, const std::string& text) const;
  void remove(const std::string& name) const;
  bool exists(const std::string& name) const;
  ino_t number(const std::string& name) const;
  unsigned permissions(const std::string& path) const;

  std::string parent;
  std::string folder;  // in parent; not yet there
};

}  // namespace dmjob::store
