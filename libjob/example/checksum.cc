// SPDX-License-Identifier: LGPL-2.1-or-later
//
// checksum FILE: adds up a file's bytes as a job, and prints its events. SIGUSR1 pauses it or lets
// it go on, SIGINT cancels it.
#include <array>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <fstream>
#include <iostream>

#include "libjob/libjob.h"

namespace {

namespace core = dmjob::core;
using boost::asio::awaitable;

class ChecksumDriver : public core::Driver {
 public:
  explicit ChecksumDriver(const std::string& path) : path_(path), file_(path, std::ios::binary) {}

  std::string_view type() const override { return "checksum"; }

  awaitable<void> run(core::Job& job) override {
    if (!file_) throw core::Error("cannot read " + path_);
    while (file_) {
      co_await job.pause_point();
      if (job.must_return()) co_return;
      auto add = [this] { return add_block(); };
      const std::uint64_t bytes = co_await worker_.run(std::move(add));
      job.progress().add_done(bytes);
      if (speed_ > 0) co_await job.wait_kick(std::chrono::seconds(bytes) / speed_);
    }
  }
  void set_speed(std::uint64_t bytes_per_second) override { speed_ = bytes_per_second; }
  nlohmann::json describe() const override { return {{"sum", sum_}}; }
  nlohmann::json record() const override { return {{"path", path_}}; }

 private:
  std::uint64_t add_block() {
    std::array<char, 4096> block{};
    file_.read(block.data(), block.size());
    const auto bytes = static_cast<std::size_t>(file_.gcount());
    for (std::size_t i = 0; i < bytes; ++i) sum_ += static_cast<unsigned char>(block.at(i));
    return bytes;
  }

  const std::string path_;
  std::ifstream file_;
  std::uint64_t sum_ = 0;
  std::uint64_t speed_ = 0;  // bytes per second, 0: no limit
  core::Worker worker_;      // last: its thread uses what is above
};

// A shell user's verbs.
void take_signals(boost::asio::signal_set& signals, core::Job& job) {
  signals.async_wait([&](boost::system::error_code error, int signal) {
    if (error) return;
    if (signal == SIGINT)
      job.cancel(true);
    else if (job.user_paused())
      job.resume();
    else
      job.pause();
    take_signals(signals, job);
  });
}

int run(const std::string& path, std::uint64_t speed) {
  boost::asio::io_context reactor;
  boost::asio::signal_set signals(reactor, SIGINT, SIGUSR1);
  core::EventBus events;
  core::Registry registry;
  core::JobHost host{.executor = reactor.get_executor(),
                     .events = events,
                     .persist = []() -> awaitable<void> { co_return; },
                     .persist_soon = [] {},
                     .gone =
                         [&](core::Job& job) {
                           registry.remove(job);
                           signals.cancel();
                         }};
  events.subscribe([](const core::Event& event) { std::cout << event.text << '\n' << std::flush; });
  auto job = core::Job::create(host, {.id = "sum", .speed = speed},
                               std::make_unique<ChecksumDriver>(path));
  registry.add(job);
  take_signals(signals, *job);
  job->start();
  reactor.run();
  std::cout << nlohmann::json::parse(registry.history()).front()["sum"] << '\n';
  return job->error().empty() ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) try {
  if (argc < 2) throw core::Error("usage: checksum FILE [BYTES-PER-SECOND]");
  return run(argv[1], argc > 2 ? std::stoull(argv[2]) : 0);
} catch (const std::exception& error) {
  std::cerr << "checksum: " << error.what() << '\n';
  return 2;
}
