// What a calibration does to predictions: itself where it was measured, the model's form elsewhere.
#include "tests/catch.hpp"

#include <cmath>

#include "scenarios/scenario.hpp"
#include "topology/collectives/calibration.hpp"

using namespace lockstep;

namespace {

const System& h100() {
  static const System system = Catalog(LOCKSTEP_TEST_SOURCE_DIR "/scenarios").system("dgx-h100");
  return system;
}

CollectiveCalibration entry(Collective collective, std::int64_t ranks, std::int64_t nodes) {
  CollectiveCalibration made;
  made.system = "dgx-h100";
  made.collective = collective;
  made.ranks = ranks;
  made.nodes = nodes;
  made.spread = 0.02;
  made.smallest = Bytes{8};
  made.largest = Bytes{8e9};
  made.pieces = {{Bytes{8}, Seconds{50e-6}, 0}, {Bytes{1e6}, Seconds{80e-6}, 1.0 / 50e9}};
  return made;
}

nccl::NcclGroup group(std::int64_t ranks, std::int64_t nodes,
                      const std::vector<CollectiveCalibration>& entries, double nic_share = 1.0) {
  Cluster cluster;
  cluster.system = h100();
  cluster.system.nic_bandwidth.value *= nic_share;
  cluster.nodes = nodes;
  if (!entries.empty())
    cluster.calibrations = std::make_shared<const Calibrations>(h100(), entries);
  return nccl::prepare(cluster, routes(cluster), spread_group(cluster, ranks, nodes));
}

double time(const nccl::NcclGroup& group, Collective collective, double bytes) {
  return nccl::choose(group, collective, Bytes{bytes}).time.value();
}

}  // namespace

TEST_CASE("calibration: on the measured group the prediction is the measured curve", "[property]") {
  const nccl::NcclGroup of = group(16, 2, {entry(Collective::all_reduce, 16, 2)});
  CHECK(time(of, Collective::all_reduce, 1e3) == Approx(50e-6));
  CHECK(time(of, Collective::all_reduce, 1e8) == Approx(80e-6 + 1e8 / 50e9));
  CHECK(time(of, Collective::all_reduce, 1e11) ==
        Approx(80e-6 + 1e11 / 50e9));  // the last slope goes on
  const nccl::CollectiveChoice choice = nccl::choose(of, Collective::all_reduce, Bytes{1e8});
  CHECK(choice.basis == nccl::Basis::measured);
  CHECK(choice.spread == Approx(0.02));
  // 1e8 B in 2.08 ms, times 2 * 15/16
  CHECK(choice.bus_bandwidth.rate().value() == Approx(1e8 / 2.08e-3 * 1.875));
}

TEST_CASE("calibration: times never fall with size", "[property]") {
  for (const auto& [ranks, nodes] : {std::pair<int, int>{16, 2}, {32, 4}, {256, 32}, {2, 2}}) {
    const nccl::NcclGroup of = group(ranks, nodes, {entry(Collective::all_reduce, 16, 2)});
    for (const Collective collective : all_collectives) {
      double before = 0;
      for (double bytes = 1; bytes < 1e12; bytes *= 1.7) {
        const double now = time(of, collective, bytes);
        CHECK(now >= before * (1 - 1e-12));
        before = now;
      }
    }
  }
}

TEST_CASE("calibration: a measurement that the model would have made changes nothing",
          "[property]") {
  // As good as the model: pieces of its own times at 1 GB, on 2 nodes; asked on 4.
  CollectiveCalibration as_model = entry(Collective::all_gather, 16, 2);
  const double modelled = time(group(16, 2, {}), Collective::all_gather, 1e9);
  as_model.pieces = {{Bytes{8}, Seconds{modelled}, 0}};
  const double plain = time(group(32, 4, {}), Collective::all_gather, 1e9);
  CHECK(time(group(32, 4, {as_model}), Collective::all_gather, 1e9) == Approx(plain).epsilon(0.03));
}

TEST_CASE("calibration: elsewhere the model's form carries it over, the less the farther",
          "[property]") {
  // Twice the model at 8 GB on 2 nodes. One doubling of nodes away w = exp(-0.4) = 0.670 and T =
  // 0.670 / (0.670 + 0.165) = 0.802: 2^0.802 = 1.744. Five away w = 0.1353, T = 0.1353 / (0.1353 +
  // 0.4323) = 0.238: 2^0.238 = 1.180.
  CollectiveCalibration twice = entry(Collective::all_reduce, 16, 2);
  const double modelled = time(group(16, 2, {}), Collective::all_reduce, 8e9);
  twice.pieces = {{Bytes{8}, Seconds{1e-6}, 2 * modelled / 8e9}};
  const auto ratio = [&](std::int64_t nodes) {
    return time(group(8 * nodes, nodes, {twice}), Collective::all_reduce, 8e9) /
           time(group(8 * nodes, nodes, {}), Collective::all_reduce, 8e9);
  };
  constexpr double between_sizes =
      0.03;  // the correction of a flat curve is interpolated between sizes
  const double near = ratio(4);
  const double far = ratio(64);
  CHECK(near == Approx(1.744).epsilon(between_sizes));
  CHECK(far == Approx(1.180).epsilon(between_sizes));
}

TEST_CASE("calibration: NICs that a scenario slows down slow the measured time down too",
          "[property]") {
  const std::vector<CollectiveCalibration> entries{entry(Collective::all_reduce, 16, 2)};
  // The measured time grows by what the model's grows by.
  for (const double bytes : {1e3, 1e8, 1e9, 3e10}) {
    const double model_grows = time(group(16, 2, {}, 0.5), Collective::all_reduce, bytes) /
                               time(group(16, 2, {}), Collective::all_reduce, bytes);
    const double grows = time(group(16, 2, entries, 0.5), Collective::all_reduce, bytes) /
                         time(group(16, 2, entries), Collective::all_reduce, bytes);
    CHECK(grows >= 0.97);
    CHECK(grows == Approx(model_grows).epsilon(0.03));  // interpolated between sizes
  }
  CHECK(nccl::choose(group(16, 2, entries, 0.5), Collective::all_reduce, Bytes{1e9}).basis ==
        nccl::Basis::scaled);
}

TEST_CASE("calibration: other collectives of the same fabric learn from it, other fabrics do not",
          "[property]") {
  const std::vector<CollectiveCalibration> entries{entry(Collective::all_reduce, 16, 2)};
  const nccl::NcclGroup across = group(16, 2, entries);
  CHECK(nccl::choose(across, Collective::all_gather, Bytes{1e9}).basis == nccl::Basis::transferred);
  const nccl::NcclGroup inside = group(8, 1, entries);
  CHECK(nccl::choose(inside, Collective::all_reduce, Bytes{1e9}).basis == nccl::Basis::model);
  CHECK(time(inside, Collective::all_reduce, 1e9) ==
        time(group(8, 1, {}), Collective::all_reduce, 1e9));
}

TEST_CASE("calibration: a doubt is left where nothing was measured", "[property]") {
  const std::vector<CollectiveCalibration> entries{entry(Collective::all_reduce, 16, 2)};
  const auto spread = [&](std::int64_t nodes) {
    return nccl::choose(group(8 * nodes, nodes, entries), Collective::all_reduce, Bytes{1e9})
        .spread;
  };
  CHECK(spread(2) < spread(4));
  CHECK(spread(4) < spread(64));
}

TEST_CASE("calibration: entries of other systems are left out", "[property]") {
  CollectiveCalibration other = entry(Collective::all_reduce, 16, 2);
  other.system = "dgx-h200";
  CHECK(Calibrations(h100(), {other}).entries().empty());
  CHECK(Calibrations(h100(), {other, entry(Collective::reduce, 8, 1)}).entries().size() == 1);
}
