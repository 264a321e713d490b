// SPDX-License-Identifier: LGPL-2.1-or-later
// A part of the program that uses Asio as most do, with the bodies in its headers: a timer fires
// before main() begins.
#include <boost/asio/io_context.hpp>
#include <boost/asio/steady_timer.hpp>
#include <cstdlib>

#ifndef BOOST_ASIO_HEADER_ONLY
#error "a definition of libdmjob's own build has come through"
#endif

namespace {

bool fire() {
  boost::asio::io_context context;
  boost::asio::steady_timer timer(context, std::chrono::milliseconds(1));
  bool fired = false;
  timer.async_wait([&](boost::system::error_code error) { fired = !error; });
  context.run();
  if (!fired) std::abort();
  return fired;
}

[[maybe_unused]] const bool kFired = fire();

}  // namespace
