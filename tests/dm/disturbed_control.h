// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A fake kernel in which somebody else lays a hand on "vol" at one moment of a switch of ours.
// Thread: as the test.
#pragma once

#include <functional>
#include <string>
#include <utility>

#include "tests/support/fake_control.h"

namespace dmjob::dm {

enum class Moment { kBefore, kLoaded, kSuspended, kInside };

class DisturbedControl : public FakeControl {
 public:
  void load(const std::string& name, const Table& table) override {
    FakeControl::load(name, table);
    if (name == "vol") disturb(Moment::kLoaded);
  }
  void suspend(const std::string& name, SuspendMode mode) override {
    FakeControl::suspend(name, mode);
    if (name == "vol") disturb(Moment::kSuspended);
  }
  // What has not come inside comes at its end.
  void resume(const std::string& name) override {
    if (name == "vol") disturb(Moment::kInside);
    FakeControl::resume(name);
  }
  void disturb(Moment now) {
    if (call && now == moment) std::exchange(call, nullptr)();
  }

  Moment moment = Moment::kBefore;
  std::function<void()> call;
};

}  // namespace dmjob::dm
