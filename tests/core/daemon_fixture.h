// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A small daemon around toy jobs: its reactor, its events, its state file. It can be stopped,
// killed and started again; the Toy and the state file stay.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "libjob/core/job.h"
#include "libjob/core/registry.h"
#include "tests/support/reactor.h"
#include "tests/support/toy_driver.h"

namespace dmjob::test {

class DaemonTest : public ::testing::Test {
 protected:
  DaemonTest() { start_daemon(); }

  // --- the story so far ---
  // Since the last call: "created running READY", other events without BLOCK_JOB_, "|" is not told;
  // one with an error is "COMPLETED(error)". Of all jobs, or of the one that is named.
  std::string story(const std::string& id = "");
  // The text of the error, "" if there was none.
  static std::string error_of(const std::function<void()>& request);
  std::string calls() const;
  std::string status() const { return std::string(core::to_string(job->status())); }
  // The last event of that name.
  nlohmann::json event(const std::string& name) const;

  // --- doing ---
  void make(core::JobOptions options,  // status created
            const core::Job::Group& group = std::make_shared<core::Transaction>());
  void start(core::JobOptions options = {.id = "j"});
  void settle();
  void change(const std::function<void(Toy&)>& arrange);  // and lets the job see it
  void finish_work() {
    change([](Toy& t) { t.work_done = true; });
  }
  void be_ready() {
    start();
    finish_work();
    story();
  }
  void be_pending();
  // Done, in one transaction with a partner that runs.
  void be_waiting(bool partner_auto_finalizes = true);
  // Any status but undefined, which nobody sees.
  void be(core::Status status);
  template <typename Verb>
  void ask(Verb verb) {
    verb(*job);
    settle();
  }

  // --- the daemon ---
  void stop_daemon();  // as by SIGTERM
  void kill_daemon();  // as by SIGKILL
  void
  restart_daemon();  // takes up the job that the state file holds; job is null if there is none
  void restart_with(nlohmann::json record);
  // A record as a daemon leaves it in that status.
  static nlohmann::json record_in(const std::string& status);

  std::shared_ptr<Toy> toy = std::make_shared<Toy>();
  std::shared_ptr<core::Job> job;
  std::shared_ptr<Toy> partner_toy = std::make_shared<Toy>();
  std::shared_ptr<core::Job> partner;
  nlohmann::json state_file = nlohmann::json::array();
  int writes = 0;                   // of the state file that were waited for
  std::optional<int> hang_at;       // the daemon stands still at this write
  bool hang_after_writing = false;  // just after it, else just before
  std::string write_error;
  std::string obstacle;  // to jobs that are taken up

  struct Daemon;
  std::unique_ptr<Daemon> daemon;

 private:
  void start_daemon();
  void write_state_file();
  boost::asio::awaitable<void> persist();
  void tell(const core::Event& event);

  struct Word {
    std::string id;
    std::string text;
  };
  std::vector<Word> told_;
  std::vector<core::Event> events_;
};

struct DaemonTest::Daemon {
  Reactor reactor;
  core::EventBus events;
  core::Registry registry;
  core::Signal never{reactor.executor()};
  bool write_soon = false;
  core::JobHost host{reactor.executor(), events, {}, {}, {}, {}};
};

}  // namespace dmjob::test
