// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/core/worker.h"

#include <gtest/gtest.h>

#include <future>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>

#include "tests/support/reactor.h"

namespace dmjob::test {
namespace {

using boost::asio::awaitable;
using core::Worker;

// Neither copied nor made from nothing.
struct Token {
  explicit Token(int v) : value(v) {}
  Token(Token&&) = default;
  Token(const Token&) = delete;
  int value;
};

struct WorkerTest : ::testing::Test {
  void run(awaitable<void> coroutine) { reactor.run(std::move(coroutine)); }

  Reactor reactor;
  Worker worker;
};

TEST_F(WorkerTest, RunsElsewhereAndComesBack) {
  run([](Worker& w) -> awaitable<void> {
    const auto here = std::this_thread::get_id();
    const auto there = co_await w.run([] { return std::this_thread::get_id(); });
    EXPECT_NE(there, here);
    EXPECT_EQ(std::this_thread::get_id(), here);
  }(worker));
}

TEST_F(WorkerTest, ReturnsNothingOrAnyResult) {
  run([](Worker& w) -> awaitable<void> {
    int called = 0;
    co_await w.run([&] { ++called; });
    const auto pointer = co_await w.run([] { return std::make_unique<int>(5); });
    const Token token = co_await w.run([] { return Token(6); });
    EXPECT_EQ(called + *pointer + token.value, 12);
  }(worker));
}

TEST_F(WorkerTest, AnExceptionComesBack) {
  const auto fail = [](Worker& w) -> awaitable<void> {
    co_await w.run([] { throw std::runtime_error("disk on fire"); });
  };
  EXPECT_THROW(run(fail(worker)), std::runtime_error);
  const auto fail_with_result = [](Worker& w) -> awaitable<void> {
    co_await w.run([]() -> Token { throw std::runtime_error("disk on fire"); });
  };
  EXPECT_THROW(run(fail_with_result(worker)), std::runtime_error);
}

// The reactor thread makes the exception's text its own while the worker lets go of it.
TEST_F(WorkerTest, ManyExceptionsComeBack) {
  run([](Worker& w) -> awaitable<void> {
    int caught = 0;
    for (int i = 0; i < 200; ++i) {
      try {
        co_await w.run([&] { throw std::runtime_error("error " + std::to_string(i)); });
      } catch (const std::runtime_error& error) {
        caught += error.what() == "error " + std::to_string(i);
      }
    }
    EXPECT_EQ(caught, 200);
  }(worker));
}

TEST_F(WorkerTest, CallsRunInTheirOrder) {
  std::string order;
  const auto note = [](Worker& w, std::string& where, char what) -> awaitable<void> {
    co_await w.run([&] { where += what; });
  };
  for (char what = 'a'; what < 'f'; ++what) reactor.begin(note(worker, order, what));
  run(note(worker, order, 'z'));
  EXPECT_EQ(order, "abcdez");
}

TEST_F(WorkerTest, TheReactorGoesOnWhileACallHangs) {
  std::promise<void> disk;
  bool done = false;
  const auto hang = [](Worker& w, std::promise<void>& until, bool& flag) -> awaitable<void> {
    co_await w.run([&] { until.get_future().wait(); });
    flag = true;
  };
  reactor.begin(hang(worker, disk, done));
  bool answered = false;
  reactor.begin([](bool& flag) -> awaitable<void> {
    flag = true;
    co_return;
  }(answered));
  EXPECT_TRUE(answered && !done);
  disk.set_value();
  reactor.run_until([&] { return done; });
}

TEST_F(WorkerTest, WhatTheFunctionOwnsIsDestroyedOnce) {
  const auto shared = std::make_shared<std::string>(100, 'x');
  run([](Worker& w, std::shared_ptr<std::string> owned) -> awaitable<void> {
    const std::string text(100, 'y');
    const auto sum = [owned, text] { return owned->size() + text.size(); };
    for (int i = 0; i < 50; ++i) {
      const auto size = co_await w.run(sum);
      EXPECT_EQ(size, 200U);
    }
    EXPECT_EQ(owned.use_count(), 3);
  }(worker, shared));
  EXPECT_EQ(shared.use_count(), 1);
}

}  // namespace
}  // namespace dmjob::test
