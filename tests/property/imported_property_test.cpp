// A dump with less in it is never faster.
#include "tests/support/nccl_cluster.hpp"
#include "tests/support/nccl_dump.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

std::string with_all(std::string text, const std::string& from, const std::string& to) {
  for (std::size_t at = text.find(from); at != std::string::npos;
       at = text.find(from, at + to.size()))
    text.replace(at, from.size(), to);
  return text;
}

double time_of(const std::string& topology, Collective collective, std::int64_t nodes,
               double bytes) {
  Cluster cluster = h100(nodes);
  cluster.imported.topology = parse_nccl_topology(topology, "t.xml");
  return nccl::choose(group_of(cluster, 8 * nodes, nodes), collective, Bytes{bytes}).time.value();
}

}  // namespace

TEST_CASE(
    "imported: fewer NVLinks, slower NICs and narrower slots never make a collective faster") {
  const std::string whole = dump_text("dgx_h100.topology.xml");
  const std::vector<std::string> lesser = {
      with_all(whole, "count=\"5\"", "count=\"3\""),
      with_all(with_all(whole, "count=\"5\"", "count=\"1\""), "count=\"4\"", "count=\"1\""),
      with_all(whole, "speed=\"400000\"", "speed=\"200000\""),
      with_all(whole, "link_speed=\"32.0 GT/s PCIe\"", "link_speed=\"8.0 GT/s PCIe\"")};
  for (const Collective collective : all_collectives) {
    for (const std::int64_t nodes : {1, 2, 16}) {
      const double before = time_of(whole, collective, nodes, 4e9);
      for (const std::string& less : lesser)
        CHECK(time_of(less, collective, nodes, 4e9) >= before * (1.0 - 1e-9));
    }
  }
}

TEST_CASE("imported: the order of the GPUs in a dump with NVSwitch does not matter") {
  const std::string whole = dump_text("dgx_h100.topology.xml");
  std::string turned = whole;
  for (int dev = 0; dev < 8; ++dev)
    turned = with_all(turned, "<gpu dev=\"" + std::to_string(dev) + "\"",
                      "<gpu dev=\"1" + std::to_string(7 - dev) + "\"");
  for (const std::int64_t nodes : {1, 2})
    CHECK(time_of(turned, Collective::all_reduce, nodes, 4e9) ==
          Approx(time_of(whole, Collective::all_reduce, nodes, 4e9)));
}
