// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/compare/comparison.h"

namespace dmjob::drivers {

Comparison::Comparison(std::unique_ptr<io::BlockDevice> source,
                       std::unique_ptr<io::BlockDevice> target, io::CopyControl& control,
                       const core::Clock& clock, const CopyPlan& plan)
    : source_(std::move(source)),
      target_(std::move(target)),
      clock_(clock),
      on_source_error_(plan.on_source_error),
      on_target_error_(plan.on_target_error),
      left_(plan.size, plan.granularity),
      engine_(*source_, *target_, control, clock) {
  left_.set_all();
}

bool Comparison::leave_out(const io::CompareError& error) const {
  const core::OnError policy = error.at_source ? on_source_error_ : on_target_error_;
  return core::decide(policy, error.error) == core::ErrorAction::kIgnore;
}

BulkCopy::VerifyResult Comparison::slice(core::Progress& progress, core::Duration time) {
  const io::CompareEngine::Calls calls{
      [this](const io::Extent& extent) { differences_.add(extent); },
      [this](const io::CompareError& error) { return leave_out(error); }};
  io::CompareResult result = engine_.run(left_, progress, clock_.now() + time, calls);
  BulkCopy::VerifyResult verified;
  verified.end = result.end;
  verified.error = result.error;
  verified.unreadable = std::move(result.left_out);
  unreadable_.insert(unreadable_.end(), verified.unreadable.begin(), verified.unreadable.end());
  verified.differences = differences_;
  verified.left = left_.dirty_bytes();
  return verified;
}

}  // namespace dmjob::drivers
