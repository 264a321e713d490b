// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Whether a program has a disk open without a claim to it. Only device-mapper counts those: of
// other disks it is not known. Thread: a worker; waits as volumes::stays_open() does.
#pragma once

#include "libjob/drivers/check/check_context.h"
#include "libjob/io/probe.h"

namespace dmjob::drivers {

bool is_open(const io::ProbeResult& disk, const CheckContext& context);

}  // namespace dmjob::drivers
