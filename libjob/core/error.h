// SPDX-License-Identifier: LGPL-2.1-or-later
//
// The error of a request or of a job: QMP's class and one line that names the thing, says why, and
// what to do. Thread: any (value).
#pragma once

#include <stdexcept>
#include <string>

namespace dmjob::core {

enum class ErrorClass { kGeneric, kDeviceNotActive, kDeviceNotFound, kCommandNotFound };

class Error : public std::runtime_error {
 public:
  explicit Error(const std::string& text, ErrorClass error_class = ErrorClass::kGeneric)
      : std::runtime_error(text), class_(error_class) {}
  ErrorClass error_class() const { return class_; }

 private:
  ErrorClass class_;
};

// What was asked for cannot be done now, and nothing has changed; later it may.
class NotNow : public Error {
 public:
  using Error::Error;
};

}  // namespace dmjob::core
