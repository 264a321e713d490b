// SPDX-License-Identifier: LGPL-2.1-or-later
#include "libjob/drivers/transfer/target_account.h"

namespace dmjob::drivers {

void TargetAccount::note_text(std::string text) {
  noted_ = std::move(text);
  in_doubt_ = false;
}

bool TargetAccount::is_untouched(const std::string& text) {
  const bool untouched = in_doubt_ || noted_.empty() || text == noted_;
  note_text(text);
  return untouched;
}

bool TargetAccount::is_as_noted(const std::string& text) {
  const bool as_noted = !noted_.empty() && text == noted_;
  note_text(text);
  return as_noted;
}

bool TargetAccount::is_untouched(Others seen) {
  return !counts_ || is_untouched(counts_->text(seen));
}

bool TargetAccount::is_as_noted(Others seen) { return is_as_noted(counts_->text(seen)); }

void TargetAccount::begin(Others seen) { note_text(counts_->text(seen)); }

}  // namespace dmjob::drivers
