// Does the residual recover the scatter that rows were made with, and widen where nothing is near?
#include "sim/residual.hpp"

#include <cmath>
#include <string>

#include "sim/draws.hpp"
#include "sim/evidence_distance.hpp"
#include "tests/catch.hpp"

using namespace lockstep;

namespace {

// Of 256 stratified draws in one neighbourhood.
constexpr double recovered = 0.15;

EvidenceRow plain_row() {
  EvidenceRow row;
  row.source = "source";
  row.gpu = "gpu";
  row.generation = "hopper";
  row.software = "stack";
  row.precision = "bf16";
  row.parameters = 8e9;
  row.gpus = 64;
  row.sequence = 4096;
  row.step_time_s = 1;
  return row;
}

// Each of a model of its own, with errors of these deviations below and above.
std::vector<EvidenceRow> rows_with(double lower, double upper, const EvidenceRow& like,
                                   const std::string& name) {
  std::vector<EvidenceRow> rows;
  const Draws draws = draws_of(name);
  for (std::size_t i = 0; i < draw_count; ++i) {
    EvidenceRow row = like;
    row.model = name + std::to_string(i);
    row.row_id = "source-" + row.model;
    row.step_error = draws[i] * (draws[i] < 0 ? lower : upper);
    rows.push_back(row);
  }
  return rows;
}

double share_inside(const std::vector<EvidenceRow>& rows, const Residual& residual) {
  double inside = 0;
  for (const EvidenceRow& row : rows) {
    if (row.step_error > -1.645 * residual.lower && row.step_error < 1.645 * residual.upper)
      ++inside;
  }
  return inside / static_cast<double>(rows.size());
}

}  // namespace

TEST_CASE("a residual with two sides is recovered and covers 90 %", "[unit][certainty]") {
  const auto rows = rows_with(0.03, 0.06, plain_row(), "m");
  const ResidualLaw law = learn_residual(rows, Subject::step_time);
  const Residual residual = residual_at(law, rows, Subject::step_time, plain_row());
  CHECK(residual.lower == Approx(0.03).epsilon(recovered));
  CHECK(residual.upper == Approx(0.06).epsilon(recovered));
  CHECK_FALSE(residual.unknown);
  CHECK(share_inside(rows, residual) == Approx(0.9).margin(0.02));
}

TEST_CASE("what the constants explain is no residual", "[unit][certainty]") {
  // Errors of 5 %, of which constants explain 4 %: 3 % are left (3-4-5).
  auto rows = rows_with(0.05, 0.05, plain_row(), "m");
  for (EvidenceRow& row : rows) row.step_spread = 0.04;
  const ResidualLaw law = learn_residual(rows, Subject::step_time);
  const Residual residual = residual_at(law, rows, Subject::step_time, plain_row());
  CHECK(residual.upper == Approx(0.03).epsilon(recovered));
  CHECK(residual.lower == Approx(0.03).epsilon(recovered));
}

TEST_CASE("experts and narrow types have factors of their own", "[unit][certainty]") {
  auto rows = rows_with(0.03, 0.03, plain_row(), "dense");
  EvidenceRow experts = plain_row();
  experts.experts = true;
  EvidenceRow narrow = plain_row();
  narrow.precision = "fp8";
  for (const EvidenceRow& row : rows_with(0.12, 0.12, experts, "experts")) rows.push_back(row);
  for (const EvidenceRow& row : rows_with(0.06, 0.06, narrow, "narrow")) rows.push_back(row);
  const ResidualLaw law = learn_residual(rows, Subject::step_time);
  CHECK(law.scale == Approx(0.03).epsilon(recovered));
  CHECK(law.experts == Approx(4).epsilon(recovered));
  CHECK(law.narrow == Approx(2).epsilon(recovered));
  const Residual at_experts = residual_at(law, rows, Subject::step_time, experts);
  CHECK(at_experts.upper == Approx(0.12).epsilon(recovered));
}

TEST_CASE("software that never met a generation of GPUs is as uncertain as a source left out",
          "[unit][certainty]") {
  auto rows = rows_with(0.03, 0.03, plain_row(), "m");
  for (EvidenceRow& row : rows) row.step_error_new_source = 2 * row.step_error;
  const ResidualLaw law = learn_residual(rows, Subject::step_time);
  CHECK(law.unknown == Approx(2));
  EvidenceRow elsewhere = plain_row();
  elsewhere.software = "another";
  const Residual here = residual_at(law, rows, Subject::step_time, plain_row());
  const Residual there = residual_at(law, rows, Subject::step_time, elsewhere);
  CHECK(there.unknown);
  CHECK(there.upper > 1.5 * here.upper);
}

TEST_CASE("neighbours that fared worse widen the residual around them", "[unit][certainty]") {
  auto rows = rows_with(0.02, 0.02, plain_row(), "near");
  EvidenceRow large = plain_row();
  large.software = "stack-two";
  large.parameters = 800e9;
  large.gpus = 8192;
  large.source = "other";
  for (const EvidenceRow& row : rows_with(0.08, 0.08, large, "far")) rows.push_back(row);
  const ResidualLaw law = learn_residual(rows, Subject::step_time);
  const Residual near = residual_at(law, rows, Subject::step_time, plain_row());
  const Residual far = residual_at(law, rows, Subject::step_time, large);
  CHECK(far.upper > 2 * near.upper);
}

TEST_CASE("what a group has in common is told from what each run has", "[unit][certainty]") {
  // 16 groups of 16 runs: the group's error times 0.03, the run's times 0.04. Medians of absolute
  // values behave as deviations: peculiar = 0.04^2 / 0.05^2 = 0.64, with few groups roughly.
  std::vector<EvidenceRow> rows;
  const Draws groups = draws_of("groups");
  const Draws runs = draws_of("runs");
  for (std::size_t i = 0; i < draw_count; ++i) {
    EvidenceRow row = plain_row();
    row.model = "m" + std::to_string(i / 16);
    row.step_error = 0.03 * groups[i / 16] + 0.04 * runs[i];
    rows.push_back(row);
  }
  CHECK(learn_residual(rows, Subject::step_time).peculiar == Approx(0.64).margin(0.2));
}

TEST_CASE("without rows the law stays as it was", "[unit][certainty]") {
  const ResidualLaw start{0.07, 2, 1, 1, 1, 1, 1, 0.5};
  const ResidualLaw law = learn_residual({}, Subject::step_time, start);
  CHECK(law.scale == 0.07);
  const Residual residual = residual_at(law, {}, Subject::step_time, plain_row());
  CHECK(residual.lower == Approx(0.07));
  CHECK(residual.upper == Approx(0.07));
}

TEST_CASE("without a model only the rows of others are left", "[unit][certainty]") {
  Evidence evidence;
  evidence.rows = {plain_row(), plain_row()};
  evidence.rows[0].model = "a";
  evidence.rows[1].model = "b";
  const Evidence rest = without_model(evidence, "a");
  REQUIRE(rest.rows.size() == 1);
  CHECK(rest.rows[0].model == "b");
}

TEST_CASE("distances add up what differs", "[unit][certainty]") {
  const EvidenceRow a = plain_row();
  CHECK(distance(a, a) == 0);
  EvidenceRow b = a;
  b.gpus = 256;  // two doublings
  CHECK(distance(a, b) == Approx(0.5));
  b.precision = "fp16";
  CHECK(distance(a, b) == Approx(0.6));
  b.software = "stack-compiled";
  CHECK(distance(a, b) == Approx(1.4));
  b.software = "other";
  CHECK(distance(a, b) == Approx(2.1));
  b.experts = true;
  CHECK(distance(a, b) == Approx(4.1));
  b.context = 2;
  CHECK(distance(b, a) == Approx(5.1));
  b.sharding = "fsdp";
  b.recompute = "full";
  b.micro_batch = 8;
  CHECK(distance(a, b) == Approx(6.1));
  b.gpu = "gpu2";
  CHECK(distance(a, b) == Approx(6.4));
  b.generation = "ampere";
  CHECK(distance(a, b) == Approx(7.1));
}
