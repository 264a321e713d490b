// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A volume that holds what is written to it, with one job on that. As root.
#pragma once

#include <string>

#include "tests/drivers/base/job_story.h"
#include "tests/volumes/overlay_fixture.h"

namespace dmjob::drivers {

using volumes::Overlay;

class OverlayJobTest : public JobStory<volumes::OverlayStory> {
 protected:
  void until_kernel(Kind kind) {
    until([&] { return look().kind == kind; });
  }
  Overlay::Stage stored_stage() const { return stored_volume().overlay->stage; }

 private:
  std::string stored_stage_word() const override {
    const bool holds = managed() && managed()->overlay;
    return holds ? managed()->overlay->record()["stage"].get<std::string>() : "";
  }
};

}  // namespace dmjob::drivers
