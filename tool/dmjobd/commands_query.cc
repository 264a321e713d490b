// SPDX-License-Identifier: LGPL-2.1-or-later
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "libjob/core/error.h"
#include "libjob/core/json_text.h"
#include "tool/dmjobd/commands.h"
#include "tool/dmjobd/handlers.h"

namespace dmjob::daemon {
namespace {

using core::Job;
using nlohmann::json;

using Describe = std::string (*)(const Job&);  // as JSON text

// A list that other clients need not wait for: of a thousand jobs it takes milliseconds, in which
// the reactor turns to others now and then. It is of the instant of the answer all the same, but
// for numbers such as a job's progress: what has come or has another status by then is described
// again.
class JobList {
 public:
  JobList(const core::Registry& registry, Describe describe)
      : registry_(registry), describe_(describe) {}

  boost::asio::awaitable<void> prepare() {
    constexpr std::size_t kAtOnce = 16;
    jobs_ = registry_.jobs();
    for (std::size_t i = 0; i < jobs_.size(); ++i) {
      if (i > 0 && i % kAtOnce == 0) co_await boost::asio::post(boost::asio::use_awaitable);
      seen_[jobs_[i].get()] = look(*jobs_[i]);
    }
  }
  std::string text() const {
    core::ListText list;
    for (const auto& job : registry_.jobs()) {
      const auto seen = seen_.find(job.get());
      const bool holds = seen != seen_.end() && seen->second.status == job->status();
      list.add(holds ? seen->second.text : look(*job).text);
    }
    return list.text();
  }

 private:
  struct Look {
    core::Status status = core::Status::kUndefined;
    std::string text;
  };
  Look look(const Job& job) const { return {job.status(), describe_(job)}; }

  const core::Registry& registry_;
  const Describe describe_;
  std::vector<std::shared_ptr<Job>> jobs_;  // keeps those that are gone, so that no pointer recurs
  std::map<const Job*, Look> seen_;
};

// All, or the one that is named; an empty list if there is none.
Answer list_jobs(Daemon& daemon, std::optional<std::string> id, Describe describe) {
  if (id) {
    core::ListText found;
    if (const auto job = daemon.registry().find(*id)) found.add(describe(*job));
    co_return Reply::of_text(found.text());
  }
  JobList list(daemon.registry(), describe);
  co_await list.prepare();
  co_return Reply::of_text(list.text());
}

}  // namespace

Answer query_version(Daemon& /*daemon*/, Arguments /*arguments*/) { co_return version(); }

Answer query_commands(Daemon& /*daemon*/, Arguments /*arguments*/) {
  json names = json::array();
  for (const Command& command : commands()) names.push_back({{"name", command.name}});
  co_return names;
}

Answer query_jobs(Daemon& daemon, Arguments arguments) {
  const auto describe = [](const Job& job) { return core::to_text(job.query_job()); };
  return list_jobs(daemon, arguments.text_if("id"), describe);
}

Answer query_block_jobs(Daemon& daemon, Arguments arguments) {
  const auto describe = [](const Job& job) { return job.query_block_job_text(); };
  return list_jobs(daemon, arguments.text_if("device"), describe);
}

Answer query_job_history(Daemon& daemon, Arguments /*arguments*/) {
  co_return Reply::of_text(daemon.registry().history());
}

Answer query_volumes(Daemon& daemon, Arguments /*arguments*/) { co_return daemon.query_volumes(); }

Answer query_hidden_disks(Daemon& daemon, Arguments /*arguments*/) {
  co_return daemon.query_hidden_disks();
}

Answer query_boot_warnings(Daemon& daemon, Arguments /*arguments*/) {
  auto found = daemon.query_boot_warnings();
  json warnings = co_await std::move(found);
  co_return warnings;
}

Answer query_not_frozen(Daemon& daemon, Arguments arguments) {
  auto found = daemon.query_not_frozen(arguments.text("device"));
  json lines = co_await std::move(found);
  co_return lines;
}

Answer query_events(Daemon& daemon, Arguments arguments) {
  core::ListText found;
  for (const core::Event& event : daemon.events().since(arguments.size("since")))
    found.add(event.text);
  co_return Reply::of_text(found.text());
}

Answer negotiate_again(Daemon& /*daemon*/, Arguments /*arguments*/) {
  throw core::Error("Capabilities are negotiated already", core::ErrorClass::kCommandNotFound);
  co_return json();
}

}  // namespace dmjob::daemon
