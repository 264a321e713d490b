// SPDX-License-Identifier: LGPL-2.1-or-later
// stamp: the oracle for acknowledged writes. It fills a device with stamped blocks, writes to it at
// random while a log tells what was acknowledged, and afterwards says whether the device, or its
// copy, holds all of that.
#include <fcntl.h>

#include <boost/program_options.hpp>
#include <csignal>
#include <exception>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/support/stamp_device.h"
#include "tests/support/stamp_log.h"
#include "tests/support/stamp_verify.h"
#include "tests/support/stamp_writer.h"

namespace {

using namespace dmjob::stamp;
namespace po = boost::program_options;

enum ExitStatus { kGood = 0, kMismatch = 1, kFailed = 2, kUsage = 64 };

constexpr const char* kSynopsis =
    "usage: stamp fill DEVICE\n"
    "       stamp run DEVICE LOG SECONDS    until then, or SIGTERM; prints its latencies as JSON\n"
    "       stamp verify DEVICE LOG         prints what it found as JSON\n"
    "Exit status: 0 good, 1 mismatch, 2 an error of the device, 64 usage";

struct Options {
  std::vector<std::string> words;
  Range range;
  WriterOptions writer;
};

volatile std::sig_atomic_t stop_asked = 0;

void on_terminate(int /*signal*/) { stop_asked = 1; }

po::options_description describe(Options& options) {
  po::options_description description("Options");
  auto add = description.add_options();
  add("iops", po::value(&options.writer.iops)->default_value(500), "writes a second, at most");
  add("seed", po::value(&options.writer.seed)->default_value(1), "of the random numbers");
  add("sync", po::bool_switch(&options.writer.sync), "fsync after each write");
  add("block", po::value(&options.range.block_size)->default_value(4096), "block size in bytes");
  add("offset", po::value(&options.range.offset)->default_value(0), "start of the range, bytes");
  add("length", po::value(&options.range.length)->default_value(0),
      "of the range, bytes; 0: to the end");
  add("help", "this text");
  return description;
}

int fill_device(const Options& options) {
  Device device(options.words[1], O_RDWR, options.range);
  fill(device);
  return kGood;
}

int run(const Options& options) {
  const std::string& path = options.words[2];
  Device device(options.words[1], O_RDWR, options.range);
  WriterOptions writer = options.writer;
  writer.duration = std::chrono::duration<double>(std::stod(options.words[3]));
  std::signal(SIGTERM, on_terminate);
  const std::uint64_t first_sequence = History::load(path).last_sequence() + 1;
  Log log(path);
  const WriterStats stats =
      run_writer(device, log, first_sequence, writer, [] { return stop_asked != 0; });
  std::cout << to_json(stats) << '\n';
  return stats.error.empty() ? kGood : kFailed;
}

int verify_device(const Options& options) {
  const Device device(options.words[1], O_RDONLY, options.range);
  const Verdict verdict = verify(device, History::load(options.words[2]));
  std::cout << to_json(verdict) << '\n';
  return verdict.mismatches == 0 ? kGood : kMismatch;
}

struct Command {
  std::size_t words;
  int (*function)(const Options&);
};

const std::map<std::string, Command> kCommands = {
    {"fill", {.words = 2, .function = fill_device}},
    {"run", {.words = 4, .function = run}},
    {"verify", {.words = 3, .function = verify_device}},
};

int usage(const po::options_description& description, std::ostream& out, int status) {
  out << kSynopsis << "\n" << description;
  return status;
}

int run_command(int argc, char** argv) {
  Options options;
  po::options_description visible = describe(options);
  po::options_description all;
  all.add(visible).add_options()("word", po::value(&options.words));
  po::positional_options_description words;
  words.add("word", -1);
  po::variables_map given;
  po::store(po::command_line_parser(argc, argv).options(all).positional(words).run(), given);
  po::notify(given);

  if (given.contains("help")) return usage(visible, std::cout, kGood);
  const auto command = kCommands.find(options.words.empty() ? "" : options.words.front());
  if (command == kCommands.end() || command->second.words != options.words.size()) {
    return usage(visible, std::cerr, kUsage);
  }
  return command->second.function(options);
}

}  // namespace

int main(int argc, char** argv) {
  try {
    return run_command(argc, argv);
  } catch (const po::error& error) {
    std::cerr << "stamp: " << error.what() << "\n";
    return kUsage;
  } catch (const std::exception& error) {
    std::cerr << "stamp: " << error.what() << "\n";
    return kFailed;
  }
}
