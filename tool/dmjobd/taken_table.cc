// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/taken_table.h"

#include "libjob/drivers/check/taken_by.h"

namespace dmjob::daemon {

TakenTable::Token TakenTable::hold(drivers::Holding holding) {
  auto token = std::make_shared<const drivers::Holding>(std::move(holding));
  being_made_.remove_if([](const auto& made) { return made.expired(); });
  being_made_.push_back(token);
  ++generation_;
  return token;
}

void TakenTable::keep(const std::string& job_id, drivers::Holding holding) {
  by_job_.insert_or_assign(job_id, std::move(holding));
  ++generation_;
}

std::vector<drivers::Holding> TakenTable::by_jobs() const {
  std::vector<drivers::Holding> holdings;
  for (const auto& job : registry_.jobs()) {
    const auto found = by_job_.find(job->id());
    if (job->holds_claims() && found != by_job_.end()) holdings.push_back(found->second);
  }
  return holdings;
}

// Jobs first: a volume's disk that its own job works on is in use by the job.
drivers::CheckContext TakenTable::now() const {
  drivers::CheckContext context{.control = environment_.control,
                                .volumes = environment_.volumes.all(),
                                .taken = by_jobs(),
                                .scratch_folder = environment_.scratch_folder,
                                .state_folder = environment_.state_folder,
                                .memory_folder = environment_.memory_folder};
  for (const auto& [name, volume] : environment_.volumes.all())
    context.taken.push_back(drivers::holding_of(volume));
  for (const auto& made : being_made_)
    if (const auto holding = made.lock()) context.taken.push_back(*holding);
  return context;
}

}  // namespace dmjob::daemon
