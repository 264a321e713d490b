// SPDX-License-Identifier: LGPL-2.1-or-later
/// @file
/// What the shared library shows. All else of it is hidden.
#pragma once

#include <boost/version.hpp>

/// Marks what programs may use.
#define DMJOB_EXPORT __attribute__((visibility("default")))

// The package says with which Boost the library was built. Types of Asio go to and fro between the
// library and the program, so both must have the same.
#if defined(DMJOB_BOOST_VERSION) && DMJOB_BOOST_VERSION != BOOST_VERSION
#error "libdmjob was built with another version of Boost"
#endif
