# SPDX-License-Identifier: LGPL-2.1-or-later
include(GoogleTest)

add_custom_target(threads_tests)  # what is built for ThreadSanitizer

# dmjob_add_unit_test(NAME [THREADS] SOURCES file... [LIBS target...])
# A GoogleTest program with fakes only: no root, no kernel. Each of its tests is a ctest test labelled "unit"; in a
# build with sanitizers, the program as a whole is one. THREADS: what it tests has more than one thread, so it also
# runs under the thread sanitizer, and is labelled "unit-threads" (ctest -L unit finds both).
function(dmjob_add_unit_test name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "THREADS" "" "SOURCES;LIBS")
  if(arg_UNPARSED_ARGUMENTS OR NOT arg_SOURCES)
    message(FATAL_ERROR "usage: dmjob_add_unit_test(NAME [THREADS] SOURCES file... [LIBS target...])")
  endif()
  set(label unit)
  if(arg_THREADS)
    set(label unit-threads)
    add_dependencies(threads_tests ${name})
  endif()
  add_executable(${name} ${arg_SOURCES})
  target_link_libraries(${name} PRIVATE dmjob_options ${arg_LIBS} GTest::gmock GTest::gtest_main)
  dmjob_precompile(${name} PRIVATE <gmock/gmock.h>)
  if(DMJOB_SANITIZE)
    # A thousand processes would take longer to start than the tests.
    add_test(NAME ${name} COMMAND ${name} --gtest_brief=1)
    set_tests_properties(${name} PROPERTIES LABELS ${label} TIMEOUT 300)
  else()
    # DISCOVERY_TIMEOUT: the machine may be busy.
    gtest_discover_tests(${name} DISCOVERY_TIMEOUT 60 PROPERTIES LABELS ${label} TIMEOUT 120)
  endif()
endfunction()

# dmjob_test_reads_pages(TEST PAGE...)
# Tests of this program are made from manual pages. They are listed anew when a page has changed.
function(dmjob_test_reads_pages test)
  list(TRANSFORM ARGN PREPEND ${PROJECT_SOURCE_DIR}/man/ OUTPUT_VARIABLE pages)
  target_link_libraries(${test} PRIVATE dmjob_man_page)
  set_property(TARGET ${test} APPEND PROPERTY LINK_DEPENDS ${pages})
endfunction()

# dmjob_add_fuzz_target(NAME SOURCES file... [LIBS target...])
# A libFuzzer program, built to bin/fuzz_NAME in a DMJOB_FUZZ build and nowhere else; the target `fuzz` builds all of
# them. Its first inputs are in tests/fuzz/corpus/NAME.
function(dmjob_add_fuzz_target name)
  cmake_parse_arguments(PARSE_ARGV 1 arg "" "" "SOURCES;LIBS")
  if(NOT DMJOB_FUZZ)
    return()
  endif()
  if(NOT TARGET fuzz)
    add_custom_target(fuzz)
  endif()
  add_executable(fuzz_${name} ${arg_SOURCES})
  add_dependencies(fuzz fuzz_${name})
  target_link_libraries(fuzz_${name} PRIVATE dmjob_options ${arg_LIBS})
  target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
endfunction()
