// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Device-mapper in memory: keeps tables, behaves as the kernel does where that matters to us (a
// failed resume drops the new table and leaves the device suspended; what is in use cannot be
// removed), fails the call that it is told to, and writes down every call that changes something,
// as a line of text.
//
// Numbers: dm devices are 253:0, 253:1, ... in the order in which they are made; any other number
// is a disk that exists. Thread: any.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "dm/control.h"
#include "threads/mutex.h"

namespace dmjob::dm {

class FakeControl : public Control {
 public:
  // --- the stage: none of these is in the log ---

  // A volume that is there already.
  dev_t add_device(const std::string& name, const Table& table, const std::string& uuid = "");
  // As if its number were that of a real disk, so that what opens it by number finds that disk.
  void set_number(const std::string& name, dev_t number);
  // The same for a device that create() will make.
  void set_number_to_come(const std::string& name, dev_t number);
  void set_suspended(const std::string& name, bool suspended);
  void set_read_only(const std::string& name);
  // As if a program had it open so many times.
  void set_opened(const std::string& name, int times);
  // What status() tells for the device until it gets another table. By default a mirror is in sync
  // and a snapshot valid.
  void set_status(const std::string& name, const std::string& text);
  // What every snapshot and merge tells by default from now on: what is in a cow outlives tables.
  void set_kept(const std::string& text);
  // As if somebody else had loaded, or switched to, another table.
  void set_inactive_table(const std::string& name, const Table& table);
  void set_table(const std::string& name, const Table& table);

  // What a disk says of its cache; by default that it has none. A dm device says what those under
  // it say when its table goes live, but for a mirror's log.
  void set_write_back(dev_t disk, bool write_back);
  // A file system is mounted from it. It is frozen by a suspension that freezes.
  void set_mounted(dev_t dev);
  // The next suspensions that freeze it fail with EBUSY, as where somebody else has frozen it.
  void freeze_elsewhere(const std::string& name, int times);
  // What writes_ended() says of it each time, one after the other; the last one from then on.
  void set_writes(const std::string& name, std::vector<std::optional<std::uint64_t>> counts);
  // What stands on a device beside dm devices.
  void add_holder(dev_t dev, const Holder& holder);

  // The n-th call from now that changes something fails, counted from 1; all others do not.
  void fail_call(int n, int error);
  // As fail_call(), counting only "create", "load", "clear", "suspend", "resume" or "remove".
  void fail_call(const std::string& kind, int n, int error);
  // What is there as a module, beside linear, striped and error. By default all that jobs need.
  void set_modules(const std::vector<std::string>& targets);
  // A table whose target does not start: a resume with it fails, leaves it live and the device
  // suspended, until it gets another one.
  void set_unresumable(const Table& table);
  // Is called before a device is made: what somebody else does just then.
  void before_create(std::function<void(const NewDevice&)> call) {
    const threads::Lock lock(mutex_);
    before_create_ = std::move(call);
  }
  // Nothing fails any more.
  void heal();

  // --- the story ---

  // One line a call: "create NAME", "load NAME", "clear NAME", "suspend NAME flush|freeze|noflush",
  // "resume NAME", "remove NAME"; failed ones end with " !"; and what note() was given.
  std::vector<std::string> log() const;
  void clear_log();
  void note(const std::string& line);
  // Calls that the rules forbid: create, load or remove while a device is suspended.
  std::vector<std::string> violations() const;

  bool exists(const std::string& name) const;
  bool suspended(const std::string& name) const;
  std::vector<std::string> suspended_devices() const;
  std::vector<std::string> names() const;

  // --- Control ---

  dev_t create(const NewDevice& device) override;
  void load(const std::string& name, const Table& table) override;
  void clear(const std::string& name) override;
  void suspend(const std::string& name, SuspendMode mode) override;
  void resume(const std::string& name) override;
  void remove(const std::string& name) override;
  std::optional<Device> find(const std::string& name) override;
  std::optional<Device> find_by_uuid(const std::string& uuid) override;
  std::vector<Device> list() override;
  Table table(const std::string& name) override;
  Table inactive_table(const std::string& name) override;
  std::vector<StatusLine> status(const std::string& name) override;
  std::vector<dev_t> deps(const std::string& name) override;
  std::optional<bool> write_back(dev_t dev) override;
  std::vector<Holder> holders(dev_t dev) override;
  std::vector<dev_t> mounted() override;
  std::optional<std::uint64_t> writes_ended(dev_t dev) override;
  std::vector<std::string> targets() override;
  std::optional<std::string> target_version(const std::string& target) override;

 private:
  struct FakeDevice {
    std::string uuid;
    dev_t dev = 0;
    bool suspended = false;
    bool read_only = false;
    int opened = 0;
    int frozen_elsewhere = 0;
    std::vector<std::optional<std::uint64_t>> writes{0};
    bool write_back = false;
    std::optional<Table> live;
    std::optional<Table> inactive;
    std::string status;
  };
  struct Failure {
    std::string kind;  // "" for any
    int countdown = 0;
    int error = 0;
  };

  FakeDevice& at(const std::string& name) DMJOB_REQUIRES(mutex_);
  const FakeDevice& at(const std::string& name) const DMJOB_REQUIRES(mutex_);
  void begin(const std::string& kind, const std::string& name, const std::string& rest = "")
      DMJOB_REQUIRES(mutex_);
  void check_devices(const std::string& name, const Table& table) const DMJOB_REQUIRES(mutex_);
  int open_count(const FakeDevice& device) const DMJOB_REQUIRES(mutex_);
  bool says_write_back(dev_t dev) const DMJOB_REQUIRES(mutex_);
  bool passes_flushes(const Table& table) const DMJOB_REQUIRES(mutex_);
  void forbid_while_suspended(const std::string& call) DMJOB_REQUIRES(mutex_);

  mutable threads::Mutex mutex_;
  std::map<std::string, FakeDevice> devices_ DMJOB_GUARDED_BY(mutex_);
  std::map<dev_t, bool> write_back_ DMJOB_GUARDED_BY(mutex_);
  std::multimap<dev_t, Holder> holders_ DMJOB_GUARDED_BY(mutex_);
  std::vector<dev_t> mounted_ DMJOB_GUARDED_BY(mutex_);
  unsigned next_minor_ DMJOB_GUARDED_BY(mutex_) = 0;
  std::map<std::string, dev_t> numbers_to_come_ DMJOB_GUARDED_BY(mutex_);
  std::string kept_ DMJOB_GUARDED_BY(mutex_) = "16/8192 16";  // nothing yet, and there is room
  std::vector<Failure> failures_ DMJOB_GUARDED_BY(mutex_);
  std::function<void(const NewDevice&)> before_create_ DMJOB_GUARDED_BY(mutex_);
  std::vector<Table> unresumable_ DMJOB_GUARDED_BY(mutex_);
  std::vector<std::string> modules_ DMJOB_GUARDED_BY(mutex_) = {
      "delay", "mirror", "snapshot", "snapshot-origin", "snapshot-merge"};
  std::vector<std::string> log_ DMJOB_GUARDED_BY(mutex_);
  std::vector<std::string> violations_ DMJOB_GUARDED_BY(mutex_);
};

}  // namespace dmjob::dm
