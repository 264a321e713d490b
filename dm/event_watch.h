// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Waiting for dm events without polling and without a thread a device: the control node becomes
// readable when any device has had an event since it was last armed (DM_DEV_ARM_POLL, dm 4.37).
// Created, removed and resumed devices count as events, too, ours included: look at the statuses,
// expect nothing.
//
// Thread: the one that polls the descriptor (the reactor); arm() does not block.
#pragma once

namespace dmjob::dm {

class EventWatch {
 public:
  // Opens the control node for itself, armed. Throws std::system_error: no device-mapper in this
  // kernel, or one before 4.37 (Linux 4.14).
  EventWatch();
  ~EventWatch();
  EventWatch(const EventWatch&) = delete;
  EventWatch& operator=(const EventWatch&) = delete;

  // For poll(POLLIN). Owned by the watch.
  int fd() const { return fd_; }

  // Forgets what has happened so far. Order: arm, then read statuses, then poll; what happens in
  // between makes the poll return. Throws std::system_error, for a closed descriptor at most.
  void arm();

 private:
  int fd_ = -1;
};

}  // namespace dmjob::dm
