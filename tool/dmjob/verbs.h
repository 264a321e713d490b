// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The table of verbs. Thread: any.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "tool/dmjob/call.h"

namespace dmjob::cli {

std::span<const Verb> all_verbs();
const Verb* find_verb(std::string_view name);  // nullptr: there is none
// Throws CliError (usage), with the verb that may have been meant.
const Verb& require_verb(const std::string& name);

}  // namespace dmjob::cli
