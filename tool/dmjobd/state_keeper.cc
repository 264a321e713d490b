// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/state_keeper.h"

#include <boost/asio/co_spawn.hpp>
#include <utility>

#include "libjob/core/error.h"
#include "tool/dmjobd/log.h"

namespace dmjob::daemon {

StateKeeper::StateKeeper(boost::asio::any_io_executor executor, store::StateFile& file,
                         std::function<std::string()> compose, std::function<Around()> around)
    : executor_(executor),
      file_(file),
      compose_(std::move(compose)),
      around_(std::move(around)),
      written_(executor) {}

boost::asio::awaitable<void> StateKeeper::persist() {
  const std::uint64_t mine = ++asked_;
  while (durable_ < mine) {
    if (writing_) {
      co_await written_.wait();
    } else {
      co_await write_once();
    }
  }
}

boost::asio::awaitable<void> StateKeeper::write_once() {
  writing_ = true;
  const std::uint64_t covers = asked_;
  const std::string content = compose_();
  const Around around = around_ ? around_() : Around{};
  bool failed = false;
  try {
    auto save = [&] {
      if (around.before) around.before();
      file_.save(content);
    };
    co_await worker_.run(std::move(save));
    durable_ = covers;
    co_await finish(around);
  } catch (const std::exception& error) {
    failed = true;
    why_not_ = "the state file in " + file_.folder() + " cannot be written: " + error.what();
  }
  tried_ = covers;
  writing_ = false;
  written_.notify();
  if (failed) throw core::Error(why_not_);
}

boost::asio::awaitable<void> StateKeeper::finish(Around around) {
  if (around.done) around.done();
  if (!around.after) co_return;
  std::string failed;
  try {
    co_await worker_.run(around.after);
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty()) log_warning(failed);
}

boost::asio::awaitable<std::string> StateKeeper::try_persist(core::Duration limit) {
  const std::uint64_t mine = ++asked_;
  const core::SystemClock clock;
  const core::TimePoint deadline = clock.now() + limit;
  persist_soon();
  while (tried_ < mine && clock.now() < deadline)
    co_await written_.wait_for(deadline - clock.now());
  if (durable_ >= mine) co_return std::string();
  co_return tried_ < mine ? "the disk of " + file_.folder() + " does not answer" : why_not_;
}

void StateKeeper::persist_soon() {
  if (std::exchange(soon_, true)) return;
  auto ask = [](StateKeeper* keeper) -> boost::asio::awaitable<void> {
    keeper->soon_ = false;
    co_await keeper->persist();
  };
  boost::asio::co_spawn(executor_, ask(this), [](std::exception_ptr error) {
    try {
      if (error) std::rethrow_exception(error);
    } catch (const std::exception& why) {
      log_error(why.what());
    }
  });
}

}  // namespace dmjob::daemon
