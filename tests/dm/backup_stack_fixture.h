// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Two volumes, `vol` and `other`, of which an instant is to be kept in parts of 8:48 and 8:49, in a
// fake kernel.
#pragma once

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <array>
#include <string>
#include <vector>

#include "dm/targets.h"
#include "dm/topology/backup_stack.h"
#include "tests/dm/error_of.h"
#include "tests/support/fake_ledger.h"

namespace dmjob::dm {

using Log = std::vector<std::string>;

struct BackupStage {
  static BackupStackSpec spec_of(const std::string& job, const std::string& volume, dev_t scratch) {
    BackupStackSpec spec;
    spec.job = job;
    spec.uuid = job + "-uuid";
    spec.volume = volume;
    spec.scratch = scratch;
    spec.cow_offset = 8;
    spec.cow_length = 8192;
    spec.chunk = 128;
    return spec;
  }

  BackupStage() {
    kernel.add_device("vol", own);
    kernel.add_device("other", own_of_other);
    kernel.set_opened("vol", 1);  // mounted
  }

  void build() {
    stack.build();
    other.build();
  }
  void interpose() {
    const std::array<BackupStack*, 2> both{&stack, &other};
    BackupStack::interpose(both);
  }
  void begin() {
    build();
    interpose();
  }
  void withdraw() {
    stack.withdraw();
    other.withdraw();
  }

  dev_t number(const std::string& name) { return kernel.find(name)->dev; }
  Table on_origin(const std::string& job) {
    return origin_table(8192, number("dmjob-" + job + "-base"));
  }
  Table volume() { return kernel.table("vol"); }
  bool interposed() { return kernel.exists("dmjob-j-base") && volume() == on_origin("j"); }
  bool other_interposed() {
    return kernel.exists("dmjob-k-base") && kernel.table("other") == on_origin("k");
  }

  void expect_nothing_but_the_volumes() {
    EXPECT_EQ(kernel.names(), (Log{"other", "vol"}));
    EXPECT_EQ(volume(), own);
    EXPECT_EQ(kernel.table("other"), own_of_other);
    EXPECT_TRUE(ledger.empty());
  }

  const Table own = Table::parse("0 4096 linear 8:0 2048\n4096 4096 striped 2 128 8:0 9000 8:16 0");
  const Table own_of_other = Table::parse("0 8192 linear 8:32 0");
  FakeControl kernel;
  FakeLedger ledger{kernel};
  BackupStack stack{kernel, ledger, spec_of("j", "vol", makedev(8, 48))};
  BackupStack other{kernel, ledger, spec_of("k", "other", makedev(8, 49))};
};

}  // namespace dmjob::dm
