// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The checksum of a text as our files have it. Thread: any (pure function).
#pragma once

#include <array>
#include <cstdio>
#include <span>
#include <string>
#include <string_view>

#include "libjob/io/crc32c.h"

namespace dmjob::store {

// CRC-32C, 8 hex digits.
inline std::string text_checksum(std::string_view text) {
  std::array<char, 9> hex{};
  std::snprintf(hex.data(), hex.size(), "%08x", io::crc32c(std::as_bytes(std::span(text))));
  return hex.data();
}

}  // namespace dmjob::store
