// SPDX-License-Identifier: LGPL-2.1-or-later
#include "tool/dmjob/print.h"

#include <algorithm>

#include "tool/dmjob/job_state.h"
#include "tool/dmjob/progress.h"
#include "tool/dmjob/size.h"

namespace dmjob::cli {
namespace {

using nlohmann::json;
using Row = std::vector<std::string>;

std::string or_dash(std::string text) { return text.empty() ? "-" : text; }

bool is_control(char character) {
  const auto byte = static_cast<unsigned char>(character);
  return byte < 0x20 || byte == 0x7f;
}

std::string status_cell(const json& job) {
  const std::string io_status = text_of(job, "io-status");
  const bool io_error = !io_status.empty() && io_status != "ok";
  return text_of(job, "status") + (io_error ? " (" + io_status + ")" : "");
}

std::string speed_cell(const json& job) {
  const auto rate = number_of(job, "rate");
  return rate == 0 ? "-" : format_size(rate) + "/s";
}

Row job_row(const json& job, std::string status) {
  return {text_of(job, "id"),
          text_of(job, "type"),
          std::move(status),
          format_percent(job),
          speed_cell(job),
          or_dash(text_of(job, "volume")),
          or_dash(text_of(job, "target"))};
}

std::string overlay_state(const json& overlay) {
  const std::string room = format_size(number_of(overlay, "used")) + " of " +
                           format_size(number_of(overlay, "size")) + " in " +
                           text_of(overlay, "scratch");
  if (const auto trouble = text_of(overlay, "trouble"); !trouble.empty())
    return "FAILED: " + trouble + "; " + room;
  if (const auto fault = text_of(overlay, "scratch-fault"); !fault.empty())
    return "AT RISK: " + fault + "; " + room;
  if (flag_of(overlay, "held"))
    return "HELD, its writes wait: " + text_of(overlay, "to-do") + "; " + room;
  return (flag_of(overlay, "read-only") ? "overlay, " : "snapshot, ") + room;
}

// Since when is in --json.
std::string tracking_state(const json& tracking) {
  const std::string target = text_of(tracking, "target");
  if (const auto why = text_of(tracking, "broken"); !why.empty())
    return "active; no incremental backup to " + target + " any more: " + why +
           "; a full one with --track begins anew";
  if (text_of(tracking, "state") == "begun")
    return "active; tracked for backups to " + target + ", of which the first has not ended";
  return "active; tracked, " + format_size(number_of(tracking, "changed")) +
         " changed since the backup to " + target;
}

std::string volume_state(const json& volume) {
  if (const auto error = text_of(volume, "error"); !error.empty()) return error;
  if (const auto who = text_of(volume, "swallows-flushes"); !who.empty()) return "active; " + who;
  if (volume.contains("overlay")) return overlay_state(volume["overlay"]);
  if (volume.contains("tracking")) return tracking_state(volume["tracking"]);
  return flag_of(volume, "active") ? "active" : "not active";
}

std::string way_to_release(const json& disk) {
  return "wipe it or give it another UUID, then 'dmjob release " + text_of(disk, "device") + "'";
}

// "" if nothing is to be done. An old disk is wiped before its boot; one in use is not named by
// what it holds.
std::string to_do_about(const json& disk) {
  const bool is_old = text_of(disk, "role") == "old disk";
  if (!flag_of(disk, "until-reboot")) return is_old ? way_to_release(disk) : "";
  const std::string why = "hidden until the next boot only, since udev could not know it then: ";
  if (is_old) return why + way_to_release(disk);
  const std::string volume = text_of(disk, "volume");
  return why + (volume.empty() ? "do not boot before its job has ended"
                               : "write /dev/mapper/" + volume + " in fstab, no UUID or label");
}

}  // namespace

std::string one_line(std::string text) {
  std::ranges::replace_if(text, is_control, '?');
  return text;
}

std::string format_table(const std::vector<Row>& rows) {
  std::vector<std::size_t> widths;
  for (const Row& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], row[i].size());
  }
  std::string text;
  for (const Row& row : rows) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      text += one_line(row[i]);
      if (i + 1 < row.size()) text.append(widths[i] - row[i].size() + 2, ' ');
    }
    text += '\n';
  }
  return text;
}

std::string phase_or_status(const json& job) {
  const std::string phase = text_of(job, "phase");
  const std::string status = text_of(job, "status");
  return status == "running" && !phase.empty() ? phase : status;
}

std::string format_ending(const json& job) {
  const std::string error = text_of(job, "error");
  if (error.empty()) return "done";
  return error == "Operation canceled" ? "cancelled" : "failed";
}

std::string jobs_table(const json& jobs, const json& gone) {
  std::vector<Row> rows{{"ID", "TYPE", "STATUS", "PROGRESS", "SPEED", "VOLUME", "TARGET"}};
  for (const json& job : jobs) rows.push_back(job_row(job, status_cell(job)));
  for (const json& job : gone) rows.push_back(job_row(job, format_ending(job)));
  return format_table(rows);
}

std::string volumes_table(const json& volumes) {
  std::vector<Row> rows{{"NAME", "SIZE", "DISK", "KIND", "JOB", "STATE"}};
  for (const json& volume : volumes) {
    rows.push_back({text_of(volume, "name"), format_size(number_of(volume, "size")),
                    or_dash(text_of(volume, "device")),
                    flag_of(volume, "managed") ? "managed" : "foreign",
                    or_dash(text_of(volume, "job")), volume_state(volume)});
  }
  return format_table(rows);
}

std::string hidden_table(const json& disks) {
  std::vector<Row> rows{{"HIDDEN DISK", "HOLDS WHAT VOLUME HAS OR HAD", "ROLE", "TO DO"}};
  for (const json& disk : disks)
    if (std::string to_do = to_do_about(disk); !to_do.empty())
      rows.push_back({text_of(disk, "device"), or_dash(text_of(disk, "volume")),
                      text_of(disk, "role"), std::move(to_do)});
  return rows.size() == 1 ? "" : "\n" + format_table(rows);
}

}  // namespace dmjob::cli
