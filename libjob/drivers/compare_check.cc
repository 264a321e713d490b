// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/compare_check.h"

#include <filesystem>

#include "libjob/core/error.h"
#include "libjob/drivers/target_check.h"
#include "libjob/store/scratch.h"

namespace dmjob::drivers {
namespace {

using core::Error;

void check_source(const Source& source) {
  if (!source.volume.empty())
    throw Error("volume '" + source.volume +
                "' is in use, or could be at any time: only what nobody uses can be compared; "
                "'copy --verify' proves a copy of a volume in use");
  if (source.what.size == 0) throw Error("source " + source.what.path + " is empty");
}

io::DiskIdentity identify(const io::ProbeResult& what) {
  if (what.kind != io::Kind::kBlockDevice) return {};
  return io::identify_disk(what.path);
}

}  // namespace

CheckedCopy check_comparison(const CompareRequest& request, const CheckContext& context) {
  const Source source = find_source(request.source, context);
  check_source(source);
  const auto target = check_target({.path = request.target, .must_exist = true, .only_read = true},
                                   source, context);
  CheckedCopy checked;
  CopyPlan& plan = checked.plan;
  plan.uuid = volumes::new_uuid();
  plan.source = request.source;
  plan.target = request.target;
  plan.source_disk = identify(source.what);
  plan.target_disk = identify(*target);
  plan.size = source.what.size;
  plan.granularity = store::default_granularity(plan.size);
  plan.verify = true;
  plan.speed = request.speed > 0 ? static_cast<std::uint64_t>(request.speed) : 0;
  plan.on_source_error = request.on_source_error;
  plan.on_target_error = request.on_target_error;
  checked.footprint.default_id = std::filesystem::path(request.source).filename().string();
  checked.footprint.source = plan.source;
  checked.footprint.claims = {name_claim(source.what), name_claim(*target)};
  return checked;
}

}  // namespace dmjob::drivers
