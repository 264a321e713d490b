// SPDX-License-Identifier: LGPL-2.1-or-later
//
// Who is at the other end of a socket, and what he may do: root everything, members of the group
// queries and events, others nothing.
// Thread: any (pure functions, but for find_group, which may read the user database and so block:
// call it at the start).
#pragma once

#include <sys/types.h>

#include <optional>
#include <string>
#include <vector>

namespace dmjob::daemon {

enum class Access { kNone, kQuery, kAll };

struct Peer {
  uid_t user;
  std::vector<gid_t> groups;  // the primary one, too
};

// The credentials that the peer had when it connected. Throws std::system_error.
Peer read_peer(int socket);

// No group: root only.
Access decide_access(const Peer& peer, std::optional<gid_t> group);

// nullopt: there is no such group.
std::optional<gid_t> find_group(const std::string& name);

}  // namespace dmjob::daemon
