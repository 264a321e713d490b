# SPDX-License-Identifier: LGPL-2.1-or-later
# dmjob_options: what every target of ours is compiled with. Links only, no sources.

# Assertions stay on in every build, the installed one included: a program that holds the only good copy of
# somebody's disk stops rather than go on from a state that it does not understand.
set(CMAKE_CXX_FLAGS_RELEASE "-O2")
# What one works with is built often: line tables are enough for a backtrace, and -O1 takes two thirds of the time.
set(CMAKE_CXX_FLAGS_RELWITHDEBINFO "-O1 -g1")

find_program(CCACHE ccache)
if(CCACHE AND NOT CMAKE_CXX_COMPILER_LAUNCHER)
  set(CMAKE_CXX_COMPILER_LAUNCHER ${CCACHE})
endif()

add_library(dmjob_options INTERFACE)
target_include_directories(dmjob_options INTERFACE ${PROJECT_SOURCE_DIR})

# mismatched-new-delete: g++ 12 gives it for coroutine frames, depending on what it inlines.
target_compile_options(dmjob_options INTERFACE
  -Wall -Wextra -Wpedantic -Werror
  -Wcast-qual -Wconversion -Wformat=2 -Wimplicit-fallthrough -Wnon-virtual-dtor -Wold-style-cast
  -Woverloaded-virtual -Wshadow -Wsign-conversion -Wundef
  $<$<CXX_COMPILER_ID:Clang>:-Wthread-safety -Wno-missing-designated-field-initializers>
  $<$<CXX_COMPILER_ID:GNU>:-Wno-missing-field-initializers -Wno-mismatched-new-delete>)

# Large files on every architecture; the checked standard library wherever we test.
target_compile_definitions(dmjob_options INTERFACE
  _FILE_OFFSET_BITS=64
  $<$<NOT:$<CONFIG:Release>>:_GLIBCXX_ASSERTIONS>)

set(sanitizers ${DMJOB_SANITIZE})
if(DMJOB_FUZZ)
  if(NOT CMAKE_CXX_COMPILER_ID STREQUAL "Clang")
    message(FATAL_ERROR "DMJOB_FUZZ needs clang")
  endif()
  # Our libraries are instrumented for coverage too; the driver itself is linked by dmjob_add_fuzz_target.
  list(APPEND sanitizers fuzzer-no-link)
endif()

if(sanitizers)
  list(JOIN sanitizers "," sanitizers)
  # Line tables are what a report needs; the rest of the debug information takes long to make. Optimized code
  # with AddressSanitizer takes longer to make than its tests run; a fuzzer or ThreadSanitizer needs it.
  set(optimize -O1)
  if("address" IN_LIST DMJOB_SANITIZE AND NOT DMJOB_FUZZ)
    set(optimize -O0)
  endif()
  set(flags ${optimize} -gline-tables-only -fsanitize=${sanitizers} -fno-sanitize-recover=all -fno-omit-frame-pointer)
  target_compile_options(dmjob_options INTERFACE ${flags})
  target_link_options(dmjob_options INTERFACE ${flags})
endif()
