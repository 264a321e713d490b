// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Control by the kernel itself. Works with udev and without: with it, udev makes the nodes and we
// wait for it, 10 s at most; without it, or if it does not come to it, we make them.
//
// Thread: any that may block. suspend() and resume() take no lock of this process.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "dm/control.h"

namespace dmjob::dm {

class Task;

class KernelControl : public Control {
 public:
  // Opens the control node. Throws std::system_error if there is no device-mapper or no permission.
  KernelControl();
  ~KernelControl() override;
  KernelControl(const KernelControl&) = delete;
  KernelControl& operator=(const KernelControl&) = delete;

  dev_t create(const NewDevice& device) override;
  // The table takes the device's own mode. Over a disk that refuses writers a writable device's
  // table fails with EROFS: made read-only instead, it would fail the writers later. (Disks that
  // are merely flagged read-only, as by blockdev --setro, are taken by the kernel: writes to them
  // fail.)
  void load(const std::string& name, const Table& table) override;
  void clear(const std::string& name) override;
  void suspend(const std::string& name, SuspendMode mode) override;
  void resume(const std::string& name) override;
  // Tries for about 5 s. The error names who holds the device.
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
  void load_and_resume(const NewDevice& device, Task& resume);
  void load_table(const std::string& name, const Table& table, bool read_only);
  void make_sure_of_node(const std::string& name, dev_t dev);
  std::string explain(const std::string& name);
  std::string explain_create(const NewDevice& device);

  const int fd_;
};

}  // namespace dmjob::dm
