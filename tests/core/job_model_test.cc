// SPDX-License-Identifier: LGPL-2.1-or-later
// Random verbs from everybody at any moment, compared with a model of the tables.
#include <gtest/gtest.h>

#include <array>
#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <random>

#include "libjob/core/job.h"
#include "libjob/core/registry.h"
#include "tests/core/job_model.h"
#include "tests/support/reactor.h"
#include "tests/support/toy_driver.h"

namespace dmjob::test {
namespace {

using core::Error;
using core::Job;
using core::OnError;
using core::Transaction;

constexpr int kSteps = 250'000;
constexpr std::size_t kMostJobs = 6;

class World {
 public:
  explicit World(unsigned seed) : random_(seed) {
    events_.subscribe([this](const core::Event& event) { see(event); });
  }
  ~World() { end_all(); }

  void step() {
    const int what = below(100);
    if (what < 45)
      ask_for_something();
    else if (what < 65)
      change_a_toy();
    else if (what < 75)
      make_some();
    else
      for (int i = below(6); i >= 0; --i) reactor_.step();
  }

  // Everything is mended, and whoever still waits for a verb is cancelled.
  void end_all() {
    while (!members_.empty()) {
      for (auto& [id, member] : members_) mend(*member.toy);
      for (auto& [id, member] : members_) member.job->kick();
      reactor_.settle();
      for (const std::string& id : ids()) {
        ask(id, 'd');
        ask(id, 'F');
      }
      reactor_.settle();
    }
  }

  int endings(const std::string& ending) const {
    const auto found = endings_.find(ending);
    return found == endings_.end() ? 0 : found->second;
  }
  int granted = 0;
  int refused = 0;

 private:
  struct Member {
    std::shared_ptr<Toy> toy;
    std::shared_ptr<Job> job;
    Job::Group group;
    JobModel model;
    bool can_complete = true;
    bool auto_dismiss = true;
  };

  int below(int limit) { return std::uniform_int_distribution<>(0, limit - 1)(random_); }
  bool one_in(int many) { return below(many) == 0; }
  std::vector<std::string> ids() const {
    std::vector<std::string> found;
    for (const auto& [id, member] : members_) found.push_back(id);
    return found;
  }
  std::string any_id() {
    return std::next(members_.begin(), below(static_cast<int>(members_.size())))->first;
  }

  // --- making ---

  void make_some() {
    if (members_.size() >= kMostJobs) return;
    const auto group = std::make_shared<Transaction>("t" + std::to_string(made_));
    const int many = one_in(3) ? 2 : 1;
    std::vector<std::string> made;
    for (int i = 0; i < many; ++i) made.push_back(make(many == 1 ? nullptr : group));
    // Somebody may come in between: the jobs of a transaction are not started in one go.
    while (one_in(3)) ask(made.front(), "cps"[below(3)]);
    for (const std::string& id : made) {
      const auto found = members_.find(id);
      if (found != members_.end() && !found->second.job->cancelled()) found->second.job->start();
    }
  }

  std::string make(const Job::Group& group) {
    const std::string id = "j" + std::to_string(++made_);
    Member& member = members_[id];
    member.toy = std::make_shared<Toy>();
    member.toy->has_ready_phase = member.can_complete = !one_in(3);
    member.toy->on_error = one_in(2) ? OnError::kReport : OnError::kStop;
    member.auto_dismiss = !one_in(3);
    member.model.finalized = !one_in(3);
    member.group = group ? group : std::make_shared<Transaction>();
    member.job = Job::create(
        host_,
        {.id = id, .auto_finalize = member.model.finalized, .auto_dismiss = member.auto_dismiss},
        std::make_unique<ToyDriver>(member.toy), member.group);
    registry_.add(member.job);
    return id;
  }

  // --- the toys ---

  static void mend(Toy& toy) {
    toy.io_error = {};
    toy.hold_prepare = toy.hold_abort = false;
  }

  void change_a_toy() {
    if (members_.empty()) return;
    Member& member = members_.at(any_id());
    Toy& toy = *member.toy;
    const std::array<std::function<void()>, 6> changes = {
        [&] { toy.work_done = !one_in(4); },
        [&] {
          toy.io_error = one_in(2) ? std::make_error_code(std::errc::io_error) : std::error_code();
        },
        [&] { toy.hold_prepare = !toy.hold_prepare; },
        [&] { toy.hold_abort = !toy.hold_abort; },
        [&] { toy.run_error = one_in(8) ? "the disk is gone" : ""; },
        [&] { toy.prepare_error = one_in(8) ? "the sides differ" : ""; }};
    changes.at(static_cast<std::size_t>(below(changes.size())))();
    member.job->kick();
  }

  // --- asking ---

  void ask_for_something() {
    if (!members_.empty()) ask(any_id(), "cFprsmfd"[below(8)]);
  }

  void ask(const std::string& id, char verb) {
    const auto found = members_.find(id);
    if (found == members_.end()) return;
    Member& member = found->second;
    const JobModel before = member.model;
    const bool may_be_too_late = before.status == "pending" && is_finalized(member);
    const bool expected = grant(member, verb);
    const std::shared_ptr<Job> job = member.job;  // a dismissed one is gone
    const bool got = apply(*job, verb);
    ++(got ? granted : refused);
    if (got == expected) return;
    ASSERT_TRUE((verb == 'c' || verb == 'F') && may_be_too_late)
        << id << " in " << before.status << ": " << verb << (got ? " granted" : " refused");
    member.model = before;
  }

  bool grant(Member& member, char verb) {
    JobModel& model = member.model;
    switch (verb) {
      case 'c':
      case 'F':
        return model.grant_cancel(verb == 'F');
      case 'p':
        return model.grant_pause();
      case 'r':
        return model.grant_resume();
      case 's':
        return model.takes('s');
      case 'm':
        return member.can_complete && model.grant_complete();
      case 'f':
        return finalize_group(member);
      default:
        return model.takes('d');
    }
  }

  bool apply(Job& job, char verb) {
    try {
      switch (verb) {
        case 'c':
        case 'F':
          job.cancel(verb == 'F');
          break;
        case 'p':
          job.pause();
          break;
        case 'r':
          job.resume();
          break;
        case 's':
          job.set_speed(below(1000));
          break;
        case 'm':
          job.complete();
          break;
        case 'f':
          job.finalize();
          break;
        default:
          job.dismiss();
      }
      return true;
    } catch (const Error&) {
      return false;
    }
  }

  template <typename Call>
  void for_group(const Job::Group& group, Call call) {
    for (auto& [id, member] : members_)
      if (member.group == group) call(member);
  }

  bool finalize_group(Member& member) {
    if (!member.model.grant_finalize()) return false;
    for_group(member.group, [](Member& other) { other.model.finalized = true; });
    return true;
  }

  bool is_finalized(const Member& member) {
    bool all = true;
    for_group(member.group, [&](const Member& other) { all = all && other.model.finalized; });
    return all;
  }

  // --- seeing ---

  void see(const core::Event& event) {
    const std::string id = event.data.value("id", event.data.value("device", ""));
    const auto found = members_.find(id);
    if (found == members_.end()) return;
    Member& member = found->second;
    if (event.name == "JOB_STATUS_CHANGE")
      see_status(id, member, event.data["status"]);
    else if (event.name == "BLOCK_JOB_ERROR")
      member.model.paused = member.model.paused || event.data["action"] == "stop";
    else if (event.name == "BLOCK_JOB_COMPLETED" || event.name == "BLOCK_JOB_CANCELLED")
      member.model.ending = event.name.substr(10) + (event.data.contains("error") ? "(error)" : "");
  }

  void see_status(const std::string& id, Member& member, const std::string& status) {
    const std::string before = member.model.status;
    EXPECT_TRUE(member.model.see_status(status)) << id << ": " << before << " to " << status;
    if (status == "aborting") cancel_the_others(member);
    if (status == "concluded") see_end(id, member);
    if (status == "null") gone_.push_back(id);
  }

  void cancel_the_others(const Member& member) {
    for_group(member.group, [&](Member& other) {
      const std::string& status = other.model.status;
      const bool over = status == "aborting" || status == "concluded";
      if (&other == &member || over || other.model.cancelled) return;
      other.model.cancelled = true;
      other.model.paused = false;
    });
  }

  void see_end(const std::string& id, Member& member) {
    const JobModel& model = member.model;
    ++endings_[model.ending];
    EXPECT_EQ(model.ending == "", !model.started) << id;
    EXPECT_TRUE(model.ending != "CANCELLED" || model.cancelled) << id;
    if (model.ending != "COMPLETED") return;
    EXPECT_FALSE(model.cancelled) << id;
    EXPECT_EQ(member.toy->on_target, !model.soft) << id;
    for_group(member.group, [&](const Member& other) {
      EXPECT_TRUE(other.model.status == "pending" || other.model.status == "concluded") << id;
    });
  }

  // Takes a while, in which others have their turn.
  boost::asio::awaitable<void> persist() {
    for (int i = below(3); i > 0; --i) {
      co_await boost::asio::post(reactor_.executor(), boost::asio::use_awaitable);
    }
  }

  void forget(core::Job& job) {
    registry_.remove(job);
    for (const std::string& id : std::exchange(gone_, {})) members_.erase(id);
  }

  Reactor reactor_;
  core::EventBus events_;
  core::Registry registry_;
  core::JobHost host_{.executor = reactor_.executor(),
                      .events = events_,
                      .persist = [this] { return persist(); },
                      .persist_soon = [] {},
                      .gone = [this](core::Job& job) { forget(job); }};
  std::mt19937 random_;
  int made_ = 0;
  std::map<std::string, Member> members_;
  std::vector<std::string> gone_;
  std::map<std::string, int> endings_;
};

TEST(JobModelTest, RandomVerbsAtAnyMomentAreTakenAndActedUponAsTheTablesSay) {
  World world(20261120);
  for (int i = 0; i < kSteps && !::testing::Test::HasFailure(); ++i) world.step();
  world.end_all();
  // It did get everywhere.
  for (const char* ending : {"COMPLETED", "COMPLETED(error)", "CANCELLED", ""})
    EXPECT_GT(world.endings(ending), 100) << ending;
  EXPECT_GT(world.granted, kSteps / 20);
  EXPECT_GT(world.refused, kSteps / 20);
}

}  // namespace
}  // namespace dmjob::test
