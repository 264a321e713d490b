// SPDX-License-Identifier: LGPL-2.1-or-later
// Several clients at once, each a thread of its own, ask one daemon for anything at any moment.
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <barrier>
#include <random>
#include <stdexcept>
#include <thread>

#include "tests/core/job_model.h"
#include "tests/support/reactor.h"
#include "tests/support/temp_folder.h"
#include "tests/tool/fake_daemon.h"
#include "tool/dmjobd/server.h"

namespace dmjob::daemon {
namespace {

using nlohmann::json;

constexpr int kClients = 4;
constexpr int kRequests = 6'000;  // of each
constexpr std::size_t kMostJobs = 8;
// Nobody is ahead by more: a client that is not given time to read would be disconnected.
constexpr int kPace = 50;

// Waits for each answer; on the way it follows every job by its events.
class Client {
 public:
  Client(const std::string& path, int number)
      : number_(number), random_(static_cast<unsigned>(number)) {
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    path.copy(address.sun_path, sizeof(address.sun_path) - 1);
    if (::connect(socket_, reinterpret_cast<sockaddr*>(&address), sizeof(address)) != 0)
      throw std::runtime_error("no connection");
    line();  // the greeting
    execute("qmp_capabilities", json::object());
  }
  ~Client() { ::close(socket_); }
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;

  void run(std::barrier<>& pace) {
    for (int i = 0; i < kRequests && wrong.empty(); ++i) {
      if (i % kPace == 0) pace.arrive_and_wait();
      ask_for_something(i);
    }
    while (!jobs_.empty() && wrong.empty()) cancel_all();
  }

  std::string wrong;  // the first thing that should not be
  int granted = 0;
  int refused = 0;
  std::vector<std::uint64_t> numbers;  // of the events

 private:
  int below(int limit) { return std::uniform_int_distribution<>(0, limit - 1)(random_); }

  void ask_for_something(int i) {
    if (jobs_.size() < kMostJobs && below(4) == 0) {
      const std::string id = "c" + std::to_string(number_) + "-" + std::to_string(i);
      execute("blockdev-mirror",
              {{"job-id", id}, {"device", "d"}, {"target", "/t"}, {"sync", "full"}});
    } else if (!jobs_.empty()) {
      ask_job(std::next(jobs_.begin(), below(static_cast<int>(jobs_.size())))->first);
    }
  }

  void ask_job(const std::string& id) {
    const std::array<std::pair<const char*, json>, 8> requests = {
        {{"job-pause", {{"id", id}}},
         {"job-resume", {{"id", id}}},
         {"job-cancel", {{"id", id}}},
         {"job-complete", {{"id", id}}},
         {"block-job-cancel", {{"device", id}}},
         {"block-job-set-speed", {{"device", id}, {"speed", below(1000)}}},
         {"block-job-dismiss", {{"id", id}}},
         {"query-jobs", json::object()}}};
    const auto& [command, arguments] =
        requests.at(static_cast<std::size_t>(below(requests.size())));
    execute(command, arguments);
  }

  void cancel_all() {
    std::vector<std::string> ids;
    for (const auto& [id, model] : jobs_) ids.push_back(id);
    for (const std::string& id : ids) execute("job-cancel", {{"id", id}});
  }

  void execute(const std::string& command, const json& arguments) {
    const int id = ++requests_;
    const json request{{"execute", command}, {"arguments", arguments}, {"id", id}};
    const std::string text = request.dump();
    if (::send(socket_, text.data(), text.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(text.size()))
      throw std::runtime_error("the daemon does not read");
    json answer = line();
    for (; answer.contains("event"); answer = line()) see(answer);
    ++(answer.contains("return") ? granted : refused);
    if (answer["id"] != id) wrong = "not the answer to " + text + ": " + answer.dump();
    if (answer.contains("return")) return;
    const std::string error_class = answer.at("error").at("class");
    if (error_class != "GenericError" && error_class != "DeviceNotActive") wrong = answer.dump();
  }

  void see(const json& event) {
    numbers.push_back(event.at("number"));
    if (event["event"] != "JOB_STATUS_CHANGE") return;
    const std::string id = event["data"]["id"];
    const std::string status = event["data"]["status"];
    // One that came before us is known from its first event on.
    const bool is_new = !jobs_.contains(id);
    const bool follows = jobs_[id].see_status(status);
    if (!follows && !is_new) wrong = "may not follow: " + event.dump();
    if (status == "null") jobs_.erase(id);
  }

  json line() {
    std::size_t end = 0;
    while ((end = received_.find('\n')) == std::string::npos) {
      std::array<char, 16384> chunk{};
      const ssize_t length = ::recv(socket_, chunk.data(), chunk.size(), 0);
      if (length <= 0) throw std::runtime_error("the daemon hung up");
      received_.append(chunk.data(), static_cast<std::size_t>(length));
    }
    json value = json::parse(received_.substr(0, end));
    received_.erase(0, end + 1);
    return value;
  }

  const int number_;
  const int socket_ = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  std::mt19937 random_;
  int requests_ = 0;
  std::string received_;
  std::map<std::string, test::JobModel> jobs_;
};

class RandomClientsTest : public ::testing::Test {
 protected:
  // In a thread of its own.
  void live(int number) {
    Result& result = results_.at(static_cast<std::size_t>(number));
    try {
      Client client(path(), number);
      client.run(pace_);
      result = {client.wrong, client.granted, client.refused, client.numbers};
    } catch (const std::exception& error) {
      result.wrong = error.what();
    }
    pace_.arrive_and_drop();
    ++ended_;
  }
  std::string path() const { return folder_.path("qmp.sock"); }

  struct Result {
    std::string wrong;
    int granted = 0;
    int refused = 0;
    std::vector<std::uint64_t> numbers;
  };
  test::Reactor reactor_;
  test::FakeDaemon daemon_{reactor_.executor()};
  test::TempFolder folder_;
  std::array<Result, kClients> results_;
  std::barrier<> pace_{kClients};
  std::atomic<int> ended_ = 0;
};

TEST_F(RandomClientsTest, EveryAnswerIsRightAndEveryEventComesInItsPlace) {
  daemon_.toy().work_done = true;
  const auto server =
      Server::start(reactor_.executor(), daemon_, Listener::bind(path(), std::nullopt),
                    [](int) { return Access::kAll; });
  std::array<std::thread, kClients> threads;
  for (int i = 0; i < kClients; ++i)
    threads.at(static_cast<std::size_t>(i)) = std::thread([this, i] { live(i); });
  reactor_.run_until([this] { return ended_ == kClients; }, std::chrono::minutes(4));
  for (std::thread& thread : threads) thread.join();
  for (const Result& result : results_) {
    EXPECT_EQ(result.wrong, "");
    EXPECT_GT(result.granted, kRequests / 10);
    EXPECT_GT(result.refused, kRequests / 10);
    // Each number follows the last one: no event was left out.
    ASSERT_FALSE(result.numbers.empty());
    EXPECT_EQ(result.numbers.back() - result.numbers.front() + 1, result.numbers.size());
  }
  auto stop = [&]() -> boost::asio::awaitable<void> {
    co_await server->stop(std::chrono::seconds(1));
  };
  reactor_.run(stop());
}

}  // namespace
}  // namespace dmjob::daemon
