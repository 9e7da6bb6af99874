// Sweeps as nccl-tests prints them.
#include "tests/catch.hpp"

#include "sim/report/display.hpp"
#include "tests/support/sample_measurement.hpp"
#include "validate/measure/sweep.hpp"
#include "validate/nccl_subject.hpp"
#include "validate/nccl_tests_log.hpp"

using namespace lockstep;
using lockstep::test::sample_measurement;
using lockstep::test::sample_sweep;

namespace {

// The time column has at least three digits here.
constexpr double printed = 0.005;

Measurement all_sweeps() {
  Measurement measurement = sample_measurement();
  measurement.functional_only.clear();
  measurement.collectives.clear();
  for (const Collective collective : all_collectives) measurement.collectives.push_back(sample_sweep(collective));
  return measurement;
}

}  // namespace

TEST_CASE("A sweep's text is nccl-tests' table, with what it leaves out below", "[measure]") {
  // 1 KiB in 16 us is 0.064 GB/s, 1 MiB in 128 us 8.19 GB/s; the bus factor of 2 ranks is 1.
  // Their mean with 8.39 GB/s in place: (0.064 + 8.192 + 8.388608) / 3.
  CHECK(sweeps_text(sample_measurement()) ==
        R"(# lockstep-validate nccl, 2026-11-23, system dgx-h100
# NCCL version 2.28.9, CUDA 13.0, driver 580.82.07, Open MPI v4.1.4
# hosts: node1
# no calibration: two ranks share GPU 0
#
# Using devices
#  Rank  0 Group  0 on      node1 device  0 [0000:1b:00.0] NVIDIA H100 80GB HBM3
#  Rank  1 Group  0 on      node1 device  1 [0000:43:00.0] NVIDIA H100 80GB HBM3
#
# Collective test starting: all_reduce_perf
# group: world, 2 ranks on 1 node
#                                                              out-of-place                       in-place
#       size         count      type   redop    root     time   algbw   busbw #wrong     time   algbw   busbw #wrong
#        (B)    (elements)                               (us)  (GB/s)  (GB/s)            (us)  (GB/s)  (GB/s)
        1024           256     float     sum      -1    16.00    0.06    0.06      0      N/A     N/A     N/A    N/A
     1048576        262144     float     sum      -1   128.00    8.19    8.19      0   125.00    8.39    8.39    N/A
#
#       size   90 % of the median     spread  repeats   calls      NCCL expects  Lockstep expects
#        (B)          (us)                               each     (us)    error     (us)    error
#       1024      12.00 ..   20.00     12.5 %        8      20    12.00  -25.0 %    20.00  +25.0 %
#    1048576      96.00 ..  160.00     12.5 %        8      20        -                 -
#
# Out of bounds values : 0 OK
# Avg bus bandwidth    : 5.54820
#
# Collective test concluded: all_reduce_perf
#
)");
}

TEST_CASE("A sweep of many groups and with wrong results says so", "[measure]") {
  Measurement measurement = sample_measurement();
  CollectiveSweep& sweep = measurement.collectives[0];
  sweep.group = "blocks of 2";
  sweep.groups = 4;
  sweep.registered = true;
  sweep.points[0].out_of_place->wrong = 3;
  const std::string text = sweeps_text(measurement);
  CHECK(text.find("\n# group: blocks of 2, 2 ranks on 1 node, 4 groups at once; buffers registered\n") != std::string::npos);
  CHECK(text.find("\n# Out of bounds values : 3 FAILED\n") != std::string::npos);
  for (CollectivePoint& point : sweep.points) {
    point.out_of_place.reset();
    if (point.in_place) point.in_place->wrong.reset();
  }
  CHECK(sweeps_text(measurement).find("\n# Out of bounds values : N/A\n") != std::string::npos);
}

TEST_CASE("The reader of nccl-tests' logs reads every sweep back", "[measure]") {
  const Measurement measurement = all_sweeps();
  const NcclLog log = parse_nccl_log(sweeps_text(measurement), "own.txt");
  CHECK(log.nccl_version == "2.28.9");
  REQUIRE(log.tables.size() == all_collectives.size());
  const std::vector<std::string> programs{"all_reduce", "all_gather", "reduce_scatter", "broadcast",
                                          "reduce",     "alltoall",   "sendrecv"};
  for (std::size_t i = 0; i < log.tables.size(); ++i) {
    const NcclTable& table = log.tables[i];
    INFO(programs[i]);
    CHECK(table.program == programs[i]);
    CHECK(table.announced);
    REQUIRE(table.devices.size() == 2);
    CHECK(table.devices[1].host == "node1");
    CHECK(table.devices[1].name == "NVIDIA H100 80GB HBM3");
    const CollectiveSweep& sweep = measurement.collectives[i];
    REQUIRE(table.rows.size() == sweep.points.size());
    for (std::size_t r = 0; r < table.rows.size(); ++r) {
      const NcclRow& row = table.rows[r];
      const CollectivePoint& point = sweep.points[r];
      CHECK(row.size_bytes == point.size_bytes);
      CHECK(row.count == point.count);
      CHECK(row.type == "float");
      CHECK(row.redop == sweep.redop);
      const bool rooted = sweep.collective == Collective::broadcast || sweep.collective == Collective::reduce;
      CHECK(row.root == (rooted ? 0 : -1));
      CHECK(*row.out_of_place.time == Approx(point.out_of_place->time.median_s).epsilon(printed));
      CHECK(row.out_of_place.wrong == "0");
      CHECK(row.in_place.time.has_value() == point.in_place.has_value());
      CHECK(row.in_place.wrong == "N/A");
    }
  }
}

TEST_CASE("Times keep nccl-tests' seven columns over nine orders of magnitude", "[measure]") {
  Measurement measurement = sample_measurement();
  std::vector<CollectivePoint>& points = measurement.collectives[0].points;
  const CollectivePoint point = points[0];
  points.clear();
  for (const double time : {5e-8, 1.234e-5, 9.99999e-3, 12.3456e-3, 0.0999999, 1.5, 99.0}) {
    points.push_back(point);
    points.back().size_bytes = static_cast<std::int64_t>(time * 1e9) * 4;  // 4 GB/s
    points.back().out_of_place->time = test::sample_time(time);
  }
  const NcclLog log = parse_nccl_log(sweeps_text(measurement), "own.txt");
  REQUIRE(log.tables.at(0).rows.size() == points.size());
  for (std::size_t i = 0; i < points.size(); ++i)
    CHECK(*log.tables[0].rows[i].out_of_place.time == Approx(points[i].out_of_place->time.median_s).epsilon(printed));
}

TEST_CASE("Comments beside the tables fit a hundred columns", "[measure]") {
  Measurement measurement = all_sweeps();
  measurement.machine.hosts.clear();
  for (int host = 0; host < 64; ++host) measurement.machine.hosts.push_back("gpu-node-" + std::to_string(host));
  measurement.collectives[0].points[0].size_bytes = std::int64_t{16} << 30;
  const std::string text = sweeps_text(measurement);
  std::size_t begin = 0;
  while (begin < text.size()) {
    const std::size_t end = text.find('\n', begin);
    const std::string line = text.substr(begin, end - begin);
    begin = end + 1;
    const bool of_table = line.front() != '#' || line.find("out-of-place") != std::string::npos ||
                          line.find("busbw") != std::string::npos || line.find("(GB/s)") != std::string::npos;
    if (of_table) continue;
    INFO(line);
    CHECK(display_width(line) <= 100);
  }
}
