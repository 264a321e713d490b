// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/live_daemon.h"

#include <algorithm>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <map>
#include <utility>

#include "dm/name.h"
#include "libjob/core/json_text.h"
#include "libjob/core/worker.h"
#include "libjob/drivers/check/taken_by.h"
#include "tool/dmjobd/log.h"

namespace dmjob::daemon {

using boost::asio::awaitable;

LiveDaemon::LiveDaemon(boost::asio::any_io_executor executor, const Config& config,
                       dm::Control* control, dm::Ledger& ledger)
    : executor_(executor),
      config_(config),
      control_(control),
      file_(config.state_folder),
      pivots_(config.state_folder),
      dm_signal_(executor),
      locks_(executor, clock_),
      environment_{.executor = executor,
                   .control = control,
                   .ledger = ledger,
                   .clock = clock_,
                   .locks = locks_,
                   .dm_events = dm_signal_,
                   .volumes = volumes_,
                   .scratch_folder = config.scratch_folder,
                   .state_folder = config.state_folder,
                   .memory_folder = config.memory_folder,
                   .pivots = &pivots_},
      keeper_(
          executor, file_, [this] { return compose(); }, [this] { return names_.around(); }),
      host_{.executor = executor,
            .events = events_,
            .persist = [this] { return keeper_.persist(); },
            .persist_soon = [this] { keeper_.persist_soon(); },
            .gone =
                [this](core::Job& job) {
                  taken_.forget(job);
                  registry_.remove(job);
                },
            .obstacle = [this](const core::Job& job) { return late_.obstacle(job); }},
      taken_(registry_, volumes_, [this] { return check_context(); }),
      names_(config.rules_folder, volumes_, taken_),
      overlays_(environment_, registry_, events_, keeper_, taken_),
      trackers_(environment_, registry_, events_, keeper_),
      flushes_(environment_, events_),
      late_(environment_, [this](volumes::ManagedVolume volume, volumes::IfScratchIsLate if_late) {
        return activate_volume(std::move(volume), if_late);
      }) {}

// --- the state ---

std::string LiveDaemon::compose() {
  names_.follow();
  core::ListText jobs;  // oldest first
  for (auto job = registry_.jobs().rbegin(); job != registry_.jobs().rend(); ++job)
    jobs.add(*(*job)->record_text());
  return "{\"events\":" + events_.record() + ",\"hidden\":" + core::to_text(names_.record()) +
         ",\"history\":" + registry_.history() + ",\"jobs\":" + jobs.text() +
         ",\"quarantine\":" + core::to_text(quarantine_) +
         ",\"volumes\":" + core::to_text(volumes_.record()) + "}";
}

void LiveDaemon::load() {
  auto loaded = file_.load();
  if (!loaded) return;
  if (!loaded->warning.empty()) log_warning(loaded->warning);
  take_up(loaded->content);
}

void LiveDaemon::take_up(const nlohmann::json& content) {
  events_.restore(content.at("events"));
  registry_.restore_history(content.at("history"));
  volumes_.restore(content.at("volumes"));
  if (content.contains("hidden")) names_.restore(content["hidden"]);
  for (const std::string& name : pivots_.apply(volumes_))
    log_info("the pivot of volume '" + name + "' was decided and revoked");
  quarantine_ = content.at("quarantine");
  std::map<std::string, Group> groups;
  for (const nlohmann::json& record : content.at("jobs")) {
    const std::string id = record.value("transaction", "");
    const Group group =
        id.empty() ? make_group(id) : groups.try_emplace(id, make_group(id)).first->second;
    take_up_job(record, group);
  }
}

LiveDaemon::Group LiveDaemon::make_group(std::string id) {
  return {std::make_shared<core::Transaction>(std::move(id)),
          std::make_shared<drivers::DriverGroup>()};
}

// A record that cannot be read must not lose the others, nor itself.
void LiveDaemon::take_up_job(const nlohmann::json& record, const Group& group) {
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
    quarantine_.push_back(record);
    if (!group.jobs->id().empty()) broken_groups_.insert(group.jobs->id());
  }
}

awaitable<std::string> LiveDaemon::remember() {
  constexpr core::Duration kPatience = std::chrono::seconds(5);
  auto tried = keeper_.try_persist(kPatience);
  std::string why_not = co_await std::move(tried);
  co_return why_not;
}

// --- start and stop ---

awaitable<void> LiveDaemon::begin() {
  co_await names_.begin();
  if (control_)
    late_.begin();
  else
    volumes_.set_errors("this kernel has no device-mapper (modprobe dm-mod)");
  start_again(registry_.jobs());
}

awaitable<void> LiveDaemon::start() {
  if (!control_) co_return;
  dm_events_.emplace(executor_, dm_signal_);
  boost::asio::co_spawn(executor_, dm_events_->run(), boost::asio::detached);
  boost::asio::co_spawn(executor_, late_.watch(), boost::asio::detached);
  boost::asio::co_spawn(executor_, overlays_.watch(), boost::asio::detached);
  boost::asio::co_spawn(executor_, trackers_.watch(), boost::asio::detached);
  boost::asio::co_spawn(executor_, flushes_.watch(), boost::asio::detached);
  const std::vector<std::string> untried = co_await late_.all_tried();
  for (const std::string& name : untried)
    log_error("volume '" + name + "' is not active: its disk does not answer; it is waited for");
  for (const auto& job : registry_.jobs()) job->kick();
  co_await report_strangers();
  co_await make_room();
}

// For the record of revoked pivots, while there is some: a job that is ready is to be completed on
// a full file system, too.
awaitable<void> LiveDaemon::make_room() {
  std::string failed;
  try {
    co_await pivots_.reserve(1);
  } catch (const std::exception& error) {
    failed = error.what();
  }
  if (!failed.empty()) log_warning(failed + "; until it can be, no volume is pivoted");
}

// The start of a transaction may have been cut off, and nobody was told that it had begun. Which
// jobs that are is seen before any is cancelled: that ends the others of its transaction, too.
void LiveDaemon::start_again(Jobs jobs) {
  const auto is_half_made = [](const auto& job) { return job->status() == core::Status::kCreated; };
  Jobs half_made;
  std::ranges::copy_if(jobs, std::back_inserter(half_made), is_half_made);
  std::erase_if(jobs, is_half_made);
  for (const auto& job : jobs) {
    job->start();
    if (broken_groups_.contains(job->transaction())) cancel_again(*job);
  }
  for (const auto& job : half_made) cancel_again(*job);
}

void LiveDaemon::cancel_again(core::Job& job) {
  try {
    job.cancel(true);
  } catch (const core::Error& error) {  // over, or taking effect just now: what was decided holds
    log_warning(error.what());
  }
}

bool LiveDaemon::is_known(const std::string& inner_name) const {
  const auto of_job = [&](const auto& job) {
    return inner_name.starts_with(dm::inner_name(job->id(), ""));
  };
  const auto of_tracker = [&](const auto& entry) {
    return entry.second.tracking &&
           inner_name.starts_with(dm::inner_name(volumes::Tracker::id_of(entry.first), ""));
  };
  const auto of_overlay = [&](const auto& entry) {
    return entry.second.overlay && dm::OverlayStack::is_part(inner_name, entry.first);
  };
  return std::ranges::any_of(registry_.jobs(), of_job) ||
         std::ranges::any_of(volumes_.all(), of_tracker) ||
         std::ranges::any_of(volumes_.all(), of_overlay);
}

// Devices with our UUID that no job of ours knows are reported, never removed.
awaitable<void> LiveDaemon::report_strangers() {
  core::Worker worker;
  auto list = [this] {
    std::vector<std::string> names;
    for (const dm::Device& device : control_->list()) {
      const auto full = control_->find(device.name);
      if (full && full->uuid.starts_with(dm::kInnerUuidPrefix)) names.push_back(full->name);
    }
    return names;
  };
  const std::vector<std::string> inner = co_await worker.run(std::move(list));
  for (const std::string& name : inner) {
    if (!is_known(name))
      log_warning("device '" + name +
                  "' was made by a job that the state file does not know: "
                  "left alone ('dmsetup table " +
                  name + "' shows it)");
  }
}

bool LiveDaemon::all_idle() const {
  return overlays_.idle() && trackers_.idle() && flushes_.idle() && late_.idle() &&
         std::ranges::all_of(registry_.jobs(), [](const auto& job) { return job->idle(); });
}

awaitable<bool> LiveDaemon::stop() {
  std::vector<std::shared_ptr<core::Job>> jobs = registry_.jobs();
  for (const auto& job : jobs) job->stop_for_exit();
  overlays_.stop();
  trackers_.stop();
  flushes_.stop();
  late_.stop();
  constexpr core::Duration kPatience = std::chrono::seconds(20);
  constexpr core::Duration kLook = std::chrono::milliseconds(50);
  const core::TimePoint give_up = clock_.now() + kPatience;
  core::Signal never(executor_);
  while (!all_idle() && clock_.now() < give_up) co_await never.wait_for(kLook);
  if (dm_events_) dm_events_->stop();
  if (all_idle()) events_.close();
  try {
    co_await keeper_.persist();
  } catch (const std::exception& error) {
    log_error(error.what());
  }
  co_return all_idle();
}

// --- jobs ---

drivers::CheckContext LiveDaemon::check_context() const {
  return {.control = control_,
          .volumes = volumes_.all(),
          .taken = {},
          .scratch_folder = config_.scratch_folder,
          .state_folder = config_.state_folder,
          .memory_folder = config_.memory_folder};
}

awaitable<std::vector<std::string>> LiveDaemon::start_jobs(
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

awaitable<void> LiveDaemon::make_jobs(std::vector<drivers::JobRequest> requests, bool grouped,
                                      const Wanted& wanted, Jobs& made) {
  const Group group = make_group("transaction-" + volumes::new_uuid());
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
  // Somebody may have been quicker than we.
  for (const auto& job : made)
    if (job->cancelled()) throw core::Error("job '" + job->id() + "' was cancelled");
}

drivers::CheckedJob LiveDaemon::check_job(const drivers::JobRequest& request,
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

std::shared_ptr<core::Job> LiveDaemon::make_job(const drivers::JobSettings& settings,
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
