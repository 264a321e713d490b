// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What the kernel says of tables and mirrors, as text: whatever it is, it is either understood or
// refused with an exception, and what was understood is printed as it can be read again.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <exception>
#include <string>

#include "dm/status.h"
#include "dm/table.h"

namespace {

void check_status(const std::string& text) {
  const auto status = dmjob::dm::parse_mirror_status(text);
  if (status.legs.empty() || status.regions_in_sync > status.regions) std::abort();
}

void check_table(const std::string& text) {
  const auto table = dmjob::dm::Table::parse(text);
  if (dmjob::dm::Table::parse(table.print()) != table) std::abort();
}

template <typename Check>
void try_check(Check check, const std::string& text) {
  try {
    check(text);
  } catch (const std::exception&) {
    // Refused.
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  try_check(check_status, text);
  try_check(check_table, text);
  return 0;
}
