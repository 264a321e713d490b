// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/run.h"

#include "tool/dmjob/command_line.h"

namespace dmjob::cli {
namespace {

int run_line(const CommandLine& line, Console& console) {
  if (line.flag("help")) {
    console.out() << help_text(line.verb);
    return kExitDone;
  }
  if (line.flag("version")) {
    console.out() << "dmjob " DMJOB_VERSION "\n";
    return kExitDone;
  }
  return line.verb->run(Call(line.values, console));
}

int run_words(const std::vector<std::string>& words, Console& console, bool terminal) {
  const CommandLine line = parse_command_line(words);
  console.set_mode({line.flag("json"), line.flag("quiet"), terminal});
  const int status = run_line(line, console);
  // A full disk must not look like an empty answer.
  if (!console.out().flush()) throw CliError(kExitFailed, "cannot write to stdout");
  return status;
}

}  // namespace

int run(const std::vector<std::string>& words, std::ostream& out, std::ostream& err,
        bool terminal) {
  Console console(out, err);
  try {
    return run_words(words, console, terminal);
  } catch (const CliError& error) {
    console.error(error.what());
    return error.status();
  } catch (const nlohmann::json::exception& error) {
    console.error(std::string("the daemon's answer makes no sense: ") + error.what());
  } catch (const std::exception& error) {
    console.error(error.what());
  }
  return kExitFailed;
}

}  // namespace dmjob::cli
