// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/event_watch.h"

#include <unistd.h>

#include "dm/control_node.h"

namespace dmjob::dm {

EventWatch::EventWatch() : fd_(open_control_node()) {
  try {
    arm();
  } catch (...) {
    close(fd_);
    throw;
  }
}

EventWatch::~EventWatch() { close(fd_); }

void EventWatch::arm() { arm_poll(fd_); }

}  // namespace dmjob::dm
