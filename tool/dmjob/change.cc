// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/change.h"

#include "tool/dmjob/job_state.h"

namespace dmjob::cli {

using nlohmann::json;

json change(Console& console, Client& client, const std::string& command, const json& arguments) {
  const json answer = client.execute(command, arguments);
  if (const std::string warning = text_of(answer, "warning"); !warning.empty())
    console.remark("warning: " + warning);
  return answer;
}

}  // namespace dmjob::cli
