// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/place.h"

#include "libjob/store/words.h"

namespace dmjob::store {
namespace {

constexpr Word<ScratchPlace::Kind> kKinds[] = {
    {ScratchPlace::Kind::kDevice, "device"},
    {ScratchPlace::Kind::kFile, "file"},
    {ScratchPlace::Kind::kTail, "tail"},
    {ScratchPlace::Kind::kMemory, "memory"},
};

}  // namespace

nlohmann::json ScratchPlace::record() const {
  return {{"kind", word_of(kKinds, kind)}, {"path", path}, {"offset", offset}};
}

ScratchPlace ScratchPlace::restore(const nlohmann::json& record) {
  return {parse_word(kKinds, record.at("kind"), "kind of scratch"), record.at("path"),
          record.at("offset")};
}

std::string ScratchPlace::describe() const {
  switch (kind) {
    case Kind::kDevice:
    case Kind::kFile:
      return path;
    case Kind::kTail:
      return "tail of " + path;
    case Kind::kMemory:
      return "memory (after a reboot the copy starts over)";
  }
  return {};
}

nlohmann::json record_of(const io::DiskIdentity& disk) {
  return {{"instance", disk.instance}, {"lasting", disk.lasting}};
}

io::DiskIdentity restore_disk(const nlohmann::json& record) {
  return {.instance = record.at("instance"), .lasting = record.at("lasting")};
}

}  // namespace dmjob::store
