// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The driver of a job that copies: its context, its report and its transfer, and what it does
// before its first byte: it waits for disks that are late, and follows a volume to its new name.
//
// Thread: the reactor; what blocks runs on the context's worker.
#pragma once

#include <cstdint>
#include <functional>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "libjob/core/driver.h"
#include "libjob/drivers/base/job_context.h"
#include "libjob/drivers/base/transfer.h"
#include "libjob/drivers/base/transfer_report.h"

namespace dmjob::drivers {

class TransferDriver : public core::Driver, protected Transfer::Hooks {
 public:
  TransferDriver(Environment& environment, CopyPlan plan, std::string job_id, bool resumed);

  void kick(core::Job& job) override;
  void set_speed(std::uint64_t bytes_per_second) override;
  nlohmann::json describe() const override;
  nlohmann::json record() const override;
  std::optional<std::uint64_t> record_version() const override;

 protected:
  static constexpr core::Duration kSlice = Transfer::kSlice;

  // Of a job that was taken up and has nothing under way: returns when its disks are there, or when
  // it must return. Whether they are the right ones is looked at later.
  boost::asio::awaitable<void> wait_for_late_disks(core::Job& job);
  // Of a job that was taken up, with nothing of its own under the volume: one that was renamed
  // while no dmjobd was there is the volume still.
  boost::asio::awaitable<void> follow_volume(core::Job& job);
  // What the volume is called by now, for the queries, and for a next start. That of a managed one
  // is in the state file, and is its name again at the next boot.
  void note_name(core::Job& job, const std::string& volume);
  // What is mounted above the volume and is not frozen with it, for the record and the queries.
  boost::asio::awaitable<void> find_not_frozen() { return context_.find_not_frozen(volume_now_); }

  struct TargetNote {
    std::string account;      // TargetDisk::account()
    std::string copied_anew;  // why all was copied once more; "" if it was not
  };
  // On the worker: what is known of writes of others to the target.
  virtual TargetNote note_of_target() const;
  // Takes the note into the record and the queries. If the record cannot be written, a next start
  // finds that it does not fit, and copies all.
  boost::asio::awaitable<void> note_account(core::Job& job);
  // As JobContext::take_away(); what is left the queries show.
  boost::asio::awaitable<void> take_away(std::string what, std::function<void()> function);

  JobContext context_;
  TransferReport report_{context_};
  Transfer transfer_{context_, report_, *this};

 private:
  std::string volume_now_;      // its name
  std::uint64_t renamed_ = 0;   // so often
  mutable CopyPlan last_plan_;  // of record_version()
  mutable std::uint64_t plan_version_ = 0;
};

}  // namespace dmjob::drivers
