// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/job_starter.h"

#include <algorithm>
#include <exception>
#include <map>
#include <utility>

#include "libjob/core/error.h"
#include "libjob/drivers/check/taken_by.h"
#include "libjob/io/uuid.h"
#include "tool/dmjobd/log.h"

namespace dmjob::daemon {

using boost::asio::awaitable;

JobStarter::JobStarter(drivers::Environment& environment, core::EventBus& events,
                       core::Registry& registry, StateStore& store, TakenTable& taken,
                       LateVolumes& late)
    : environment_(environment),
      registry_(registry),
      store_(store),
      taken_(taken),
      late_(late),
      host_{.executor = environment.executor,
            .events = events,
            .persist = [&keeper = store.keeper()] { return keeper.persist(); },
            .persist_soon = [&keeper = store.keeper()] { keeper.persist_soon(); },
            .gone =
                [&registry, &taken](core::Job& job) {
                  taken.forget(job);
                  registry.remove(job);
                },
            .obstacle = [&late](const core::Job& job) { return late.obstacle(job); }} {}

// --- of the state file ---

void JobStarter::restore(const nlohmann::json& records) {
  std::map<std::string, Group> groups;
  for (const nlohmann::json& record : records) {
    const std::string id = record.value("transaction", "");
    const Group group =
        id.empty() ? make_group(id) : groups.try_emplace(id, make_group(id)).first->second;
    restore_job(record, group);
  }
}

JobStarter::Group JobStarter::make_group(std::string id) {
  return {std::make_shared<core::Transaction>(std::move(id)),
          std::make_shared<drivers::DriverGroup>()};
}

void JobStarter::restore_job(const nlohmann::json& record, const Group& group) {
  try {
    std::unique_ptr<core::Driver> driver;
    if (record.at("status") != core::to_string(core::Status::kConcluded)) {
      driver = drivers::restore_driver(environment_, record.at("type"), record.at("driver"),
                                       record.at("id"), group.drivers);
      taken_.keep(record.at("id"), drivers::restore_holding(record.at("type"), record.at("driver"),
                                                            record.at("id")));
    }
    registry_.add(core::Job::restore(host_, record, std::move(driver), group.jobs));
  } catch (const std::exception& error) {
    log_error("a stored job is put aside, in \"quarantine\" of the state file: " +
              std::string(error.what()));
    store_.set_aside(record);
    if (!group.jobs->id().empty()) broken_groups_.insert(group.jobs->id());
  }
}

// The start of a transaction may have been cut off, and nobody was told that it had begun. Which
// jobs that are is seen before any is cancelled: that ends the others of its transaction, too.
void JobStarter::start_restored() {
  const auto is_half_made = [](const auto& job) { return job->status() == core::Status::kCreated; };
  Jobs jobs = registry_.jobs();
  Jobs half_made;
  std::ranges::copy_if(jobs, std::back_inserter(half_made), is_half_made);
  std::erase_if(jobs, is_half_made);
  for (const auto& job : jobs) {
    job->start();
    if (broken_groups_.contains(job->transaction())) cancel_restored(*job);
  }
  for (const auto& job : half_made) cancel_restored(*job);
}

void JobStarter::cancel_restored(core::Job& job) {
  try {
    job.cancel(true);
  } catch (const core::Error& error) {  // over, or taking effect just now: what was decided holds
    log_warning(error.what());
  }
}

// --- of requests ---

awaitable<std::vector<std::string>> JobStarter::start_jobs(
    std::vector<drivers::JobRequest> requests, bool grouped, Wanted wanted) {
  co_await late_.all_tried();
  Jobs made;
  std::exception_ptr failed;
  try {
    co_await make_jobs(std::move(requests), grouped, wanted, made);
  } catch (const std::exception&) {
    failed = std::current_exception();
  }
  std::vector<std::string> ids;
  for (const auto& job : made) {
    ids.push_back(job->id());
    if (job->cancelled()) continue;  // with its transaction, by one that has failed at once
    if (failed)
      job->cancel(true);
    else
      job->start();
  }
  if (failed) std::rethrow_exception(failed);
  co_return ids;
}

awaitable<void> JobStarter::make_jobs(std::vector<drivers::JobRequest> requests, bool grouped,
                                      const Wanted& wanted, Jobs& made) {
  const Group group = make_group("transaction-" + io::new_uuid());
  std::vector<drivers::Footprint> others;
  for (drivers::JobRequest& request : requests) {
    auto check = [&](const drivers::CheckContext& context) {
      return check_job(request, context, others, grouped);
    };
    drivers::CheckedJob checked = co_await taken_.check(check, wanted);
    others.push_back(checked.footprint);
    Group own = group;
    if (!grouped) {
      own = make_group("");
      own.drivers->backups = group.drivers->backups;  // of one instant, however they end
    }
    made.push_back(make_job(drivers::settings_of(request), std::move(checked), own));
  }
  // Another client may have been quicker.
  for (const auto& job : made)
    if (job->cancelled()) throw core::Error("job '" + job->id() + "' was cancelled");
}

drivers::CheckedJob JobStarter::check_job(const drivers::JobRequest& request,
                                          const drivers::CheckContext& context,
                                          const std::vector<drivers::Footprint>& others,
                                          bool grouped) {
  drivers::CheckedJob checked = drivers::check_job(request, context);
  for (const drivers::Footprint& other : others) {
    if (grouped || (checked.footprint.shares_instant && other.shares_instant))
      drivers::check_apart(checked.footprint, other);
  }
  drivers::require_untaken(context, checked.footprint);
  return checked;
}

std::shared_ptr<core::Job> JobStarter::make_job(const drivers::JobSettings& settings,
                                                drivers::CheckedJob checked, const Group& group) {
  const std::string id = settings.id.value_or(core::job_id_for(checked.footprint.default_id));
  if (const std::string wrong = core::check_job_id(id); !wrong.empty())
    throw core::Error("job id '" + id + "' " + wrong + ": name another (job-id, --id)");
  std::vector<std::string> claims;
  if (!checked.footprint.volume.empty()) claims.push_back(checked.footprint.volume);
  registry_.check_free(id, claims);
  auto driver = checked.make_driver(environment_, id, group.drivers);
  auto job = core::Job::create(host_,
                               {.id = id,
                                .speed = static_cast<std::uint64_t>(settings.speed),
                                .auto_finalize = settings.auto_finalize,
                                .auto_dismiss = settings.auto_dismiss,
                                .claims = std::move(claims)},
                               std::move(driver), group.jobs);
  registry_.add(job);
  taken_.keep(id, drivers::holding_of(id, checked.footprint));
  return job;
}

}  // namespace dmjob::daemon
