// SPDX-License-Identifier: LGPL-2.1-or-later
#include <unistd.h>

#include <iostream>
#include <string>
#include <vector>

#include "tool/dmjob/run.h"

int main(int argc, char** argv) {
  const std::vector<std::string> words(argv + (argc > 0 ? 1 : 0), argv + argc);
  return dmjob::cli::run(words, std::cout, std::cerr, ::isatty(STDERR_FILENO) == 1);
}
