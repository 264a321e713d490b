// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A small daemon with one job: its reactor, its events, its state file. It can be stopped and
// started again; the Stage, which is the fake kernel and the disks, stays. A Stage is a test with
// the members `kernel` and `ledger`.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "libjob/core/error.h"
#include "libjob/core/job.h"
#include "tests/support/test_environment.h"

namespace dmjob::drivers {

template <typename Stage>
class JobStory : public Stage {
 protected:
  JobStory() { start_daemon(); }
  ~JobStory() override { stop_daemon(); }

  // --- doing ---

  void start(std::unique_ptr<core::Driver> driver, core::JobOptions options = {.id = "j"}) {
    make_job(std::move(driver), std::move(options));
    job->start();
  }
  void make_job(std::unique_ptr<core::Driver> driver, core::JobOptions options = {.id = "j"}) {
    job = core::Job::create(daemon->host, std::move(options), std::move(driver));
  }
  // Wakes the job from its waits, whose length is no concern of a test.
  void until(const std::function<bool()>& condition) {
    try {
      daemon->reactor.run_until([&] {
        job->kick();
        return condition();
      });
    } catch (const std::runtime_error&) {
      ADD_FAILURE() << job->query_block_job();
      throw;
    }
  }
  void until_status(core::Status status) {
    until([&] { return job->status() == status; });
  }
  void until_ready() { until_status(core::Status::kReady); }
  void until_over() {
    until([&] { return !job->holds_claims() && job->idle(); });
  }
  void until_phase(const std::string& phase) {
    until([&] { return job->query_block_job()["phase"] == phase; });
  }
  // Cancelled where it is, unless it is over.
  void give_up() {
    if (!job || !job->holds_claims()) return;
    try {
      job->cancel(true);
    } catch (const core::Error&) {  // it takes effect just now
    }
    until_over();
  }

  // --- the daemon ---

  void start_daemon() {
    daemon = std::make_unique<Daemon>(this->kernel, this->ledger);
    daemon->host.persist = [this] { return persist(); };
    daemon->events.subscribe([this](const core::Event& event) { tell(event); });
  }
  // As by SIGTERM.
  void stop_daemon() {
    stop_job();
    job.reset();
    daemon.reset();
  }
  void stop_job() {
    if (!job) return;
    job->stop_for_exit();
    daemon->reactor.run_until([&] { return job->idle(); });
  }
  void add(const volumes::ManagedVolume& one) {
    daemon->volumes.add(one);
    stored = {{"volumes", daemon->volumes.record()}};
  }
  // Starts it again with what is stored; `driver` is made of the job's part of that.
  using MakeDriver = std::function<std::unique_ptr<core::Driver>(const nlohmann::json& record)>;
  void restart(const MakeDriver& driver) {
    stop_job();
    if (job && store_error.empty()) daemon->reactor.run(persist());
    stop_daemon();
    start_daemon();
    daemon->volumes.restore(stored["volumes"]);
    const nlohmann::json record = stored["job"];
    job = core::Job::restore(daemon->host, record, driver(record["driver"]));
    job->start();
  }

  // --- what came of it ---

  const volumes::ManagedVolume* managed() const { return daemon->volumes.find("vol"); }
  // What the next start would find.
  volumes::ManagedVolume stored_volume() const {
    volumes::ManagedVolumes next;
    next.restore(stored["volumes"]);
    return *next.find("vol");
  }
  bool has_event(const std::string& name, const std::string& key, const std::string& value) const {
    return std::ranges::any_of(events, [&](const core::Event& event) {
      return event.name == name && event.data.value(key, "") == value;
    });
  }
  // Where in the kernel's log a line comes first; its size if it is not there.
  std::size_t at(const std::string& line) const {
    const auto log = this->kernel.log();
    return static_cast<std::size_t>(std::ranges::find(log, line) - log.begin());
  }
  int count(const std::string& line) const {
    return static_cast<int>(std::ranges::count(this->kernel.log(), line));
  }

  // What the kernel's log says of a state file that was written; "" for nothing.
  virtual std::string stored_stage_word() const = 0;

  struct Daemon : test::TestEnvironment {
    using TestEnvironment::TestEnvironment;
    core::JobHost host{reactor.executor(), events, {}, [] {}, [](core::Job&) {}};
  };
  std::unique_ptr<Daemon> daemon;
  std::shared_ptr<core::Job> job;
  nlohmann::json stored;               // the state file
  std::string store_error;             // why it cannot be written; empty: it can
  std::function<void()> before_store;  // may throw
  std::vector<core::Event> events;

 private:
  boost::asio::awaitable<void> persist() {
    if (before_store) before_store();
    if (!store_error.empty()) throw core::Error(store_error);
    stored = {{"volumes", daemon->volumes.record()}, {"job", job->record()}};
    if (const std::string stage = stored_stage_word(); !stage.empty())
      this->kernel.note("store " + stage);
    co_return;
  }
  void tell(const core::Event& event) { events.push_back(event); }
};

}  // namespace dmjob::drivers
