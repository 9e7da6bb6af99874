// Does evidence.yaml read back what was written, and say what is wrong with it?
#include "scenarios/evidence_file.hpp"

#include "tests/catch.hpp"
#include "tests/support/test_catalog.hpp"

using namespace lockstep;
using lockstep::testing::TemporaryFolder;

namespace {

EvidenceRow row(const std::string& id, const std::string& model) {
  EvidenceRow row;
  row.row_id = "lab_runs-" + id;
  row.source = "lab_runs";
  row.model = model;
  row.gpu = "h100-sxm-80gb";
  row.generation = "hopper";
  row.system = "dgx-h100";
  row.software = "stack";
  row.precision = "bf16";
  row.parameters = 70.6e9;
  row.gpus = 64;
  row.tensor = 8;
  row.data = 8;
  row.micro_batch = 2;
  row.sequence = 4096;
  row.sharding = "optimizer";
  row.recompute = "full";
  row.step_time_s = 12.345678;
  row.step_error = -0.0123;
  row.step_error_new_source = 0.2;
  row.step_spread = 0.03;
  return row;
}

std::string problems_of(const std::string& text) {
  const TemporaryFolder folder;
  (void)folder.write("evidence.yaml", text);
  Evidence evidence;
  std::vector<Diagnostic> problems;
  load_evidence(folder.path(), evidence, problems);
  CHECK(evidence.rows.empty());
  std::string all;
  for (const Diagnostic& problem : problems) {
    all += problem.code + ": " + problem.message + " (" + problem.hint + ")\n";
  }
  return all;
}

constexpr const char* laws =
    "step_time: {scale: 0.05, experts: 4, context: 1, narrow: 2, unknown: 1.5, lower: 1, upper: 1, "
    "peculiar: 0.5}\n"
    "peak_memory: {scale: 0.05, experts: 1, context: 1, narrow: 1, unknown: 1, lower: 1, upper: 1, "
    "peculiar: 0.5}\n";

}  // namespace

TEST_CASE("evidence reads back as it was written", "[unit][catalog]") {
  Evidence evidence;
  evidence.rows = {row("0001", "llama-70b"), row("0002", "gpt | 3"), row("0003", "llama-70b")};
  EvidenceRow& memory = evidence.rows[1];
  memory.experts = true;
  memory.peak_memory_bytes = 40 * 0x1p30;
  memory.memory_kind = "reserved";
  memory.memory_error = 0.0456;
  memory.memory_spread = 0.01;
  evidence.step = {0.04, 3.5, 1.25, 2, 1.5, 1.125, 1.5, 0.25};
  const TemporaryFolder folder;
  (void)folder.write("evidence.yaml", evidence_text(evidence, "# measured\n"));
  Evidence read;
  std::vector<Diagnostic> problems;
  load_evidence(folder.path(), read, problems);
  CHECK(problems.empty());
  REQUIRE(read.rows.size() == 3);
  // Sorted by model: "gpt / 3" (the separator cannot be part of a name) comes first.
  CHECK(read.rows[0].model == "gpt / 3");
  CHECK(read.rows[0].experts);
  CHECK(read.rows[0].peak_memory_bytes == 40 * 0x1p30);
  CHECK(read.rows[0].memory_kind == "reserved");
  CHECK(read.rows[0].memory_error == Approx(0.0456));
  CHECK(read.rows[0].memory_spread == Approx(0.01));
  const EvidenceRow& last = read.rows[2];
  CHECK(last.row_id == "lab_runs-0003");
  CHECK(last.source == "lab_runs");
  CHECK(last.gpu == "h100-sxm-80gb");
  CHECK(last.generation == "hopper");
  CHECK(last.system == "dgx-h100");
  CHECK(last.software == "stack");
  CHECK(last.precision == "bf16");
  CHECK(last.parameters == Approx(70.6e9));
  CHECK(last.gpus == 64);
  CHECK(last.tensor == 8);
  CHECK(last.data == 8);
  CHECK(last.micro_batch == 2);
  CHECK(last.sequence == 4096);
  CHECK(last.sharding == "optimizer");
  CHECK(last.recompute == "full");
  CHECK(last.step_time_s == Approx(12.345678));
  CHECK(last.step_error == Approx(-0.0123));
  CHECK(last.step_error_new_source == Approx(0.2));
  CHECK(last.step_spread == Approx(0.03));
  CHECK(read.step.scale == 0.04);
  CHECK(read.step.experts == 3.5);
  CHECK(read.step.context == 1.25);
  CHECK(read.step.upper == 1.5);
  CHECK(read.step.peculiar == 0.25);
}

TEST_CASE("a folder without evidence has none", "[unit][catalog]") {
  const TemporaryFolder folder;
  Evidence evidence;
  std::vector<Diagnostic> problems;
  load_evidence(folder.path(), evidence, problems);
  CHECK(problems.empty());
  CHECK(evidence.rows.empty());
}

TEST_CASE("what is no evidence is said to be", "[unit][catalog]") {
  const std::string hint = " (`lockstep calibrate --corpus runs` writes it)\n";
  CHECK(problems_of("- 1\n") == "E204: the file must be a map of keys" + hint);
  CHECK(problems_of(laws) == "E612: the table 'runs' is missing" + hint);
  const std::string group = "  = s|m|g|hopper|n|stack|bf16|7000|0\n";
  const std::string run = "  0001 8 1 1 1 1 8 1 4096 3 0 1000000 100 200 300 0 0 0 0\n";
  const auto table = [&](const std::string& lines) { return laws + ("runs: |\n" + lines); };
  CHECK(problems_of(table(run)) == "E612: line 1 of the table 'runs' is no run" + hint);
  CHECK(problems_of(table(group + run + "  0002 8 1\n")) ==
        "E612: line 3 of the table 'runs' is no run" + hint);
  CHECK(problems_of(table(group + "0001 8\n")) ==
        "E612: line 2 of the table 'runs' is no run" + hint);
  CHECK(problems_of(table("  = s|m\n")) == "E612: line 1 of the table 'runs' is no run" + hint);
}
