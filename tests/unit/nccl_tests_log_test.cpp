// The reader of nccl-tests logs: every format that its versions print, through every launcher.
#include "tests/catch.hpp"

#include <filesystem>
#include <string>

#include "scenarios/log_metadata.hpp"
#include "validate/nccl_subject.hpp"
#include "validate/nccl_tests_log.hpp"

using namespace lockstep;

namespace {

// 1 GB in 10 ms is 100 GB/s; on eight GPUs an all-reduce moves 2 * 7/8 of that over each link.
const std::string header_213 =
    "#                                                              out-of-place                       in-place\n"
    "#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong\n"
    "#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)\n";
const std::string row_213 =
    "  1000000000     250000000     float     sum      -1    10000  100.00  175.00      0    20000   50.00   87.50      0\n";

std::string complaints(const std::string& text) {
  try {
    parse_nccl_log(text, "log.txt");
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos; at = text.find(from, at + to.size())) {
    text.replace(at, from.size(), to);
  }
  return text;
}

NcclRow only_row(const std::string& text) {
  const NcclLog log = parse_nccl_log(text, "log.txt");
  REQUIRE(log.tables.size() == 1);
  REQUIRE(log.tables[0].rows.size() == 1);
  return log.tables[0].rows[0];
}

// The row above, whatever printed it.
void check_row(const NcclRow& row) {
  CHECK(row.size_bytes == 1'000'000'000);
  CHECK(row.out_of_place.time.value() == Approx(0.010));
  CHECK(row.out_of_place.algorithm_bandwidth.value() == Approx(100e9));
  CHECK(row.out_of_place.bus_bandwidth.value() == Approx(175e9));
  CHECK(row.in_place.time.value() == Approx(0.020));
  CHECK(row.in_place.bus_bandwidth.value() == Approx(87.5e9));
}

}  // namespace

TEST_CASE("nccl-tests 2.13 and later: a table", "[unit]") {
  const NcclRow row = only_row(header_213 + row_213);
  check_row(row);
  CHECK(row.line == 3);
  CHECK(row.count == 250'000'000);
  CHECK(row.type == "float");
  CHECK(row.redop == "sum");
  CHECK(row.root == -1);
  CHECK(row.out_of_place.wrong == "0");
}

TEST_CASE("nccl-tests 1.x prints milliseconds", "[unit]") {
  check_row(only_row(
      "#                                                 out-of-place                    in-place\n"
      "#      bytes             N    type      op     time  algbw  busbw      res     time  algbw  busbw      res\n"
      "   1000000000     250000000   float     sum   10.000 100.00 175.00    2e-07   20.000  50.00  87.50    2e-07\n"));
  check_row(only_row("bytes N type op | time algbw busbw res | time algbw busbw res\n"
                     "1000000000 250000000 float sum | 10.000 100.00 175.00 2e-07 | 20.000 50.00 87.50 2e-07\n"));
}

TEST_CASE("nccl-tests 2.0 to 2.12: columns as the collective needs them", "[unit]") {
  const std::string units = "#        (B)    (elements)                     (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)\n";
  SECTION("an integer time is no root") {
    const NcclRow row = only_row(
        "#       size         count    type     time   algbw   busbw  error     time   algbw   busbw  error\n" + units +
        "  1000000000     250000000   float    10000  100.00  175.00  0e+00    20000   50.00   87.50  0e+00\n");
    check_row(row);
    CHECK_FALSE(row.root.has_value());
  }
  SECTION("an empty redop") {
    const NcclRow row = only_row(
        "#       size         count    type   redop     time   algbw   busbw  error     time   algbw   busbw  error\n" + units +
        "  1000000000     250000000   float            10000  100.00  175.00    N/A    20000   50.00   87.50    N/A\n");
    check_row(row);
    CHECK(row.redop.empty());
  }
  SECTION("a root without redop") {
    const NcclRow row = only_row(
        "#       size         count    type    root     time   algbw   busbw  error     time   algbw   busbw  error\n" + units +
        "  1000000000     250000000   float       0    10000  100.00  175.00  0e+00    20000   50.00   87.50  0e+00\n");
    check_row(row);
    CHECK(row.root == 0);
  }
}

TEST_CASE("nccl-tests 2.19: more columns", "[unit]") {
  const auto table = [](const std::string& names, const std::string& cells) {
    return "# size count type redop root " + names + "\n# (B) (elements) (us) (GB/s)\n1000000000 250000000 float sum -1 " +
           cells + "\n";
  };
  SECTION("-I, times of every iteration") {
    check_row(only_row(table("time algbw busbw #wrong i_min i_max i_p99 i_cv% time algbw busbw #wrong i_min i_max i_p99 i_cv%",
                             "10000 100.00 175.00 0 9900 10100 10090 1.2 20000 50.00 87.50 0 1 2 3 4")));
  }
  SECTION("-S, a time stamp in one or two words") {
    const std::string names = "time algbw busbw #wrong time algbw busbw #wrong timestamp";
    check_row(only_row(table(names, "10000 100.00 175.00 0 20000 50.00 87.50 N/A 2026-08-01T10:00:00")));
    check_row(only_row(table(names, "10000 100.00 175.00 0 20000 50.00 87.50 N/A 2026-08-01 10:00:00")));
  }
  SECTION("-C, the host's time: the GPU's follows from the bandwidth") {
    const NcclLog log = parse_nccl_log(table("cputime algbw busbw #wrong cputime algbw busbw #wrong",
                                             "12.5 100.00 175.00 0 12.6 50.00 87.50 0"), "log.txt");
    CHECK(log.tables.at(0).cpu_time);
    check_row(log.tables[0].rows.at(0));
  }
  SECTION("seconds") { check_row(only_row(replaced(table("time algbw busbw #wrong time algbw busbw #wrong",
                                                         "0.01 100.00 175.00 0 0.02 50.00 87.50 0"), "(us)", "(s)"))); }
}

TEST_CASE("nccl-tests: what launchers put before the lines", "[unit]") {
  for (const std::string prefix :
       {"[1,0]<stdout>:", "[1,0]<stdout>: ", "[node-1:4711,0]<stdout>:", " 0: ", "0:", "node-1: ", "worker-1  | ",
        "2026-08-01T10:00:00.123Z ", "2026-08-01 10:00:00 node-1: ", "[rank0]: ", "(worker pid=12, ip=10.0.0.1) ","\x1b[32m"}) {
    INFO(prefix);
    std::string text = prefix;
    for (const char c : header_213 + row_213) {
      text += c;
      if (c == '\n') text += prefix;
    }
    check_row(only_row(text));
  }
  check_row(only_row(replaced(header_213 + row_213, "\n", "\r\n")));
  check_row(only_row("some shell output\n" + header_213 + "a warning between\n" + row_213 + "# Avg bus bandwidth    : 131.25\n"));
}

TEST_CASE("nccl-tests: messages of NCCL between and inside rows", "[unit]") {
  const std::string message = "node-1:12:34 [0] NCCL INFO Channel 00/24 : 0 1 2 3 4 5 6 7\n";
  check_row(only_row(message + header_213 + message + row_213 + message));
  const std::string begin = row_213.substr(0, row_213.find("    10000"));
  const std::string middle = "    10000  100.00  175.00      0";
  const std::string end = "    20000   50.00   87.50      0\n";
  check_row(only_row(header_213 + begin + message + message + middle + end));
  check_row(only_row(header_213 + begin + message + middle + message + end));
  check_row(only_row(header_213 + begin + "\n" + middle + "\n" + message + end));
}

TEST_CASE("nccl-tests: sizes of 0 and repeated sizes are kept", "[unit]") {
  const std::string zero =
      "           0             0     float     sum      -1     8.37    0.00    0.00      0     8.13    0.00    0.00    N/A\n";
  const NcclLog log = parse_nccl_log(header_213 + zero + zero + row_213 + row_213, "log.txt");
  REQUIRE(log.tables.at(0).rows.size() == 4);
  CHECK(log.tables[0].rows[1].size_bytes == 0);
  CHECK(log.tables[0].rows[1].in_place.wrong == "N/A");
  check_row(log.tables[0].rows[3]);
}

TEST_CASE("nccl-tests: several collectives in one file", "[unit]") {
  const std::string devices =
      "# Using devices\n"
      "#  Rank  0 Group  0 Pid    100 on node-1 device  0 [0000:1b:00] NVIDIA H100 80GB HBM3\n"
      "#  Rank  1 Group  0 Pid    101 on node-2 device  0 [0x1b] NVIDIA H100 80GB HBM3\n";
  const NcclLog log = parse_nccl_log("# nccl-tests version 2.18.0 nccl-headers=22907 nccl-library=22902\n"
                                     "# Collective test starting: all_reduce_perf\n"
                                     "# nThread 1 nGpus 1\n" + devices + header_213 + row_213 +
                                     "# Collective test concluded: all_reduce_perf\n"
                                     "# Collective test starting: reduce_scatter_perf\n"
                                     "# nThread 1 nGpus 1\n" + devices + header_213 + row_213 + row_213 +
                                     "$ mpirun ./build/all_gather_perf -b 8\n# nThread 1 nGpus 1\n" + header_213 + row_213 +
                                     "# nThread 1 nGpus 1\n" + header_213 + row_213,
                                     "log.txt");
  REQUIRE(log.tables.size() == 4);
  CHECK(log.nccl_version == "2.29.2");
  CHECK(log.tables[0].program == "all_reduce");
  CHECK(log.tables[0].devices.size() == 2);
  CHECK(log.tables[0].devices[1].host == "node-2");
  CHECK(log.tables[0].devices[1].name == "NVIDIA H100 80GB HBM3");
  CHECK(log.tables[1].program == "reduce_scatter");
  CHECK(log.tables[1].rows.size() == 2);
  CHECK(log.tables[2].program == "all_gather");
  CHECK(log.tables[3].program.empty());
}

TEST_CASE("nccl-tests: the JSON of -J", "[unit]") {
  const std::string json = R"({"version": 3, "args": ["./build/all_reduce_perf", "-J", "f"], "nccl_version": "22902",
 "config": {"validation": "true", "devices": [
   {"rank": 0, "hostname": "node-1", "device_info": "NVIDIA H200"}, {"rank": "1", "hostname": "node-1"}]},
 "results": [
  {"size": 0, "count": 0, "type": "float", "redop": "sum", "root": "-1", "out_of_place": null, "in_place": null},
  {"size": 1000000000, "count": "250000000", "type": "float", "redop": "sum", "root": "-1",
   "out_of_place": {"time": 10000.0, "alg_bw": 100.0, "bus_bw": 175.0, "nwrong": "0"},
   "in_place": {"time": 20000.0, "alg_bw": 50.0, "bus_bw": 87.5, "nwrong": "N/A"}, "actual_iterations": 20}]})";
  const NcclLog log = parse_nccl_log(json, "log.json");
  REQUIRE(log.tables.size() == 1);
  CHECK(log.tables[0].program == "all_reduce");
  CHECK(log.nccl_version == "2.29.2");
  CHECK(complete(log.tables[0].devices));
  REQUIRE(log.tables[0].rows.size() == 2);
  CHECK_FALSE(log.tables[0].rows[0].out_of_place.time.has_value());
  check_row(log.tables[0].rows[1]);
  CHECK(log.tables[0].rows[1].root == -1);

  check_row(parse_nccl_log(replaced(json, "\"time\"", "\"cpu_time\""), "log.json").tables.at(0).rows.at(1));
  CHECK(complaints("{\"results\": [\n  {\"size\": 8,\n") ==
        "log.txt:3:1: error[E507]: this is no JSON: syntax error while parsing object key - unexpected end of input; "
        "expected string literal\n"
        "      = hint: was the file cut off? nccl-tests completes it when the program ends\n");
  CHECK(complaints("{\"version\": 3}") == "log.txt: error[E507]: results: there is no list 'results'\n"
                                          "      = hint: expected what nccl-tests writes with -J\n");
  CHECK(complaints("{\"results\": [{\"size\": -8, \"out_of_place\": {\"alg_bw\": 1}}, 1e999]}").find("E507") != std::string::npos);
  CHECK(complaints("{\"results\": [{\"size\": 8, \"out_of_place\": {\"time\": \"fast\"}}]}") ==
        "log.txt: error[E507]: results[0].out_of_place.time: this is no number of at least 0\n"
        "      = hint: a number, or null where nothing was measured\n");
}

TEST_CASE("nccl-tests: what cannot be read is an error with its place", "[unit]") {
  CHECK(complaints("") == "log.txt: error[E501]: no table of nccl-tests in this file\n"
                          "      = hint: expected the output of all_reduce_perf or another of its programs, or what -J writes\n");
  CHECK(complaints("first\n8 2 float sum -1 10 1 1 0\n") ==
        "log.txt:2:1: error[E501]: rows of a table without its header line\n"
        "    2 | 8 2 float sum -1 10 1 1 0\n"
        "      | ^~~~~~~~~~~~~~~~~~~~~~~~~\n"
        "      = hint: put back the line above them: '#  size  count  type  redop  root  time  algbw  busbw\n"
        "              …'\n");
  CHECK(complaints("# size count type busbw\n8 2 float 1.0\n") ==
        "log.txt:1:3: error[E502]: the header of the table has no column 'time'\n"
        "    1 | # size count type busbw\n"
        "      |   ^~~~\n"
        "      = hint: a table of nccl-tests has the columns size, count, type, time, algbw and busbw\n");
  CHECK(complaints("# size count type time algbw busbw\n") ==
        "log.txt:1:3: error[E503]: the table has no rows\n"
        "    1 | # size count type time algbw busbw\n"
        "      |   ^~~~\n"
        "      = hint: did the program stop early?\n");
  CHECK(complaints("# size count type time algbw busbw\n8 2 float fast 1.0 1.0\n8 2 float 1.0 -1.0 1.0\n") ==
        "log.txt:2:11: error[E504]: 'fast' in the column 'time' is no number\n"
        "    2 | 8 2 float fast 1.0 1.0\n"
        "      |           ^~~~\n"
        "      = hint: a number, or N/A where nothing was measured\n"
        "log.txt:3:15: error[E504]: '-1.0' in the column 'algbw' is no number\n"
        "    3 | 8 2 float 1.0 -1.0 1.0\n"
        "      |               ^~~~\n"
        "      = hint: a number, or N/A where nothing was measured\n");
  CHECK(complaints("# size count type time algbw busbw\n8 2 float 1.0\n8 2 float 1.0 1.0 1.0 9\n") ==
        "log.txt:2:1: error[E505]: the row ends after 4 of 6 cells\n"
        "    2 | 8 2 float 1.0\n"
        "      | ^\n"
        "      = hint: was the log cut off, or did another process print into the line? repair or remove the\n"
        "              row\n"
        "log.txt:3:23: error[E505]: 7 cells where the header has 6 columns\n"
        "    3 | 8 2 float 1.0 1.0 1.0 9\n"
        "      |                       ^\n"
        "      = hint: was the log cut off, or did another process print into the line? repair or remove the\n"
        "              row\n");
  // 1 GB in 10 ms, read as 10 seconds
  CHECK(complaints("# size count type time algbw busbw\n# (B) (s)\n1000000000 1 float 10.0 100.00 175.00\n") ==
        "log.txt:1:3: error[E506]: size / time gives 0.001 times the algbw that the table prints\n"
        "    1 | # size count type time algbw busbw\n"
        "      |   ^~~~\n"
        "      = hint: are size and time in the units of the header? 1.x printed milliseconds, later versions\n"
        "              microseconds\n");
  CHECK_THROWS_WITH(load_nccl_log("/nowhere/log.txt"), "/nowhere/log.txt: error[E500]: the file cannot be read\n"
                                                       "      = hint: there is no such file\n");
}

TEST_CASE("nccl-tests: every log of the corpus has the rows that its notes state", "[unit]") {
  const std::filesystem::path folder = std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/validate/corpus/nccl_logs";
  int logs = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    if (entry.path().extension() != ".txt") continue;
    ++logs;
    INFO(entry.path());
    const LogMetadata notes = load_log_metadata(log_metadata_file(entry.path()).value());
    const NcclLog log = load_nccl_log(entry.path().string());
    REQUIRE(log.tables.size() == 1);
    const NcclTable& table = log.tables[0];
    REQUIRE(notes.rows);
    CHECK(static_cast<std::int64_t>(table.rows.size()) == notes.rows->value);
    CHECK(std::to_string(table.rows.front().size_bytes) == notes.word("min_bytes"));
    CHECK(std::to_string(table.rows.back().size_bytes) == notes.word("max_bytes"));
    const NcclSubject subject = identify(log, table, notes);
    CHECK(subject.gpus == notes.gpus->value);
    CHECK(subject.collective == collective_named(notes.collective));
    // Without its notes the table alone tells the same, or that it does not.
    const NcclSubject alone = identify(log, table, std::nullopt);
    CHECK((alone.gpus == 0 || alone.gpus == notes.gpus->value));
    CHECK((!alone.collective || alone.collective == collective_named(notes.collective)));
  }
  CHECK(logs == 69);
}
