// SPDX-License-Identifier: LGPL-2.1-or-later
//
// A daemon with toy jobs, and copies that take as long as the test wants.
// Thread: the test's.
#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "libjob/core/job.h"
#include "libjob/core/signal.h"
#include "tests/support/toy_driver.h"
#include "tool/dmjobd/daemon.h"

namespace dmjob::test {

class FakeDaemon : public daemon::Daemon {
 public:
  explicit FakeDaemon(boost::asio::any_io_executor executor);

  core::Registry& registry() override { return registry_; }
  core::EventBus& events() override { return events_; }
  boost::asio::awaitable<std::vector<std::string>> start_jobs(
      std::vector<drivers::JobRequest> requests, bool grouped, daemon::Wanted wanted) override;
  boost::asio::awaitable<void> attach(std::string name, std::string device,
                                      daemon::Wanted wanted) override;
  boost::asio::awaitable<std::string> detach(std::string name, bool force,
                                             daemon::Wanted wanted) override;
  boost::asio::awaitable<void> overlay(drivers::OverlayRequest request,
                                       daemon::Wanted wanted) override;
  boost::asio::awaitable<void> snapshot(drivers::OverlayRequest request,
                                        daemon::Wanted wanted) override;
  boost::asio::awaitable<void> rollback(std::string name, daemon::Wanted wanted) override;
  boost::asio::awaitable<void> untrack(std::string name, daemon::Wanted wanted) override;
  boost::asio::awaitable<std::string> remember() override;
  boost::asio::awaitable<std::string> release(std::string device) override;
  boost::asio::awaitable<nlohmann::json> query_boot_warnings() override {
    co_return nlohmann::json::array();
  }
  boost::asio::awaitable<nlohmann::json> query_not_frozen(std::string device) override {
    co_return nlohmann::json::array({device + " is not frozen"});
  }
  nlohmann::json query_hidden_disks() override { return hidden_disks; }
  nlohmann::json query_volumes() override { return volumes; }

  // A job in status running, and what it works on.
  std::shared_ptr<core::Job> start_job(const std::string& id);
  Toy& toy() { return *toy_; }
  // Lets the copies that wait go on, and later ones not wait.
  void release_copies();

  nlohmann::json volumes = nlohmann::json::array();
  nlohmann::json hidden_disks = nlohmann::json::array();
  bool hold_copies = false;
  bool last_is_grouped = false;
  std::string copy_error;  // non-empty: thrown
  std::vector<drivers::CopyRequest> copies;
  std::vector<drivers::BackupRequest> backups;
  std::vector<drivers::JobRequest> all;  // of the last start_jobs()
  int copies_done = 0;
  int remembered = 0;
  std::string forgets;               // non-empty: why nothing can be written down
  std::vector<std::string> changes;  // "attach v /dev/x"
  std::vector<drivers::OverlayRequest> overlays;

 private:
  core::EventBus events_;
  core::Registry registry_;
  core::JobHost host_;
  core::Signal released_;
  std::shared_ptr<Toy> toy_ = std::make_shared<Toy>();
};

}  // namespace dmjob::test
