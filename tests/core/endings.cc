// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tests/core/endings.h"

#include <functional>
#include <map>

#include "tests/core/daemon_fixture.h"

namespace dmjob::test {
namespace {

using core::Job;
using core::OnError;

// A daemon of its own for a story.
class Teller : public DaemonTest {
 public:
  using DaemonTest::ask;
  using DaemonTest::be_waiting;
  using DaemonTest::error_of;
  using DaemonTest::finish_work;
  using DaemonTest::job;
  using DaemonTest::make;
  using DaemonTest::partner;
  using DaemonTest::partner_toy;
  using DaemonTest::settle;
  using DaemonTest::start;
  using DaemonTest::toy;

  // The events so far, with a bar where a user acted.
  std::string told() {
    tell(story("j"));
    return told_;
  }
  void act(const std::function<void(Job&)>& verb) {
    tell(story("j"));
    tell("|");
    ask(verb);
  }

 private:
  void TestBody() override {}
  void tell(const std::string& events) {
    if (!events.empty()) told_ += (told_.empty() ? "" : " ") + events;
  }
  std::string told_;
};

using Step = std::function<void(Teller&)>;
using Story = std::vector<Step>;

Step by_user(const std::function<void(Job&)>& verb) {
  return [verb](Teller& t) { t.act(verb); };
}

const Step kCancel = by_user([](Job& j) { j.cancel(false); });
const Step kForceCancel = by_user([](Job& j) { j.cancel(true); });
const Step kPause = by_user([](Job& j) { j.pause(); });
const Step kResume = by_user([](Job& j) { j.resume(); });
const Step kComplete = by_user([](Job& j) { j.complete(); });
const Step kFinalize = by_user([](Job& j) { j.finalize(); });
const Step kDismiss = by_user([](Job& j) { j.dismiss(); });

const Step kStart = [](Teller& t) { t.start(); };
const Step kFinishWork = [](Teller& t) { t.finish_work(); };
const Step kNoReadyPhase = [](Teller& t) { t.toy->has_ready_phase = false; };
const Step kManualFinalize = [](Teller& t) { t.start({.id = "j", .auto_finalize = false}); };
const Step kManualDismiss = [](Teller& t) { t.start({.id = "j", .auto_dismiss = false}); };
const Step kFailInRun = [](Teller& t) { t.toy->run_error = "disk on fire"; };
const Step kFailInPrepare = [](Teller& t) { t.toy->prepare_error = "no pivot"; };
const Step kPutOff = [](Teller& t) { t.toy->prepare_not_now = "not now"; };
const Step kNotPutOff = [](Teller& t) { t.toy->prepare_not_now.clear(); };

Step break_disk(OnError policy) {
  return [policy](Teller& t) {
    t.toy->io_error = std::make_error_code(std::errc::io_error);
    t.toy->on_error = policy;
  };
}

const Step kMendDisk = [](Teller& t) {
  t.toy->io_error.clear();
  t.toy->work_done = true;
};

const Step kWaitForPartner = [](Teller& t) { t.be_waiting(); };
const Step kWaitForManualPartner = [](Teller& t) { t.be_waiting(false); };

const Step kPartnerFinishes = [](Teller& t) {
  t.partner_toy->work_done = true;
  t.partner->kick();
  t.settle();
};

const Step kPartnerFails = [](Teller& t) {
  t.partner_toy->run_error = "disk on fire";
  t.partner->kick();
  t.settle();
};

const Step kEndBeforeTheStart = [](Teller& t) {
  t.make({.id = "j"});
  t.ask([](Job& j) { j.cancel(true); });
};

const Step kStartAtMinusOne = [](Teller& t) {
  const auto minus_one = static_cast<std::uint64_t>(-1);
  t.error_of([&] { t.make({.id = "j", .speed = minus_one}); });
};

const std::map<std::string, Story> kEndings = {
    {"ready, then completed", {kStart, kFinishWork, kComplete}},
    {"ready, then cancelled without force", {kStart, kFinishWork, kCancel}},
    {"ready, then cancelled with force", {kStart, kFinishWork, kForceCancel}},
    {"never ready (nobody has the source open)", {kNoReadyPhase, kStart, kFinishWork}},
    {"cancelled while running", {kStart, kCancel}},
    {"paused, then cancelled with force", {kStart, kPause, kForceCancel}},
    {"paused when ready, then cancelled with force", {kStart, kFinishWork, kPause, kForceCancel}},
    {"paused when ready, then completed, then resumed",
     {kStart, kFinishWork, kPause, kComplete, kResume}},
    {"finalized by a user", {kNoReadyPhase, kManualFinalize, kFinishWork, kFinalize}},
    {"cancelled while pending", {kNoReadyPhase, kManualFinalize, kFinishWork, kCancel}},
    {"dismissed by a user", {kNoReadyPhase, kManualDismiss, kFinishWork, kDismiss}},
    {"I/O error, policy report", {break_disk(OnError::kReport), kStart}},
    {"I/O error, policy stop, then resumed",
     {kNoReadyPhase, break_disk(OnError::kStop), kStart, kMendDisk, kResume}},
    {"I/O error, policy ignore",
     {kNoReadyPhase, break_disk(OnError::kIgnore), kStart, kMendDisk, kFinishWork}},
    {"ready, put off, then completed",
     {kStart, kFinishWork, kPutOff, kComplete, kNotPutOff, kComplete}},
    {"failed when it took effect", {kNoReadyPhase, kFailInPrepare, kStart, kFinishWork}},
    {"failed and dismissed by a user", {kFailInRun, kManualDismiss, kDismiss}},
    {"waiting, then cancelled", {kWaitForPartner, kCancel}},
    {"waiting, when another of its transaction failed", {kWaitForPartner, kPartnerFails}},
    {"waiting, then finalized with another of its transaction",
     {kWaitForManualPartner, kPartnerFinishes, kFinalize}},
    {"never started", {kEndBeforeTheStart}},
    {"started with a negative speed", {kStartAtMinusOne}},
};

}  // namespace

std::vector<std::string> endings() {
  std::vector<std::string> names;
  for (const auto& [name, story] : kEndings) names.push_back(name);
  return names;
}

std::string tell(const std::string& ending) {
  Teller teller;
  for (const Step& step : kEndings.at(ending)) step(teller);
  return teller.told();
}

}  // namespace dmjob::test
