// SPDX-License-Identifier: LGPL-2.1-or-later
//
// What may have been meant by a word that is not known. Thread: any.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace dmjob::cli {

// "; did you mean 'copy'?", or "" if nothing is near. Near: a third of the letters, two at most,
// are missing, too many, others, or swapped with their neighbour (the restricted
// Damerau-Levenshtein distance).
std::string did_you_mean(std::string_view word, const std::vector<std::string>& known);

}  // namespace dmjob::cli
