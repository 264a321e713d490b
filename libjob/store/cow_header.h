// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The head of a persistent snapshot's store on disk, as dm-snap-persistent.c writes it. The kernel
// marks it invalid when it gives the snapshot up, and whoever loads it then gets a snapshot that
// fails all I/O, or a merge that passes all I/O to the origin, beside what the store holds.
//
// Thread: a worker; may block. Opening is all that allocates or touches a file system: read() may
// be called with the volume above suspended. Errors: std::system_error, which names the disk.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <memory>
#include <system_error>

#include "libjob/io/aligned_buffer.h"
#include "libjob/io/block_device.h"

namespace dmjob::store {

class CowHeader {
 public:
  enum class State {
    kEmpty,  // the kernel would begin a new store
    kValid,
    kInvalid,  // given up by the kernel
    kMixed,    // mark_mixed()
    kForeign,  // no store at all
  };

  // offset: of the store on the disk, in bytes.
  CowHeader(dev_t disk, std::uint64_t offset);

  State read();
  // False: nothing is in the store. Precondition: read() has said that there is one. Bytes.
  bool has_exceptions(std::uint64_t chunk) const;
  // Takes the kernel's mark back; the rest stays as it is. Precondition: read() has said kInvalid.
  void mark_valid();
  // For good: what the store holds is not to be taken for newer than the origin any more. The rest
  // stays as it is. Precondition: as above.
  void mark_mixed();
  // A new store.
  void wipe();

 private:
  void write();
  [[noreturn]] void fail(std::error_code error) const;

  std::unique_ptr<io::BlockDevice> disk_;
  std::uint64_t offset_;
  io::AlignedBuffer block_;
};

}  // namespace dmjob::store
