// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Compares a disk or file with another, both of which nobody uses; writes to neither. It ends well
// if every byte of the source was read from both sides and is equal. It keeps nothing: after a kill
// it starts over.
//
// Thread: the reactor; what blocks runs on the worker.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "libjob/drivers/base/transfer_driver.h"
#include "libjob/drivers/compare/compare_result.h"
#include "libjob/drivers/compare/comparison.h"
#include "libjob/io/device_lock.h"

namespace dmjob::drivers {

class CompareDriver : public TransferDriver {
 public:
  using TransferDriver::TransferDriver;

  std::string_view type() const override { return "compare"; }
  boost::asio::awaitable<void> run(core::Job& job) override;
  boost::asio::awaitable<void> commit(core::Job& job) override;
  boost::asio::awaitable<void> abort(core::Job& job) override;
  boost::asio::awaitable<void> clean(core::Job& job) override;

 protected:
  void note_result(const BulkCopy::VerifyResult& verified) override;

 private:
  struct Side {
    std::string shown;  // "source /dev/sdb"
    std::string path;
    std::string fingerprint;  // before the first byte was read
  };

  boost::asio::awaitable<void> compare(core::Job& job);
  // On the worker.
  void open();
  void require_untouched() const;
  void close();

  std::vector<Side> sides_;
  std::vector<io::DeviceLock> locks_;
  std::unique_ptr<Comparison> comparison_;
  CompareResult result_;
};

}  // namespace dmjob::drivers
