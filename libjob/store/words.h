// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The words by which records name the values of an enum:
//
//   constexpr Word<Stage> kStages[] = {{Stage::kHolding, "holding"}, ...};
//   word_of(kStages, Stage::kHolding)
//   parse_word(kStages, "holding", "stage of an overlay")
//
// Thread: any (pure functions).
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>

namespace dmjob::store {

template <typename Enum>
struct Word {
  Enum value;
  const char* word;
};

// Throws std::logic_error if it has none.
template <typename Enum, std::size_t Count>
const char* word_of(const Word<Enum> (&words)[Count], Enum value) {
  for (const Word<Enum>& entry : words)
    if (entry.value == value) return entry.word;
  throw std::logic_error("a value of an enum has no word");
}

// what: they name, for the error. Throws std::invalid_argument if it is none of them.
template <typename Enum, std::size_t Count>
Enum parse_word(const Word<Enum> (&words)[Count], const std::string& text, const char* what) {
  for (const Word<Enum>& entry : words)
    if (entry.word == text) return entry.value;
  throw std::invalid_argument(std::string("unknown ") + what + " '" + text + "'");
}

}  // namespace dmjob::store
