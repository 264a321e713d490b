// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// The error of a request or of a job: QMP's class and one line that names the thing, says why, and
/// what to do. Thread: any (value).
#pragma once

#include <stdexcept>
#include <string>

#include "libjob/core/export.h"

namespace dmjob::core {

/// The class of an error, as QMP has it.
enum class ErrorClass {
  kGeneric,          ///< "GenericError"
  kDeviceNotActive,  ///< "DeviceNotActive"
  kDeviceNotFound,   ///< "DeviceNotFound"
  kCommandNotFound,  ///< "CommandNotFound"
};

/// A request is refused, or a job fails. what() is the line for the user.
class DMJOB_EXPORT Error : public std::runtime_error {
 public:
  /// With the line for the user.
  explicit Error(const std::string& text, ErrorClass error_class = ErrorClass::kGeneric)
      : std::runtime_error(text), class_(error_class) {}
  /// QMP's class.
  ErrorClass error_class() const { return class_; }

 private:
  ErrorClass class_;
};

/// What was asked for cannot be done now, and nothing has changed; later it may.
class DMJOB_EXPORT NotNow : public Error {
 public:
  /// As Error.
  using Error::Error;
};

}  // namespace dmjob::core
