// SPDX-License-Identifier: LGPL-2.1-or-later
// The bodies of Asio's non-template functions, compiled once here instead of in every file that
// uses it.
#include <boost/asio/impl/src.hpp>
