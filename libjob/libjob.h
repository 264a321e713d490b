// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// The public face of libjob: jobs for a program of your own. It brings the reactor (an executor of
/// Boost.Asio) and a core::Driver that does the work; the library brings statuses, verbs,
/// transactions, error policies, events and records, as QEMU has them.
///
///     core::EventBus, core::Registry   own what happens and what exists
///     core::JobHost                    where jobs live: executor, events, where records go
///     core::Job::create(host, options, driver)  ->  registry.add(job)  ->  job->start()
///     job->pause(), cancel(), ...      throw core::Error, whose text is for the user
///     core::Worker                     for whatever blocks; the reactor must not
///
/// Everything runs on the reactor's thread unless its header says otherwise. A job is over when
/// JobHost::gone has been called. libjob/README.md has the contract of drivers and the status
/// diagram, libjob/example/checksum.cc is a whole program.
#pragma once

#include "libjob/core/driver.h"       // IWYU pragma: export
#include "libjob/core/error.h"        // IWYU pragma: export
#include "libjob/core/event.h"        // IWYU pragma: export
#include "libjob/core/job.h"          // IWYU pragma: export
#include "libjob/core/rate_limit.h"   // IWYU pragma: export
#include "libjob/core/registry.h"     // IWYU pragma: export
#include "libjob/core/transaction.h"  // IWYU pragma: export
#include "libjob/core/worker.h"       // IWYU pragma: export

/// Block jobs on live disks.
namespace dmjob {
/// Jobs, of whatever kind.
namespace core {}
}  // namespace dmjob
