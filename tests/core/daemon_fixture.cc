// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/core/daemon_fixture.h"

#include <utility>

namespace dmjob::test {

using core::Job;
using nlohmann::json;

namespace {

std::string join(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) text += (text.empty() ? "" : " ") + word;
  return text;
}

}  // namespace

// --- the story so far ---

std::string DaemonTest::story() { return join(std::exchange(told_, {})); }

std::string DaemonTest::calls() const { return join(toy->calls); }

std::string DaemonTest::error_of(const std::function<void()>& request) {
  try {
    request();
  } catch (const core::Error& error) {
    return error.what();
  }
  return "";
}

void DaemonTest::tell(const core::Event& event) {
  events_.push_back(event);
  if (event.name == "JOB_STATUS_CHANGE") {
    told_.push_back(event.data["status"]);
    return;
  }
  const std::string prefix = "BLOCK_JOB_";
  const bool ours = event.name.starts_with(prefix);
  told_.push_back((ours ? event.name.substr(prefix.size()) : event.name) +
                  (event.data.contains("error") ? "(error)" : ""));
}

json DaemonTest::event(const std::string& name) const {
  for (auto event = events_.rbegin(); event != events_.rend(); ++event) {
    if (event->name == name) return event->data;
  }
  return nullptr;
}

// --- doing ---

void DaemonTest::make(core::JobOptions options) {
  job = Job::create(daemon->host, std::move(options), std::make_unique<ToyDriver>(toy));
  daemon->registry.add(job);
}

void DaemonTest::start(core::JobOptions options) {
  make(std::move(options));
  job->start();
  settle();
}

void DaemonTest::settle() {
  daemon->reactor.settle();
  if (std::exchange(daemon->write_soon, false)) write_state_file();
}

void DaemonTest::change(const std::function<void(Toy&)>& arrange) {
  arrange(*toy);
  job->kick();
  settle();
}

void DaemonTest::be_pending() {
  toy->has_ready_phase = false;
  start({.id = "j", .auto_finalize = false});
  finish_work();
  story();
}

// --- the daemon ---

void DaemonTest::start_daemon() {
  daemon = std::make_unique<Daemon>();
  daemon->host.persist = [this] { return persist(); };
  daemon->host.persist_soon = [this] { daemon->write_soon = true; };
  daemon->host.gone = [this](Job& gone) { daemon->registry.remove(gone); };
  daemon->events.subscribe([this](const core::Event& event) { tell(event); });
}

void DaemonTest::write_state_file() {
  state_file = json::array();
  for (const auto& each : daemon->registry.jobs()) state_file.push_back(each->record());
}

boost::asio::awaitable<void> DaemonTest::persist() {
  const bool hang = ++writes == hang_at;
  if (hang && !hang_after_writing) co_await daemon->never.wait();
  if (!write_error.empty()) throw core::Error(write_error);
  write_state_file();
  if (hang) co_await daemon->never.wait();
}

void DaemonTest::stop_daemon() {
  for (const auto& each : daemon->registry.jobs()) each->stop_for_exit();
  settle();
  write_state_file();
}

void DaemonTest::kill_daemon() {
  job.reset();
  daemon.reset();
  story();
}

void DaemonTest::restart_daemon() {
  kill_daemon();
  start_daemon();
  if (state_file.empty()) return;
  const json record = state_file.front();
  job = Job::restore(daemon->host, record, std::make_unique<ToyDriver>(toy));
  daemon->registry.add(job);
  job->start();
  settle();
}

void DaemonTest::restart_with(json record) {
  state_file = json::array({std::move(record)});
  restart_daemon();
}

json DaemonTest::record_in(const std::string& status) {
  const bool ready = status == "ready" || status == "standby";
  const bool paused = status == "paused" || status == "standby";
  return {{"id", "j"},
          {"type", "mirror"},
          {"status", status},
          {"transaction", ""},
          {"options",
           {{"speed", 7}, {"auto-finalize", true}, {"auto-dismiss", true}, {"claims", {"vol"}}}},
          {"flags",
           {{"user-paused", paused},
            {"cancelled", false},
            {"soft-cancel", false},
            {"complete", false},
            {"finalize", false},
            {"ready", ready},
            {"preparing", false},
            {"prepared", false}}},
          {"io-status", "ok"},
          {"error", ""},
          {"progress", {{"offset", 5}, {"len", 9}}},
          {"driver", {{"toy", true}}}};
}

}  // namespace dmjob::test
