// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/core/daemon_fixture.h"

#include <stdexcept>
#include <utility>

#include "libjob/core/json_text.h"

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

std::string DaemonTest::story(const std::string& id) {
  std::vector<std::string> words;
  for (const Word& word : std::exchange(told_, {})) {
    if (id.empty() || id == word.id) words.push_back(word.text);
  }
  return join(words);
}

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
  const std::string id = event.data.value("id", event.data.value("device", ""));
  if (event.name == "JOB_STATUS_CHANGE") {
    told_.push_back({id, event.data["status"]});
    return;
  }
  const std::string prefix = "BLOCK_JOB_";
  const bool ours = event.name.starts_with(prefix);
  told_.push_back({id, (ours ? event.name.substr(prefix.size()) : event.name) +
                           (event.data.contains("error") ? "(error)" : "")});
}

json DaemonTest::event(const std::string& name) const {
  for (auto event = events_.rbegin(); event != events_.rend(); ++event) {
    if (event->name == name) return event->data;
  }
  return nullptr;
}

// --- doing ---

void DaemonTest::make(core::JobOptions options, const Job::Group& group) {
  job = Job::create(daemon->host, std::move(options), std::make_unique<ToyDriver>(toy), group);
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

void DaemonTest::be_waiting(bool partner_auto_finalizes) {
  toy->has_ready_phase = partner_toy->has_ready_phase = false;
  const auto group = std::make_shared<core::Transaction>("t");
  partner = Job::create(daemon->host, {.id = "partner", .auto_finalize = partner_auto_finalizes},
                        std::make_unique<ToyDriver>(partner_toy), group);
  daemon->registry.add(partner);
  make({.id = "j"}, group);
  partner->start();
  job->start();
  settle();
  finish_work();
}

void DaemonTest::be(core::Status status) {
  using core::Status;
  const auto pause = [](Job& j) { j.pause(); };
  switch (status) {
    case Status::kUndefined:
      throw std::logic_error("nobody sees an undefined job");
    case Status::kCreated:
      return make({.id = "j"});
    case Status::kRunning:
      return start();
    case Status::kPaused:
      start();
      return ask(pause);
    case Status::kReady:
      return be_ready();
    case Status::kStandby:
      be_ready();
      return ask(pause);
    case Status::kWaiting:
      return be_waiting();
    case Status::kPending:
      return be_pending();
    case Status::kAborting:
      toy->run_error = "disk on fire";
      toy->hold_abort = true;
      return start();
    case Status::kConcluded:
    case Status::kNull:
      toy->has_ready_phase = false;
      start({.id = "j", .auto_dismiss = status == Status::kNull});
      return finish_work();
  }
}

// --- the daemon ---

void DaemonTest::start_daemon() {
  daemon = std::make_unique<Daemon>();
  daemon->host.persist = [this] { return persist(); };
  daemon->host.persist_soon = [this] { daemon->write_soon = true; };
  daemon->host.gone = [this](Job& gone) { daemon->registry.remove(gone); };
  daemon->host.obstacle = [this](const Job&) { return obstacle; };
  daemon->events.subscribe([this](const core::Event& event) { tell(event); });
}

void DaemonTest::write_state_file() {
  state_file = json::array();
  for (const auto& each : daemon->registry.jobs()) {
    state_file.push_back(each->record());
    EXPECT_EQ(*each->record_text(), core::to_text(each->record())) << "what is kept is stale";
  }
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
  partner.reset();
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
