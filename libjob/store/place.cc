// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/store/place.h"

#include <array>
#include <stdexcept>
#include <utility>

namespace dmjob::store {
namespace {

constexpr std::array<std::pair<ScratchPlace::Kind, const char*>, 4> kKinds{{
    {ScratchPlace::Kind::kDevice, "device"},
    {ScratchPlace::Kind::kFile, "file"},
    {ScratchPlace::Kind::kTail, "tail"},
    {ScratchPlace::Kind::kMemory, "memory"},
}};

const char* kind_word(ScratchPlace::Kind kind) {
  for (const auto& [value, word] : kKinds)
    if (value == kind) return word;
  throw std::logic_error("unknown kind of scratch");
}

ScratchPlace::Kind parse_kind(const std::string& text) {
  for (const auto& [value, word] : kKinds)
    if (text == word) return value;
  throw std::invalid_argument("unknown kind of scratch '" + text + "'");
}

}  // namespace

nlohmann::json ScratchPlace::record() const {
  return {{"kind", kind_word(kind)}, {"path", path}, {"offset", offset}};
}

ScratchPlace ScratchPlace::restore(const nlohmann::json& record) {
  return {parse_kind(record.at("kind")), record.at("path"), record.at("offset")};
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
