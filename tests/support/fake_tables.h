// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What a fake kernel reads in a table. Thread: any (values).
#pragma once

#include <sys/types.h>

#include <string>
#include <vector>

#include "dm/table.h"

namespace dmjob::dm {

std::vector<std::string> words_of(const std::string& text);
// Each device that a table names, once.
std::vector<dev_t> devices_of(const Table& table);

}  // namespace dmjob::dm
