// SPDX-License-Identifier: LGPL-2.1-or-later
#include <iostream>

#include "tool/dmjobd/program.h"

int main(int argc, char* argv[]) {
  using namespace dmjob;
  try {
    const auto config = daemon::read_config(argc, argv);
    if (!config) return 0;
    return daemon::run_program(*config);
  } catch (const std::exception& error) {
    std::cerr << "dmjobd: " << error.what() << "\n";
    return 1;
  }
}
