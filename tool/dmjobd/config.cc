// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/config.h"

#include <boost/program_options.hpp>
#include <filesystem>
#include <fstream>
#include <iostream>

#include "libjob/core/error.h"
#include "libjob/io/utf8.h"

namespace dmjob::daemon {
namespace {

namespace options = boost::program_options;

constexpr const char* kConfigFile = "/etc/dmjob/dmjobd.conf";

// What may stand in the file, too.
options::options_description settings() {
  options::options_description list;
  auto add = list.add_options();
  add("socket", options::value<std::string>()->value_name("PATH"),
      "where clients connect (/run/dmjob/qmp.sock)");
  add("state-dir", options::value<std::string>()->value_name("DIR"),
      "where volumes and jobs are kept (/var/lib/dmjob)");
  add("scratch-dir", options::value<std::string>()->value_name("DIR"),
      "where jobs may keep scratch files (none)");
  add("rules-dir", options::value<std::string>()->value_name("DIR"),
      "where udev's rules are written; on the root file system (/etc/udev/rules.d)");
  return list;
}

options::options_description command_line() {
  options::options_description list("Options");
  auto add = list.add_options();
  add("config", options::value<std::string>()->value_name("FILE"),
      "configuration file (/etc/dmjob/dmjobd.conf, if it is there)");
  add("help", "show this");
  add("version", "show the version");
  list.add(settings());
  return list;
}

void read_file(options::variables_map& values) {
  const bool named = values.count("config") > 0;
  const std::string path = named ? values["config"].as<std::string>() : kConfigFile;
  std::ifstream stream(path);
  if (!stream && !named) return;
  if (!stream) throw core::Error("configuration file " + path + " cannot be read");
  options::store(options::parse_config_file(stream, settings()), values);
}

// It would be in the state file, and in answers to clients, under another name.
void require_utf8(const std::string& path, const char* name) {
  if (!io::is_utf8(path))
    throw core::Error(std::string(name) +
                      " is not UTF-8: make a symbolic link of a plain name to it, and name that");
}

void take(const options::variables_map& values, const char* name, std::string& into) {
  if (values.count(name) == 0) return;
  into = std::filesystem::absolute(values[name].as<std::string>()).string();
  require_utf8(into, name);
}

}  // namespace

std::optional<Config> read_config(int argc, const char* const argv[]) {
  options::variables_map values;
  try {
    options::store(
        options::command_line_parser(argc, argv).options(command_line()).positional({}).run(),
        values);
    if (values.count("help") > 0) {
      std::cout << "dmjobd [OPTIONS]: runs block jobs on live disks, in the foreground\n"
                << command_line();
      return std::nullopt;
    }
    if (values.count("version") > 0) {
      std::cout << "dmjobd " << DMJOB_VERSION << "\n";
      return std::nullopt;
    }
    read_file(values);
  } catch (const options::error& error) {
    throw core::Error(std::string(error.what()) + " (dmjobd --help shows the options)");
  }
  Config config;
  take(values, "socket", config.socket);
  take(values, "state-dir", config.state_folder);
  take(values, "scratch-dir", config.scratch_folder);
  take(values, "rules-dir", config.rules_folder);
  config.run_folder = std::filesystem::path(config.socket).parent_path();
  config.memory_folder = config.run_folder;
  return config;
}

}  // namespace dmjob::daemon
