# SPDX-License-Identifier: LGPL-2.1-or-later
# Every library of others that we use, under one name each: dmjob_dep::NAME.

find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)

# A target that links to TARGET precompiles HEADER, where that is wanted.
function(dmjob_precompile target scope header)
  if(DMJOB_PRECOMPILE)
    target_precompile_headers(${target} ${scope} ${header})
  endif()
endfunction()

foreach(library devmapper systemd udev blkid)
  if(library MATCHES "^(systemd|udev)$")
    set(module lib${library})
  else()
    set(module ${library})
  endif()
  pkg_check_modules(${library} REQUIRED IMPORTED_TARGET ${module})
  add_library(dmjob_dep::${library} ALIAS PkgConfig::${library})
endforeach()

# libaio comes without a .pc file.
find_path(AIO_INCLUDE_DIR libaio.h REQUIRED)
find_library(AIO_LIBRARY aio REQUIRED)
add_library(dmjob_dep::aio UNKNOWN IMPORTED)
set_target_properties(dmjob_dep::aio PROPERTIES
  IMPORTED_LOCATION ${AIO_LIBRARY}
  INTERFACE_INCLUDE_DIRECTORIES ${AIO_INCLUDE_DIR})

# 1.81 is the first whose Asio compiles C++20 coroutines with both our compilers.
set(Boost_USE_STATIC_LIBS OFF)
find_package(Boost 1.81 REQUIRED COMPONENTS program_options)
add_library(dmjob_program_options INTERFACE)
target_link_libraries(dmjob_program_options INTERFACE Boost::program_options)
add_library(dmjob_dep::program_options ALIAS dmjob_program_options)

add_library(dmjob_asio STATIC ${CMAKE_CURRENT_LIST_DIR}/asio_impl.cc)
target_compile_definitions(dmjob_asio PUBLIC BOOST_ASIO_SEPARATE_COMPILATION)
target_link_libraries(dmjob_asio PUBLIC Boost::headers Threads::Threads PRIVATE dmjob_options)
dmjob_precompile(dmjob_asio INTERFACE <boost/asio.hpp>)
add_library(dmjob_dep::asio ALIAS dmjob_asio)

find_package(nlohmann_json 3.11 REQUIRED)
add_library(dmjob_json INTERFACE)
target_link_libraries(dmjob_json INTERFACE nlohmann_json::nlohmann_json)
dmjob_precompile(dmjob_json INTERFACE <nlohmann/json.hpp>)
add_library(dmjob_dep::json ALIAS dmjob_json)

if(BUILD_TESTING)
  find_package(GTest REQUIRED)
endif()
find_package(benchmark QUIET)  # only bench/ needs it
