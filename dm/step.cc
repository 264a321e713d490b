// SPDX-License-Identifier: LGPL-2.1-or-later
#include "dm/step.h"

#include <sstream>
#include <system_error>
#include <utility>

#include "dm/error.h"
#include "dm/targets.h"

namespace dmjob::dm {
namespace {

std::string resolved_word(Control& control, const std::string& word) {
  if (!word.starts_with('@')) return word;
  const auto device = control.find(word.substr(1));
  if (!device) {
    fail(ENXIO, "no device " + word.substr(1));
  }
  return print_dev(device->dev);
}

Table resolved(Control& control, const Table& table) {
  std::vector<Segment> segments = table.segments();
  for (Segment& segment : segments) {
    // Only a planned table has such words; others keep their text to the letter.
    if (segment.args.find('@') == std::string::npos) continue;
    std::istringstream words(segment.args);
    std::string args;
    for (std::string word; words >> word;) {
      if (!args.empty()) args += ' ';
      args += resolved_word(control, word);
    }
    segment.args = std::move(args);
  }
  return Table(std::move(segments));
}

void run_step(Control& control, const Step& step) {
  if (step.kind == Step::Kind::kRemove) {
    remove_if_ours(control, step.device.name, step.device.uuid);
    return;
  }
  NewDevice device = step.device;
  device.table = resolved(control, device.table);
  control.create(device);
}

void undo_step(Control& control, const Step& step) noexcept {
  if (step.kind != Step::Kind::kCreate) return;
  try {
    control.remove(step.device.name);
  } catch (...) {  // the first error is what counts; recovery finds the leftover by its UUID
  }
}

}  // namespace

Step Step::create(NewDevice device) { return Step{Kind::kCreate, std::move(device)}; }

Step Step::remove(std::string name, std::string uuid) {
  NewDevice device;
  device.name = std::move(name);
  device.uuid = std::move(uuid);
  return Step{Kind::kRemove, std::move(device)};
}

void run_plan(Control& control, const Plan& plan) {
  auto step = plan.begin();
  try {
    for (; step != plan.end(); ++step) run_step(control, *step);
  } catch (...) {
    while (step != plan.begin()) undo_step(control, *--step);
    throw;
  }
}

void remove_if_ours(Control& control, const std::string& name, const std::string& uuid) {
  const auto device = control.find(name);
  if (!device) return;
  if (device->uuid != uuid) {
    throw std::system_error(
        EEXIST, std::generic_category(),
        "device " + name + " is not this job's (its UUID is \"" + device->uuid + "\")");
  }
  control.remove(name);
}

void remove_if_half_made(Control& control, const std::string& name, const std::string& uuid) {
  const auto device = control.find(name);
  if (device && device->uuid == uuid && control.table(name).segments().empty())
    control.remove(name);
}

}  // namespace dmjob::dm
