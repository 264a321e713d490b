// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/base/transfer_report.h"

namespace dmjob::drivers {
namespace {

// Of errors or of extents.
template <typename Places>
nlohmann::json extents(const Places& places) {
  nlohmann::json list = nlohmann::json::array();
  for (const auto& place : places)
    list.push_back({{"offset", place.offset}, {"length", place.length}});
  return list;
}

// What a comparison has not.
void describe_copy(const CopyPlan& plan, std::uint64_t left, nlohmann::json& about) {
  about["dirty"] = left;
  about["granularity"] = plan.granularity;
  if (plan.verify) about["verify"] = true;
}

}  // namespace

TransferReport::TransferReport(const JobContext& context)
    : context_(context),
      phase_(context.resumed ? "taken up" : "starting"),
      to_verify_(context.plan.verify ? context.plan.size : 0) {}

void TransferReport::show_copied(core::Job& job, std::uint64_t bytes_left) {
  const std::uint64_t copied = context_.plan.size - bytes_left;
  const std::uint64_t known = job.progress().get().offset;
  if (copied > known) job.progress().add_done(copied - known);
}

void TransferReport::show_left(core::Job& job, std::uint64_t bytes) {
  left_ = bytes;
  show_progress(job);
}

void TransferReport::show_to_verify(core::Job& job, std::uint64_t bytes) {
  to_verify_ = bytes;
  show_progress(job);
}

void TransferReport::show_progress(core::Job& job) {
  job.progress().set_remaining(left_ + to_verify_);
  rate_.note(context_.environment.clock.now(), job.progress().get().offset);
}

nlohmann::json TransferReport::describe() const {
  const CopyPlan& plan = context_.plan;
  nlohmann::json about{{"phase", phase_},
                       {"source", plan.source},
                       {"target", plan.target},
                       {"on-source-error", core::to_string(plan.on_source_error)},
                       {"on-target-error", core::to_string(plan.on_target_error)}};
  if (!plan.only_compare) describe_copy(plan, left_, about);
  if (!plan.only_compare || plan.live()) about["scratch"] = plan.scratch.describe();
  const std::uint64_t rate = rate_.bytes_per_second(context_.environment.clock.now());
  about["rate"] = rate;
  if (rate > 0) about["eta"] = (left_ + to_verify_) / rate;
  describe_findings(about);
  return about;
}

void TransferReport::describe_findings(nlohmann::json& about) const {
  if (differences_.bytes() > 0) {
    about["x-different-bytes"] = differences_.bytes();
    about["x-differences"] = extents(differences_.places());
  }
  if (!late_disk_.empty()) about["waiting-for"] = late_disk_ + " is not there";
  if (!copied_anew_.empty()) about["copied-anew"] = copied_anew_;
  if (!left_behind_.empty()) about["left-behind"] = left_behind_;
  if (!context_.plan.not_frozen.empty()) about["not-frozen"] = context_.plan.not_frozen;
  if (!unreadable_.empty()) about["x-error-map"] = extents(unreadable_);
  if (context_.error_map.wanted()) about["error-map"] = context_.plan.error_map;
  if (const std::string fault = context_.error_map.fault(); !fault.empty())
    about["error-map-trouble"] = fault;
}

}  // namespace dmjob::drivers
