// SPDX-License-Identifier: LGPL-2.1-or-later
// Verbs by status: every cell that man/dmjob-status.7 prints, against the code's table and against
// a job in that status.
#include <algorithm>
#include <stdexcept>

#include "tests/core/daemon_fixture.h"
#include "tests/core/status_page.h"

namespace dmjob::test {
namespace {

using core::Job;
using core::Status;
using core::Verb;
using ::testing::HasSubstr;

constexpr const char* kAccepted = "accepted";

Verb verb_of(const std::string& word) {
  for (int i = 0; i < core::kVerbs; ++i) {
    if (const auto verb = static_cast<Verb>(i); to_string(verb) == word) return verb;
  }
  throw std::out_of_range(word + " is no verb");
}

void apply(Verb verb, bool force, Job& job) {
  switch (verb) {
    case Verb::kCancel:
      return job.cancel(force);
    case Verb::kPause:
      return job.pause();
    case Verb::kResume:
      return job.resume();
    case Verb::kSetSpeed:
      return job.set_speed(1);
    case Verb::kComplete:
      return job.complete();
    case Verb::kFinalize:
      return job.finalize();
    case Verb::kDismiss:
      return job.dismiss();
  }
}

// What the page says that the job answers.
std::string printed_answer(const Cell& cell, bool force) {
  if (cell.mark == "+" || (cell.mark == "f" && force)) return kAccepted;
  if (cell.mark == "f") {
    return "The block job 'j' is currently paused and can't be cancelled without force; resume it "
           "first";
  }
  if (cell.column == "resume") return "Job 'j' is not paused, so it can't be resumed";
  if (cell.mark == "=") return "Job 'j' is already paused";
  return "Job 'j' in state '" + cell.row + "' cannot accept command verb '" + cell.column + "'";
}

class VerbCell : public DaemonTest, public ::testing::WithParamInterface<Cell> {
 protected:
  const Cell& cell() const { return GetParam(); }
  Verb verb() const { return verb_of(cell().column); }
  Status row() const { return core::parse_status(cell().row).value(); }

  // Also looks that a refusal is a GenericError and leaves no trace.
  std::string answer(bool force) {
    be(row());
    EXPECT_EQ(status(), cell().row);
    story();
    try {
      apply(verb(), force, *job);
    } catch (const core::Error& error) {
      EXPECT_EQ(error.error_class(), core::ErrorClass::kGeneric);
      settle();
      EXPECT_EQ(story(), "");
      EXPECT_EQ(status(), cell().row);
      return error.what();
    }
    return kAccepted;
  }
};

class VerbInTable : public VerbCell {};
class VerbOfJob : public VerbCell {};
class SoftCancel : public VerbCell {};

TEST_P(VerbInTable, IsAsPrinted) { EXPECT_EQ(may_apply(verb(), row()), cell().mark != "-"); }

TEST_P(VerbOfJob, IsAnsweredAsPrinted) { EXPECT_EQ(answer(true), printed_answer(cell(), true)); }

TEST_P(VerbOfJob, IsInTheQueryIfItIsAccepted) {
  be(row());
  const std::vector<std::string> verbs = job->query_block_job().at("verbs");
  const bool accepted = printed_answer(cell(), true) == kAccepted;
  EXPECT_EQ(std::ranges::count(verbs, cell().column), accepted ? 1 : 0);
}

TEST_P(SoftCancel, IsAnsweredAsPrinted) { EXPECT_EQ(answer(false), printed_answer(cell(), false)); }

std::vector<Cell> of_jobs(bool cancel_only) {
  std::vector<Cell> cells = verb_cells();
  std::erase_if(cells, [=](const Cell& cell) {
    return cell.row == "undefined" || (cancel_only && cell.column != "cancel");
  });
  return cells;
}

std::string name_of(const ::testing::TestParamInfo<Cell>& cell) {
  return as_test_name(cell.param.column + "_in_" + cell.param.row);
}

INSTANTIATE_TEST_SUITE_P(Page, VerbInTable, ::testing::ValuesIn(verb_cells()), name_of);
INSTANTIATE_TEST_SUITE_P(Page, VerbOfJob, ::testing::ValuesIn(of_jobs(false)), name_of);
INSTANTIATE_TEST_SUITE_P(Page, SoftCancel, ::testing::ValuesIn(of_jobs(true)), name_of);

using Undefined = DaemonTest;

TEST_F(Undefined, IsMetByNoVerb) {
  EXPECT_THAT(error_of([&] { restart_with(record_in("undefined")); }), HasSubstr("unknown status"));
}

}  // namespace
}  // namespace dmjob::test
