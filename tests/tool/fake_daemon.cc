// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/tool/fake_daemon.h"

#include <utility>

namespace dmjob::test {

using boost::asio::awaitable;

FakeDaemon::FakeDaemon(boost::asio::any_io_executor executor)
    : host_{.executor = executor,
            .events = events_,
            .persist = []() -> awaitable<void> { co_return; },
            .persist_soon = [] {},
            .gone = [this](core::Job& job) { registry_.remove(job); }},
      released_(executor) {}

awaitable<std::vector<std::string>> FakeDaemon::start_jobs(
    std::vector<drivers::JobRequest> requests, bool grouped, daemon::Wanted wanted) {
  all = requests;
  for (const auto& request : requests) {
    if (const auto* copy = std::get_if<drivers::CopyRequest>(&request)) copies.push_back(*copy);
    if (const auto* backup = std::get_if<drivers::BackupRequest>(&request))
      backups.push_back(*backup);
  }
  last_is_grouped = grouped;
  while (hold_copies) co_await released_.wait();
  wanted.require();
  if (!copy_error.empty()) throw core::Error(copy_error);
  std::vector<std::string> ids;
  for (const auto& any : requests) {
    const auto source = [](const auto& request) {
      if constexpr (requires { request.source; })
        return request.source;
      else
        return request.volume;
    };
    ++copies_done;
    ids.push_back(drivers::settings_of(any).id.value_or(std::visit(source, any)));
    start_job(ids.back());
  }
  co_return ids;
}

awaitable<void> FakeDaemon::attach(std::string name, std::string device,
                                   daemon::Wanted /*wanted*/) {
  changes.push_back("attach " + name + " " + device);
  co_return;
}

awaitable<std::string> FakeDaemon::detach(std::string name, bool force, daemon::Wanted /*wanted*/) {
  changes.push_back("detach " + name);
  co_return force ? "all of it" : "";
}

awaitable<void> FakeDaemon::overlay(drivers::OverlayRequest request, daemon::Wanted /*wanted*/) {
  overlays.push_back(std::move(request));
  co_return;
}

awaitable<void> FakeDaemon::snapshot(drivers::OverlayRequest request, daemon::Wanted /*wanted*/) {
  overlays.push_back(std::move(request));
  co_return;
}

awaitable<void> FakeDaemon::rollback(std::string name, daemon::Wanted /*wanted*/) {
  changes.push_back("rollback " + name);
  co_return;
}

awaitable<std::string> FakeDaemon::remember() {
  ++remembered;
  co_return forgets;
}

awaitable<std::string> FakeDaemon::release(std::string device) {
  changes.push_back("release " + device);
  co_return "v";
}

awaitable<void> FakeDaemon::untrack(std::string name, daemon::Wanted /*wanted*/) {
  changes.push_back("untrack " + name);
  co_return;
}

std::shared_ptr<core::Job> FakeDaemon::start_job(const std::string& id) {
  auto job = core::Job::create(host_, {.id = id}, std::make_unique<ToyDriver>(toy_));
  registry_.add(job);
  job->start();
  return job;
}

void FakeDaemon::release_copies() {
  hold_copies = false;
  released_.notify();
}

}  // namespace dmjob::test
