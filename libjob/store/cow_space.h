// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Space for the exceptions of a snapshot (DESIGN's COW slices): a part of a disk, all of which is
// there, or a sparse file of its own, which is allocated a slice at a time ahead of its use.
//
// dm is given the whole of it from the start, so that nothing in the kernel changes when it grows,
// and a boot cannot make it too short for what is in it.
//
// Thread: a worker; may block. Errors: std::system_error.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>

#include "libjob/io/loop_device.h"
#include "libjob/store/cow_header.h"
#include "libjob/store/place.h"

namespace dmjob::store {

struct CowPlace {
  ScratchPlace place;       // kFile, kMemory: the file is the cow's alone
  std::uint64_t bytes = 0;  // from place.offset on

  nlohmann::json record() const { return {{"place", place.record()}, {"bytes", bytes}}; }
  static CowPlace restore(const nlohmann::json& record) {
    return {ScratchPlace::restore(record.at("place")), record.at("bytes")};
  }
  bool operator==(const CowPlace&) const = default;
};

class CowSpace {
 public:
  // What the exceptions of a whole volume take at most, metadata included. Bytes.
  static std::uint64_t most_bytes(std::uint64_t volume_bytes, std::uint64_t chunk_bytes);

  // create: makes the file if it is missing, and sees to it that a snapshot finds no exceptions.
  // Refused where room in a file cannot be reserved (reserved_file.h). Otherwise everything must be
  // there. loop: what the kernel has the file under, if it has; that counts, wherever the path
  // leads by now.
  static CowSpace open(const CowPlace& place, bool create, dev_t loop = 0);
  // Removes the file that was made, when nothing stands on it any more.
  static void remove(const CowPlace& place) noexcept;

  dev_t dev() const { return dev_; }
  std::uint64_t offset() const { return place_.place.offset; }  // bytes on dev()
  std::uint64_t bytes() const { return place_.bytes; }
  // False: the file is not at its path any more. It works on, but nobody can get room in it.
  bool has_name() const { return has_name_; }

  // Bytes from the start that are certain to be there. Of a file that was opened again: 0, until
  // reserve() has looked.
  std::uint64_t reserved() const { return reserved_; }
  // What a file has on its file system, which is what an earlier reserve() has left; all of a disk.
  std::uint64_t allocated() const;
  // What is allocated is reserved again, after a restart; nothing is asked of the file system for
  // that, if it has a map. False: what is there has lost room.
  bool take_up();
  // Allocates the first `bytes`, changing none of them. False: there is no room, or the file system
  // cannot any more.
  bool reserve(std::uint64_t bytes);
  // Opens it: what the kernel would find there.
  CowHeader header() const { return {dev_, offset()}; }
  // The kernel has given up the snapshot and could write so: the disk or file itself is well.
  bool marked_invalid() const;

 private:
  explicit CowSpace(CowPlace place) : place_(std::move(place)) {}
  void make_file() const;

  CowPlace place_;
  std::optional<io::LoopDevice> loop_;
  dev_t dev_ = 0;
  std::uint64_t reserved_ = 0;
  bool has_name_ = true;
};

}  // namespace dmjob::store
