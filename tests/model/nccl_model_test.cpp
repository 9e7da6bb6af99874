// Does NCCL's model give the numbers that its formulas give by hand, and does its choice explain
// the steps that measured curves show?
#include "topology/collectives/nccl_model.hpp"

#include <cmath>
#include <cstring>

#include "tests/catch.hpp"
#include "tests/support/nccl_cluster.hpp"

using namespace lockstep;
using namespace lockstep::testing;
using nccl::Algorithm;
using nccl::Protocol;

namespace {

std::string chosen(const nccl::NcclGroup& group, Collective collective, Bytes bytes) {
  const nccl::CollectiveChoice choice = nccl::choose(group, collective, bytes);
  return std::string(choice.algorithm) + " " + choice.protocol;
}

const char* why_off(const nccl::NcclGroup& group, Collective collective, Algorithm algorithm) {
  return offer_of(group, collective, algorithm, Protocol::simple).off;
}

}  // namespace

TEST_CASE("NCCL model: 1 GB over a ring of 8") {
  // 12 channels of 20 GB/s are 240 on the bus; an all-reduce moves 2 * 7/8 GB over each link, an
  // all-gather 7/8: 137.1 and 274.3 GB/s of the buffer.
  const nccl::NcclGroup group = group_of(a100(1), 8, 1);
  const nccl::Offer all_reduce =
      offer_of(group, Collective::all_reduce, Algorithm::ring, Protocol::simple);
  CHECK(all_reduce.bandwidth == Approx(240.0 * 8.0 / 14.0));
  // 14 steps of 3.4 us and 8.4 us at the start.
  CHECK(all_reduce.latency == Approx(8.4 + 14.0 * 3.4));
  const nccl::Offer all_gather =
      offer_of(group, Collective::all_gather, Algorithm::ring, Protocol::simple);
  CHECK(all_gather.bandwidth == Approx(240.0 * 8.0 / 7.0));
  CHECK(all_gather.latency == Approx(8.4 + 7.0 * 3.4));
  // 1 GB: 56 us + 7.29 ms in NCCL's model; the fabric takes 2.8 times the latency and leaves 0.97
  // of the bandwidth.
  const nccl::CollectiveChoice choice = nccl::choose(group, Collective::all_reduce, 1_GB);
  CHECK(choice.nccl_time.value() * 1e6 == Approx(56.0 + 1e9 / 137142.857));
  CHECK(choice.time.value() * 1e6 == Approx(2.8 * 56.0 + 1e9 / 137142.857 / 0.97));
  // LL: half of 240 against 87.7 at most; LL128: 0.92 of 240.
  CHECK(offer_of(group, Collective::all_reduce, Algorithm::ring, Protocol::ll).bandwidth ==
        Approx(87.7 * 8.0 / 14.0));
  CHECK(offer_of(group, Collective::all_reduce, Algorithm::ring, Protocol::ll128).bandwidth ==
        Approx(0.92 * 240.0 * 8.0 / 14.0));
}

TEST_CASE("NCCL model: the latency of a tree over 64 nodes") {
  // LL on H100: 6.8 us, and twice 7 steps of 0.6 us in the node and 6 levels of 5 us.
  const nccl::NcclGroup group = group_of(h100(64), 512, 64);
  const nccl::Offer& tree = offer_of(group, Collective::all_reduce, Algorithm::tree, Protocol::ll);
  CHECK(tree.latency == Approx(6.8 + 2.0 * (7.0 * 0.6 + 6.0 * 5.0)));
  // A ring of 512: 1022 steps, 126 of them between nodes; 1 us for Intel's CPU where NVLink takes
  // less.
  const nccl::Offer& ring = offer_of(group, Collective::all_reduce, Algorithm::ring, Protocol::ll);
  CHECK(ring.latency == Approx(6.6 + 896.0 * 1.0 + 126.0 * 2.7));
}

TEST_CASE("NCCL model: the NVLS factor") {
  // 8 heads of 40 GB/s at 0.85, 7/8 of it, both ways: 59.5, below the 60 between; 476 on the bus.
  const nccl::NcclGroup one = group_of(h100(1), 8, 1);
  const nccl::Offer nvls =
      offer_of(one, Collective::all_reduce, Algorithm::nvls, Protocol::simple);
  CHECK(nvls.bandwidth * 14.0 / 8.0 == Approx(8.0 * 59.5));
  CHECK(nvls.latency == Approx(25.0));
  // Two nodes: min(59.5, 2 * 48, 57.7) for each channel.
  const nccl::NcclGroup two = group_of(h100(2), 16, 2);
  const nccl::Offer tree =
      offer_of(two, Collective::all_reduce, Algorithm::nvls_tree, Protocol::simple);
  CHECK(tree.bandwidth * 30.0 / 16.0 == Approx(8.0 * 57.7));
  CHECK(tree.latency == Approx(25.0 + 2.0 * 20.9));
}

TEST_CASE("NCCL model: PAT and CollNet") {
  const nccl::NcclGroup lonely = group_of(h100(8), 8, 8);
  const nccl::Offer pat =
      offer_of(lonely, Collective::all_gather, Algorithm::pat, Protocol::simple);
  CHECK(pat.bandwidth == Approx(0.75 * 48.0));
  CHECK(pat.latency == Approx(8.0 + 3.0 * 14.0 / 3.5 + 2.8 * 8.0));
  Cluster cluster = h100(4);
  cluster.system.in_network_reduction = true;
  const nccl::NcclGroup sharp = group_of(cluster, 32, 4);
  // Eight ranks on eight channels: a factor of one; 0.85 on Hopper, halved for the buffer.
  const nccl::Offer direct =
      offer_of(sharp, Collective::all_reduce, Algorithm::collnet_direct, Protocol::simple);
  CHECK(direct.bandwidth == Approx(8.0 * 48.0 * 0.85 / 2.0));
  CHECK(direct.latency == Approx(2.0 * (3.7 + 0.4 * 7.0) + 31.0));
  const nccl::Offer chain =
      offer_of(sharp, Collective::all_reduce, Algorithm::collnet_chain, Protocol::simple);
  CHECK(chain.latency == Approx(2.0 * 7.0 * 2.8 + 30.0));
}

TEST_CASE("NCCL model: the plateau of rings between nodes") {
  // From 64 bytes for each of 8 channels and 16 ranks on the latency counts 1.4 times.
  const nccl::NcclGroup group = group_of(a100(2), 16, 2);
  const nccl::Offer ring =
      offer_of(group, Collective::all_reduce, Algorithm::ring, Protocol::simple);
  CHECK(ring.plateau_from == Approx(64.0 * 8.0 * 16.0));
  CHECK(ring.plateau == Approx(1.4));
  const nccl::Offer one_node =
      offer_of(group_of(a100(1), 8, 1), Collective::all_reduce, Algorithm::ring, Protocol::simple);
  CHECK(one_node.plateau_from == 0.0);
}

TEST_CASE("NCCL model: why an algorithm is off") {
  const nccl::NcclGroup ampere = group_of(a100(1), 8, 1);
  CHECK(std::string(why_off(ampere, Collective::all_reduce, Algorithm::nvls)) ==
        "NVLS needs NVSwitch and Hopper");
  CHECK(std::string(why_off(ampere, Collective::all_reduce, Algorithm::nvls_tree)) ==
        "NVLSTree needs several nodes");
  CHECK(std::string(why_off(ampere, Collective::broadcast, Algorithm::tree)) ==
        "trees do all_reduce only");
  const nccl::NcclGroup hopper = group_of(h100(2), 16, 2);
  CHECK(std::string(why_off(hopper, Collective::all_reduce, Algorithm::nvls)) ==
        "NVLS over nodes needs SHARP");
  CHECK(std::string(why_off(hopper, Collective::all_gather, Algorithm::pat)) ==
        "PAT needs one rank on each of several nodes");
  CHECK(std::string(offer_of(group_of(pcie_pair("ampere"), 2, 1), Collective::all_reduce,
                             Algorithm::ring, Protocol::ll128)
                        .off) == "LL128 needs NVLink inside the node");
}

TEST_CASE("NCCL model: the steps of the curve of 8 H100") {
  // nccl-tests shows 20 us up to 512 KB, 27 at 1 MB, then a jump to 42 at 2 MB, where NVLS begins.
  const nccl::NcclGroup group = group_of(h100(1), 8, 1);
  CHECK(chosen(group, Collective::all_reduce, 512_KiB) == "ring ll");
  CHECK(chosen(group, Collective::all_reduce, 1_MiB) == "ring ll");
  CHECK(chosen(group, Collective::all_reduce, 2_MiB) == "nvls simple");
  CHECK(chosen(group, Collective::all_reduce, 16_GiB) == "nvls simple");
}

TEST_CASE("NCCL model: the steps of the curve of 8 A100") {
  // The slope of the measured curve changes between 1 and 2 MB and again at 32 MB: 74.8, 93.5, 112
  // us, and 226 to 374 us from 16 to 32 MB.
  Cluster cluster = a100(1);
  cluster.system.nccl_version = NcclVersion::v2_16;
  const nccl::NcclGroup group = group_of(cluster, 8, 1);
  CHECK(chosen(group, Collective::all_reduce, 1_MiB) == "ring ll");
  CHECK(chosen(group, Collective::all_reduce, 2_MiB) == "ring ll128");
  CHECK(chosen(group, Collective::all_reduce, 16_MiB) == "ring ll128");
  CHECK(chosen(group, Collective::all_reduce, 32_MiB) == "ring simple");
}

TEST_CASE("NCCL model: two groups on one NIC get half of it each") {
  // Eight GPUs share four NICs of 24 GB/s: a rank alone has one, with its neighbour beside it half
  // of one.
  const Cluster cluster = nvlink_cluster("ampere", 8, 12, 4, 200.0, 2);
  const Routes ready = routes(cluster);
  GroupShape shape = spread_group(cluster, 2, 2);
  const auto bandwidth = [&](std::int64_t siblings) {
    shape.sibling_groups = siblings;
    const nccl::NcclGroup group = nccl::prepare(cluster, ready, shape);
    return offer_of(group, Collective::all_gather, Algorithm::ring, Protocol::simple)
        .real_bandwidth;
  };
  CHECK(bandwidth(4) == Approx(bandwidth(1)));
  // NCCL counts 24 of a NIC's 25 GB/s.
  CHECK(bandwidth(8) == Approx(bandwidth(1) * 25.0 / 24.0 / 2.0).epsilon(0.05));
}

TEST_CASE("NCCL model: oversubscribed uplinks") {
  // Two nodes on two leaves, uplinks a quarter: every byte of the ring crosses them.
  Cluster cluster = a100(2);
  cluster.fabric = {FabricType::fat_tree, 4.0, 1};
  const nccl::NcclGroup thin = group_of(cluster, 16, 2);
  cluster.fabric.oversubscription = 1.0;
  const nccl::NcclGroup full = group_of(cluster, 16, 2);
  const auto ring = [](const nccl::NcclGroup& group) {
    return offer_of(group, Collective::all_gather, Algorithm::ring, Protocol::simple);
  };
  CHECK(ring(thin).real_bandwidth == Approx(ring(full).real_bandwidth / 4.0));
  CHECK(std::strcmp(ring(thin).resource, "leaf uplinks") == 0);
}

TEST_CASE("NCCL model: all-to-all and send-receive by their busiest resource") {
  // 16 A100 on 2 nodes: half of each rank's GB leaves through its NIC, 24 GB/s at 0.89.
  const nccl::CollectiveChoice all_to_all =
      nccl::choose(group_of(a100(2), 16, 2), Collective::all_to_all, 10_GB);
  CHECK((all_to_all.time - all_to_all.latency).value() == Approx(5.0 / (24.0 * 0.89)));
  CHECK(std::string(all_to_all.bottleneck) == "NIC");
  // In a node: one GB over 240 GB/s at 0.97.
  const nccl::CollectiveChoice pair =
      nccl::choose(group_of(a100(1), 8, 1), Collective::send_recv, 10_GB);
  CHECK((pair.time - pair.latency).value() == Approx(10.0 / (240.0 * 0.97)));
}

TEST_CASE("NCCL model: NCCL_ALGO and NCCL_PROTO") {
  Cluster cluster = h100(1);
  cluster.system.nccl_algorithm = NcclAlgorithmSetting::tree;
  CHECK(chosen(group_of(cluster, 8, 1), Collective::all_reduce, 1_GiB) == "tree simple");
  // What an all-gather cannot do is not asked of it.
  CHECK(chosen(group_of(cluster, 8, 1), Collective::all_gather, 1_GiB) == "ring simple");
  cluster.system.nccl_protocol = NcclProtocolSetting::ll;
  CHECK(chosen(group_of(cluster, 8, 1), Collective::all_reduce, 1_GiB) == "tree ll");
}

TEST_CASE("NCCL model: settings and NCCL's tables go by the order of the methods") {
  REQUIRE(nccl::methods().size() >= nccl::algorithm_count);
  for (std::size_t i = 0; i < nccl::algorithm_count; ++i) {
    CHECK(nccl::methods()[i]->algorithm == static_cast<Algorithm>(i));
    CHECK_FALSE(nccl::methods()[i]->on_request);
  }
  const auto named = [](NcclAlgorithmSetting setting) {
    return std::string(nccl::methods()[static_cast<std::size_t>(setting) - 1]->name);
  };
  CHECK(named(NcclAlgorithmSetting::ring) == "ring");
  CHECK(named(NcclAlgorithmSetting::collnet_chain) == "collnet_chain");
  CHECK(named(NcclAlgorithmSetting::pat) == "pat");
}

TEST_CASE("NCCL model: a group of one costs nothing, one without a network never ends") {
  CHECK(nccl::choose(group_of(h100(1), 1, 1), Collective::all_reduce, 1_GB).time.value() == 0.0);
  CHECK(nccl::choose(group_of(h100(1), 8, 1), Collective::all_reduce, Bytes{0.0}).time.value() ==
        0.0);
  Cluster cluster = h100(2);
  cluster.system.nics_per_node = 0;
  CHECK(std::isinf(
      nccl::choose(group_of(cluster, 16, 2), Collective::all_reduce, 1_GB).time.value()));
  CHECK(std::isinf(
      nccl::choose(group_of(cluster, 16, 2), Collective::all_to_all, 1_GB).time.value()));
}
