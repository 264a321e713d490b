// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The part of a job in which the kernel moves what a volume holds into the disk below it, live:
//
//   begin -> look ... look -> merged          keep: the volume holds again, from here on
//     ^------- pause -------'                 finish: the volume is that disk alone
//
// A merge has no speed limit; pausing it really stops it, by a change of tables. Where the scratch
// is so full that a write more might find no room, the merge goes on until it is not.
//
// The volume's record is written before each step of the kernel (volumes/overlay.h), so a restart
// finds by look() how far it had come; this object knows nothing that a new one would not find.
//
// Thread: the reactor; steps on the worker.
#pragma once

#include <boost/asio/awaitable.hpp>
#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <system_error>

#include "libjob/core/job.h"
#include "libjob/core/worker.h"
#include "libjob/drivers/plan/environment.h"
#include "libjob/io/disk_identity.h"
#include "libjob/volumes/overlay_device.h"

namespace dmjob::drivers {

// A whole copy of the origin, which is to take its place: that disk and no other. The proof is
// called on the worker, last before the volume stands on it: throws if it is a copy no more.
struct Successor {
  std::string path;
  io::DiskIdentity disk;
  std::function<void()> proof;
};

class OverlayMerge {
 public:
  // All references outlive this.
  OverlayMerge(Environment& environment, core::Worker& worker, std::string volume,
               std::string job_id, core::OnError on_error);

  // Returns true when all is merged, false if the job must return. `disk` takes the origin's
  // place with the first step; nullopt: the origin itself. Throws if the job is to fail.
  boost::asio::awaitable<bool> run(core::Job& job, std::optional<Successor> disk);
  // For prepare(), after which there is no way back: as run(), but throws if not all is merged.
  boost::asio::awaitable<void> run_to_end(core::Job& job, std::optional<Successor> disk);
  // What has been merged stays merged; the rest is held. If that cannot be now, the kernel merges
  // on, and the volume is whole all the same.
  boost::asio::awaitable<void> keep(core::Job& job);
  // Precondition: run() has returned true, or run_to_end() has returned.
  boost::asio::awaitable<void> finish(core::Job& job);

  // Puts the record back to `before`, unless the kernel merges: the origin is the disk that it was,
  // with the same bytes.
  boost::asio::awaitable<void> take_back(core::Job& job, volumes::ManagedVolume before);

  // The volume's record; null once finished.
  const volumes::ManagedVolume* volume() const;
  bool has_begun() const;
  const std::string& phase() const { return phase_; }

 private:
  using State = dm::OverlayStack::State;
  boost::asio::awaitable<State> look();
  boost::asio::awaitable<void> begin_by_policy(core::Job& job, std::optional<Successor> disk);
  // Throws with the record as it was, if the kernel does not merge.
  boost::asio::awaitable<void> begin(core::Job& job, std::optional<Successor> disk);
  boost::asio::awaitable<void> try_begin(core::Job& job, std::optional<Successor> disk);
  boost::asio::awaitable<bool> pause();
  boost::asio::awaitable<void> rest(core::Job& job, const State& state);
  core::OnError policy(const core::Job& job) const;
  boost::asio::awaitable<void> face_failure(core::Job& job, std::error_code error,
                                            std::string reason);
  boost::asio::awaitable<void> set_stage(core::Job& job, volumes::Overlay overlay);
  void show(core::Job& job, const State& state);
  template <typename Step>
  auto step(const std::string& what, Step function);

  Environment& environment_;
  core::Worker& worker_;
  const std::string name_;
  const std::string job_id_;
  const core::OnError on_error_;
  std::string phase_ = "starting";
  std::uint64_t left_ = 0;  // bytes to merge
  // Since the last failure. A merge that was there before may have failed, and it may stand still:
  // a suspension that is cut short, as by the death of dmjobd, stops it (dm/README.md).
  bool tried_ = false;
};

}  // namespace dmjob::drivers
