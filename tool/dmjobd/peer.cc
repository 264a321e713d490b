// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjobd/peer.h"

#include <grp.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <system_error>

namespace dmjob::daemon {
namespace {

[[noreturn]] void fail(const char* what) {
  throw std::system_error(errno, std::generic_category(), what);
}

// The groups of the process itself, so no user database is asked while clients wait.
std::vector<gid_t> read_groups(int socket) {
  std::vector<gid_t> groups(32);
  for (;;) {
    auto bytes = static_cast<socklen_t>(groups.size() * sizeof(gid_t));
    const int rc = ::getsockopt(socket, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &bytes);
    if (rc != 0 && errno != ERANGE) fail("SO_PEERGROUPS");
    groups.resize(bytes / sizeof(gid_t));  // ERANGE: what it takes
    if (rc == 0) return groups;
  }
}

}  // namespace

Peer read_peer(int socket) {
  ucred credentials{};
  socklen_t bytes = sizeof(credentials);
  if (::getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &credentials, &bytes) != 0) {
    fail("SO_PEERCRED");
  }
  Peer peer{credentials.uid, read_groups(socket)};
  peer.groups.push_back(credentials.gid);
  return peer;
}

Access decide_access(const Peer& peer, std::optional<gid_t> group) {
  if (peer.user == 0) return Access::kAll;
  if (group && std::ranges::count(peer.groups, *group) > 0) return Access::kQuery;
  return Access::kNone;
}

std::optional<gid_t> find_group(const std::string& name) {
  const group* found = ::getgrnam(name.c_str());
  if (found == nullptr) return std::nullopt;
  return found->gr_gid;
}

}  // namespace dmjob::daemon
