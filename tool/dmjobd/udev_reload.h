// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Makes udevd read its rules anew, and sees that it does: it drops a request now and then, and
// `udevadm control --reload` ends well all the same. udevd accepts a connection, and asks for the
// credentials of who sends only then; what was sent between the two has none (systemd 252, one in
// thirty on a busy machine: "Invalid sender uid 65534, ignoring message").
#pragma once

#include <string>

namespace dmjob::daemon {

// folder: one of those of the rules. Asks several times, if it must; after that udevd looks by
// itself, with the first event after three seconds. Throws std::system_error if udevd does not
// answer. Thread: a worker; blocks.
void reload_rules(const std::string& folder);

}  // namespace dmjob::daemon
