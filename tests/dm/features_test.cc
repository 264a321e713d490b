// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/features.h"

#include <gtest/gtest.h>

#include "tests/support/fake_control.h"

namespace dmjob::dm {
namespace {

TEST(MissingTargets, AreThoseNeitherLoadedNorToBeLoaded) {
  FakeControl kernel;  // has linear and error loaded, delay and mirror as modules
  EXPECT_EQ(missing_targets(kernel, {"linear", "snapshot", "delay", "mirror", "dust"}),
            (std::vector<std::string>{"snapshot", "dust"}));
}

}  // namespace
}  // namespace dmjob::dm
