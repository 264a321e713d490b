// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Names have any bytes; JSON, in which they are stored and sent, has UTF-8 only. Thread: any.
#pragma once

#include <string>

namespace dmjob::io {

bool is_utf8(const std::string& text);

}  // namespace dmjob::io
