// The JSON of measurements: the same again, and every refusal.
#include "tests/catch.hpp"

#include <cmath>
#include <limits>

#include "tests/support/sample_measurement.hpp"
#include "validate/measure/measurement.hpp"

using namespace lockstep;
using lockstep::test::sample_measurement;

namespace {

// The sample's text with one place changed, which must be there.
std::string changed(const std::string& what, const std::string& into) {
  std::string text = measurement_json(sample_measurement());
  const std::size_t at = text.find(what);
  REQUIRE(at != std::string::npos);
  return text.replace(at, what.size(), into);
}

std::string refusal(const std::string& text) {
  try {
    static_cast<void>(parse_measurement(text, "m.json"));
  } catch (const InputError& error) {
    return error.what();
  }
  return "accepted";
}

std::string refusal(const std::string& what, const std::string& into) { return refusal(changed(what, into)); }

}  // namespace

TEST_CASE("A measurement is read back as it was written", "[measure]") {
  const Measurement sample = sample_measurement();
  const std::string text = measurement_json(sample);
  CHECK(measurement_json(sample) == text);
  CHECK(looks_like_measurement(text));
  const Measurement read = parse_measurement(text, "m.json");
  CHECK(measurement_json(read) == text);

  CHECK(read.functional_only == "two ranks share GPU 0");
  CHECK(read.machine.date == "2026-11-23");
  CHECK(read.machine.system == "dgx-h100");
  CHECK(read.machine.hosts == std::vector<std::string>{"node1"});
  CHECK(read.machine.command == "lockstep-validate nccl -c all_reduce");
  REQUIRE(read.machine.gpus.size() == 2);
  CHECK(read.machine.gpus[1].device == 1);
  CHECK(read.machine.gpus[1].bus_id == "0000:43:00.0");
  CHECK(read.machine.gpus[1].memory_bytes == 85'520'809'984);
  REQUIRE(read.collectives.size() == 1);
  const CollectiveSweep& sweep = read.collectives[0];
  CHECK(sweep.collective == Collective::all_reduce);
  CHECK(sweep.rank_slowness == std::vector<double>{1.0, 1.5});
  REQUIRE(sweep.points.size() == 2);
  CHECK(sweep.points[0].out_of_place->time.median_s == 16e-6);
  CHECK(sweep.points[0].out_of_place->time.repeats == 8);
  CHECK(sweep.points[0].out_of_place->wrong == 0);
  CHECK_FALSE(sweep.points[0].in_place);
  CHECK(sweep.points[0].predicted_s == 20e-6);
  CHECK_FALSE(sweep.points[1].predicted_s);
  CHECK_FALSE(sweep.points[1].in_place->wrong);
  CHECK(read.gemms.at(0).k == 4096);
  CHECK(read.copies.at(0).pinned);
  CHECK(read.overlaps.at(0).slowdown == -0.01);
  CHECK(read.steps.at(0).terms.at(1).measured_s == -0.01);
  CHECK(read.steps.at(0).not_run == std::vector<std::string>{"optimizer"});
}

TEST_CASE("An empty measurement is one too", "[measure]") {
  const std::string text = measurement_json({});
  CHECK(text ==
        R"({
 "lockstep_measurement": 1,
 "functional_only": "",
 "machine": {
  "date": "",
  "system": "",
  "hosts": [],
  "driver": "",
  "cuda": "",
  "cublas": "",
  "nccl": "",
  "mpi": "",
  "command": "",
  "gpus": []
 },
 "collectives": [],
 "gemms": [],
 "memory_ops": [],
 "copies": [],
 "launches": [],
 "overlaps": [],
 "steps": []
}
)");
  CHECK(measurement_json(parse_measurement(text, "m.json")) == text);
}

TEST_CASE("Measurements are told from other files", "[measure]") {
  CHECK(looks_like_measurement("\xEF\xBB\xBF \n{\"lockstep_measurement\": broken"));
  CHECK_FALSE(looks_like_measurement("{\"version\": 3, \"results\": []}"));
  CHECK_FALSE(looks_like_measurement("# lockstep_measurement"));
  CHECK_FALSE(looks_like_measurement(""));
}

TEST_CASE("A number that JSON cannot hold is not written", "[measure]") {
  Measurement measurement = sample_measurement();
  measurement.gemms[0].flops_per_s = std::numeric_limits<double>::infinity();
  CHECK_THROWS_WITH(measurement_json(measurement), "measured 'flops_per_s' is inf");
  measurement = sample_measurement();
  measurement.collectives[0].points[0].predicted_s = std::nan("");
  CHECK_THROWS_WITH(measurement_json(measurement), "measured 'predicted_s' is nan");
}

TEST_CASE("Text of other encodings is written as what can be read", "[measure]") {
  Measurement measurement;
  measurement.machine.hosts = {"node\xff"};
  CHECK(parse_measurement(measurement_json(measurement), "m.json").machine.hosts[0] == "node\xEF\xBF\xBD");
}

TEST_CASE("What is no JSON is refused at its place", "[measure]") {
  CHECK(refusal("") ==
        "m.json:1:1: error[E640]: this is no JSON: syntax error while parsing value - unexpected end of input; "
        "expected '[', '{', or a literal\n"
        "      = hint: was the file cut off?\n");
  CHECK(refusal("{\"lockstep_measurement\": 1,\n \"machine\": oh}") ==
        "m.json:2:13: error[E640]: this is no JSON: syntax error while parsing value - invalid literal; last read: "
        "'\"machine\": o'\n"
        "    2 |  \"machine\": oh}\n"
        "      |             ^\n"
        "      = hint: was the file cut off?\n");
  CHECK(refusal("{\"lockstep_measurement\": 1e999}") ==
        "m.json:1:1: error[E640]: this is no JSON: number overflow parsing '1e999'\n"
        "    1 | {\"lockstep_measurement\": 1e999}\n"
        "      | ^\n"
        "      = hint: was the file cut off?\n");
  CHECK(refusal(std::string(40, '[') + std::string(40, ']')) ==
        "m.json: error[E640]: lists and maps are nested more than 32 deep\n"
        "      = hint: expected what lockstep-validate nccl, mpi, kernels or step writes with --output\n");
}

TEST_CASE("Other documents and versions are refused", "[measure]") {
  const std::string no_measurement =
      "m.json: error[E640]: there is no key 'lockstep_measurement'\n"
      "      = hint: expected what lockstep-validate nccl, mpi, kernels or step writes with --output\n";
  CHECK(refusal("{}") == no_measurement);
  CHECK(refusal("[1]") == no_measurement);
  CHECK(refusal("{\"lockstep_measurement\": 2}") ==
        "m.json: error[E640]: lockstep_measurement: 2 is a version that this program does not read\n"
        "      = hint: it reads version 1\n");
  CHECK(refusal("{\"lockstep_measurement\": \"1\"}") ==
        "m.json: error[E640]: lockstep_measurement: '1' is a version that this program does not read\n"
        "      = hint: it reads version 1\n");
}

TEST_CASE("Keys that are missing, unknown, twice or of another kind are refused", "[measure]") {
  CHECK(refusal("\"mpi\"", "\"mp\"") ==
        "m.json: error[E641]: machine: the key 'mpi' is missing\n"
        "      = hint: expected what lockstep-validate nccl, mpi, kernels or step writes with --output\n"
        "m.json: error[E641]: machine: there is no key 'mp'\n"
        "      = hint: did you mean mpi?\n");
  CHECK(refusal("\"steps\"", "\"functional_only\"") ==
        "m.json: error[E641]: the key 'functional_only' is given twice in one map\n"
        "      = hint: remove one of them\n");
  CHECK(refusal("\"wrong\": 0", "\"wrong\": 0, \"zzzzzzzzzzzz\": 1") ==
        "m.json: error[E641]: collectives[0].points[0].out_of_place: there is no key 'zzzzzzzzzzzz'\n"
        "      = hint: the keys: time, wrong\n");
  CHECK(refusal("\"device\": 1", "\"device\": \"1\"") ==
        "m.json: error[E641]: machine.gpus[1].device: '1' is not a whole number\n");
  CHECK(refusal("\"device\": 1", "\"device\": 1.5") ==
        "m.json: error[E641]: machine.gpus[1].device: 1.5 is not a whole number\n");
  CHECK(refusal("\"system\": \"dgx-h100\"", "\"system\": null") ==
        "m.json: error[E641]: machine.system: null is not text\n");
  CHECK(refusal("\"registered\": false", "\"registered\": 0") ==
        "m.json: error[E641]: collectives[0].registered: 0 is not true or false\n");
  CHECK(refusal("\"rank_slowness\": [\n    1.0", "\"rank_slowness\": [\n    null") ==
        "m.json: error[E641]: collectives[0].rank_slowness[0]: null is not a number\n");
  CHECK(refusal("\"optimizer\"", "[]") == "m.json: error[E641]: steps[0].not_run[0]: a list is not text\n");
  CHECK(refusal("\"collective\": \"all_reduce\"", "\"collective\": \"all_reduced\"") ==
        "m.json: error[E641]: collectives[0].collective: there is no collective 'all_reduced'\n"
        "      = hint: one of all_reduce, all_gather, reduce_scatter, broadcast, reduce, all_to_all, send_recv\n");
}

TEST_CASE("Numbers that cannot be are refused, all of them in one run", "[measure]") {
  CHECK(refusal("\"median_s\": 1.6e-05", "\"median_s\": -1.6e-05") ==
        "m.json: error[E642]: collectives[0].points[0].out_of_place.time.median_s: -1.6e-05 cannot be\n"
        "      = hint: a number from 0 on\n");
  CHECK(refusal("\"median_s\": 1.6e-05", "\"median_s\": 1.0") ==
        "m.json: error[E642]: collectives[0].points[0].out_of_place.time.median_s: the median lies outside of low_s "
        "and high_s\n");
  CHECK(refusal("\"ranks\": 2", "\"ranks\": 0") ==
        "m.json: error[E642]: collectives[0].ranks: 0 cannot be\n"
        "      = hint: a whole number from 1 on\n");
  CHECK(refusal("\"nodes\": 1", "\"nodes\": 3") ==
        "m.json: error[E642]: collectives[0].nodes: a group has more nodes than ranks\n");
  CHECK(refusal("1.5", "0.5") ==
        "m.json: error[E642]: collectives[0].rank_slowness[1]: 0.5 cannot be\n"
        "      = hint: a number from 1 on\n");
  CHECK(refusal("\"memory_bytes\": 85520809984", "\"memory_bytes\": 9223372036854775808") ==
        "m.json: error[E642]: machine.gpus[0].memory_bytes: 9223372036854775808 cannot be\n"
        "      = hint: a whole number from 0 on\n");
  CHECK(refusal("\"date\": \"2026-11-23\"", "\"date\": \"2026-13-23\"") ==
        "m.json: error[E642]: machine.date: '2026-13-23' is no date\n"
        "      = hint: year-month-day, such as 2026-11-23\n");
  CHECK(refusal("\"date\": \"2026-11-23\"", "\"date\": \"yesterday\"") ==
        "m.json: error[E642]: machine.date: 'yesterday' is no date\n"
        "      = hint: year-month-day, such as 2026-11-23\n");
  CHECK(refusal("\"repeats\": 8", "\"repeats\": 0") ==
        "m.json: error[E642]: collectives[0].points[0].out_of_place.time.repeats: 0 cannot be\n"
        "      = hint: a whole number from 1 on\n");
}

TEST_CASE("A hundred errors are enough", "[measure]") {
  Measurement measurement;
  measurement.collectives.resize(200);
  for (CollectiveSweep& sweep : measurement.collectives) sweep.ranks = -1;
  try {
    static_cast<void>(parse_measurement(measurement_json(measurement), "m.json"));
    FAIL("accepted");
  } catch (const InputError& error) {
    CHECK(error.diagnostics().size() == 100);
  }
}
