// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/io/crc32c.h"

#include <boost/crc.hpp>

namespace dmjob::io {

std::uint32_t crc32c(std::span<const std::byte> data) {
  boost::crc_optimal<32, 0x1EDC6F41, 0xFFFFFFFF, 0xFFFFFFFF, true, true> crc;
  crc.process_bytes(data.data(), data.size());
  return crc.checksum();
}

}  // namespace dmjob::io
