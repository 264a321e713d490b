// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The one table of what is taken: by the jobs, by the managed volumes, active or not, and by
// requests that make one of them just now.
//
//   auto checked = co_await taken.check(...);           beside the reactor, as often as it must
//   auto token = taken.hold(holding of what is made);   without a co_await in between
//
// A check sees all that was taken before, and check() returns only if nothing was taken
// meanwhile, so that checking and taking are one step.
//
// Thread: the reactor.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "libjob/core/registry.h"
#include "libjob/core/worker.h"
#include "libjob/drivers/check/check_context.h"
#include "libjob/drivers/check/taken.h"
#include "libjob/drivers/plan/environment.h"
#include "tool/dmjobd/wanted.h"

namespace dmjob::daemon {

class TakenTable {
 public:
  using Token = std::shared_ptr<const drivers::Holding>;

  // environment: of the jobs, which checks look at, too. All arguments outlive this.
  TakenTable(const core::Registry& registry, const drivers::Environment& environment)
      : registry_(registry), environment_(environment) {}

  // `check` runs on a worker of its own, since a hung disk is to keep only this request, and again
  // if something was taken meanwhile. Throws what it throws, and if it is no longer wanted then.
  template <typename Check>
  boost::asio::awaitable<std::invoke_result_t<Check, const drivers::CheckContext&>> check(
      Check check, Wanted wanted) {
    core::Worker worker;
    for (;;) {
      const std::uint64_t seen = generation_;
      const drivers::CheckContext context = now();
      auto call = [&] { return check(context); };
      auto result = co_await worker.run(std::move(call));
      if (generation_ != seen) continue;
      wanted.require();
      co_return result;
    }
  }

  // Takes it for as long as the token lives: until the state file's volumes have it.
  [[nodiscard]] Token hold(drivers::Holding holding);
  // Takes it for as long as the job holds its claims.
  void keep(const std::string& job_id, drivers::Holding holding);
  void forget(const core::Job& job) { by_job_.erase(job.id()); }

  drivers::CheckContext now() const;
  std::vector<drivers::Holding> by_jobs() const;

 private:
  const core::Registry& registry_;
  const drivers::Environment& environment_;
  std::map<std::string, drivers::Holding> by_job_;
  std::list<std::weak_ptr<const drivers::Holding>> being_made_;
  std::uint64_t generation_ = 0;  // of what was taken
};

}  // namespace dmjob::daemon
