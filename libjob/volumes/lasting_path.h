// SPDX-License-Identifier: LGPL-2.1-or-later
//
// By which name a disk is found after a boot.
#pragma once

#include "libjob/io/stable_path.h"

namespace dmjob::volumes {

using io::lasting_path;  // until its users say so

}  // namespace dmjob::volumes
