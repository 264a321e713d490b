// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/base/job_context.h"

#include "libjob/volumes/mounted_above.h"

namespace dmjob::drivers {

JobContext::JobContext(Environment& its_environment, CopyPlan its_plan, std::string id,
                       bool is_resumed)
    : environment(its_environment),
      plan(std::move(its_plan)),
      job_id(std::move(id)),
      resumed(is_resumed),
      error_map(plan.error_map, plan.uuid) {
  control.set_speed(plan.speed);
}

boost::asio::awaitable<std::string> JobContext::attempt(std::function<void()> function) {
  try {
    co_await worker.run(std::move(function));
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return "";
}

boost::asio::awaitable<std::string> JobContext::take_away(std::string what,
                                                          std::function<void()> function) {
  constexpr int kTries = 5;
  std::string left_behind;
  for (int i = 0; i < kTries; ++i) {
    try {
      if (plan.live())
        co_await step(what, function);
      else
        co_await worker.run(function);
      co_return "";
    } catch (const std::exception& error) {
      left_behind = error.what();
    }
  }
  co_return left_behind;
}

boost::asio::awaitable<void> JobContext::find_not_frozen(std::string volume) {
  auto look = [&] { return volumes::not_frozen_with(*environment.control, volume); };
  plan.not_frozen = co_await worker.run(std::move(look));
}

void JobContext::finish_map() {
  constexpr core::Duration kPatience = std::chrono::seconds(10);
  error_map.finish(kPatience);
}

boost::asio::awaitable<std::string> try_persist(core::Job& job) {
  try {
    co_await job.host().persist();
  } catch (const std::exception& error) {
    co_return error.what();
  }
  co_return "";
}

}  // namespace dmjob::drivers
