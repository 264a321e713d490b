// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Commands as a session runs them, on a daemon that only remembers.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <memory>
#include <string>
#include <utility>

#include "tests/support/reactor.h"
#include "tests/tool/fake_daemon.h"
#include "tool/dmjobd/commands.h"

namespace dmjob::daemon {

using nlohmann::json;

class CommandsTest : public ::testing::Test {
 protected:
  // What the answer holds; for an error "Class: text".
  json run(const std::string& command, const char* arguments = "{}", Access caller = Access::kAll,
           bool out_of_band = false) {
    Request request{command, json::parse(arguments), out_of_band, {}};
    json answer;
    reactor_.run(run_into(std::move(request), caller, answer));
    return answer;
  }
  std::shared_ptr<core::Job> start_ready(const std::string& id) {
    daemon_.toy().work_done = true;
    auto job = daemon_.start_job(id);
    reactor_.settle();
    EXPECT_EQ(job->status(), core::Status::kReady);
    return job;
  }
  std::string run_mirror(const std::string& more) {
    const std::string arguments =
        R"({"device":"data","target":"/dev/x","sync":"full",)" + more + "}";
    return run("blockdev-mirror", arguments.c_str()).dump();
  }

  test::Reactor reactor_;
  test::FakeDaemon daemon_{reactor_.executor()};

 private:
  boost::asio::awaitable<void> run_into(Request request, Access caller, json& answer) {
    try {
      auto running = run_command(daemon_, caller, std::move(request));
      const Reply reply = co_await std::move(running);
      answer = json::parse(reply.text());
    } catch (const core::Error& error) {
      const json shown = json::parse(error_line(error, std::nullopt))["error"];
      answer = shown["class"].get<std::string>() + ": " + shown["desc"].get<std::string>();
    }
  }
};

}  // namespace dmjob::daemon
