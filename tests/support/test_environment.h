// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What drivers work with, around a fake kernel: a reactor that the test runs, a clock that it sets.
#pragma once

#include "libjob/core/event.h"
#include "libjob/drivers/plan/environment.h"
#include "tests/support/fake_clock.h"
#include "tests/support/reactor.h"

namespace dmjob::test {

struct TestEnvironment {
  // Both outlive this.
  TestEnvironment(dm::Control& its_control, dm::Ledger& its_ledger)
      : control(its_control), ledger(its_ledger) {}
  TestEnvironment(const TestEnvironment&) = delete;
  TestEnvironment& operator=(const TestEnvironment&) = delete;

  dm::Control& control;
  dm::Ledger& ledger;
  Reactor reactor;
  FakeClock clock;
  core::VolumeLocks locks{reactor.executor(), clock};
  core::Signal dm_events{reactor.executor()};
  core::EventBus events;
  volumes::ManagedVolumes volumes;
  drivers::Environment environment{.executor = reactor.executor(),
                                   .control = &control,
                                   .ledger = ledger,
                                   .clock = clock,
                                   .locks = locks,
                                   .dm_events = dm_events,
                                   .volumes = volumes,
                                   .scratch_folder = {},
                                   .state_folder = {},
                                   .memory_folder = {}};
};

}  // namespace dmjob::test
