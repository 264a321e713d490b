// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Keeps udev's rules in step with the state file, so that at every moment and every boot the volume
// alone offers what it holds. Around each write of the state file:
//
//   before   the rules hide what either state needs hidden
//   after    they hide what the written one needs
//
// so a reader of one state's rules and another's state file hides too much, never too little.
// What a step changes in the kernel comes after its write; it ends hiding after that.
//
// Thread: the reactor; files are written on the state worker.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "libjob/volumes/hidden_disks.h"
#include "libjob/volumes/hiding_rules.h"
#include "libjob/volumes/managed_volumes.h"
#include "tool/dmjobd/state_keeper.h"
#include "tool/dmjobd/taken_table.h"
#include "tool/dmjobd/udev_rules.h"

namespace dmjob::daemon {

class Names {
 public:
  // folder: of the rules. volumes, taken: outlive this.
  Names(std::string folder, const volumes::ManagedVolumes& volumes, const TakenTable& taken)
      : folder_(folder), rules_(std::move(folder)), volumes_(volumes), taken_(taken) {}

  // In the turn in which the state file's text is made, and before it is.
  void follow();
  // For that write of the state file.
  StateKeeper::Around around();
  // At the start: the rules are those of the state file that was read, whatever they were. What
  // cannot be written is logged and keeps nothing from starting.
  boost::asio::awaitable<void> begin();

  // Ends the hiding of an old disk with the next write of the state file. Throws core::Error.
  volumes::HiddenDisk release(const std::string& path, const io::DiskIdentity& disk);
  void put_back(volumes::HiddenDisk disk) { hidden_.put_back(std::move(disk)); }
  // [{"device", "volume", "role", "until-reboot"?}]
  nlohmann::json describe() const;
  // Which lines of fstab and the like name a hidden disk, or may: texts.
  boost::asio::awaitable<nlohmann::json> boot_warnings() const;

  nlohmann::json record() const { return hidden_.record(); }
  void restore(const nlohmann::json& record) { hidden_.restore(record); }

 private:
  struct View {
    std::vector<volumes::HiddenDisk> disks;
    std::vector<volumes::VolumeLinks> links;
    bool operator==(const View&) const = default;
  };
  View view() const;
  static View both(const View& one, const View& other);
  void apply(const View& before, const View& now);

  const std::string folder_;
  UdevRules rules_;
  const volumes::ManagedVolumes& volumes_;
  const TakenTable& taken_;
  volumes::HiddenDisks hidden_;
  View durable_;  // that of the state file
  core::Worker worker_;
};

}  // namespace dmjob::daemon
