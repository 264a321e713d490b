// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A volume of two segments on 8:0, to be copied to 8:32 with its logs on 8:48, in a fake kernel;
// and the steps of a copy up to the point where a test begins.
#pragma once

#include <gtest/gtest.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <string>
#include <vector>

#include "dm/targets.h"
#include "dm/topology/copy_stack.h"
#include "dm/topology/held_disk.h"
#include "tests/dm/end_copy.h"
#include "tests/dm/error_of.h"
#include "tests/support/fake_ledger.h"

namespace dmjob::dm {

using Log = std::vector<std::string>;
using Kind = WriteMode::Kind;

struct CopyStage {
  static CopyStackSpec spec() {
    CopyStackSpec spec;
    spec.job = "j";
    spec.uuid = "u";
    spec.volume = "vol";
    spec.has_target = true;
    spec.target = makedev(8, 32);
    spec.region = 128;
    spec.scratch = makedev(8, 48);
    spec.log_offset = {8, 72, 136};
    spec.log_length = 64;
    return spec;
  }

  CopyStage() {
    kernel.add_device("vol", own);
    kernel.set_opened("vol", 1);  // mounted
  }

  void hold() { held.take(makedev(8, 32), 16384); }
  void build() {
    hold();
    stack.build(0);
  }
  void interpose() {
    build();
    stack.interpose();
  }
  void mirror() {
    interpose();
    stack.preload({Kind::kMirroring, 1});
    stack.switch_writes(SuspendMode::kFlush, [] {});
  }
  void be_ready() {
    mirror();
    stack.preload({Kind::kTracking, 2});
  }

  dev_t number(const std::string& part) { return kernel.find("dmjob-j-" + part)->dev; }
  Table bypass() { return bypass_table(8192, number("base"), number("wr")); }
  Table tracker(int log) {
    return tracker_table(8192, number("log" + std::to_string(log)), 128, number("base"),
                         number("err"));
  }
  Table mirror_on(int log) {
    return mirror_table(8192, number("log" + std::to_string(log)), 128, number("base"),
                        number("tgt"));
  }
  Table on_target() const { return linear_table(8192, makedev(8, 32)); }
  Table volume() { return kernel.table("vol"); }
  Table writes() { return kernel.table("dmjob-j-wr"); }

  // The target no longer takes writes.
  void fail_target() {
    kernel.set_status("dmjob-j-wr", "2 " + print_dev(number("base")) + " " +
                                        print_dev(number("tgt")) + " 63/64 1 AD 3 disk " +
                                        print_dev(number("log1")) + " A");
  }

  bool volume_was_suspended() const {
    return std::ranges::any_of(
        kernel.log(), [](const std::string& line) { return line.starts_with("suspend vol"); });
  }
  void expect_nothing_but_the_volume() {
    held.remove();
    EXPECT_EQ(kernel.names(), Log{"vol"});
    EXPECT_TRUE(ledger.empty());
  }

  const Table own = Table::parse("0 4096 linear 8:0 2048\n4096 4096 striped 2 128 8:0 9000 8:16 0");
  FakeControl kernel;
  FakeLedger ledger{kernel};
  HeldDisk held{kernel, ledger, "j", "u"};
  CopyStack stack{kernel, ledger, spec()};
};

class CopyStackTest : public testing::Test, protected CopyStage {
 protected:
  ~CopyStackTest() override {
    EXPECT_EQ(kernel.violations(), Log{});
    EXPECT_EQ(kernel.suspended_devices(), Log{});
  }
};

}  // namespace dmjob::dm
