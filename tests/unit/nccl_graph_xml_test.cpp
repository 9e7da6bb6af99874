// What does a dump of NCCL_GRAPH_DUMP_FILE say of the channels, and how is a wrong one refused?
#include "tests/support/nccl_dump.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

std::string complaints(const std::string& xml) {
  try {
    (void)parse_nccl_graphs(xml, "g.xml");
  } catch (const InputError& error) {
    return error.what();
  }
  return {};
}

std::string graph(const std::string& changed) {
  return "<graphs version=\"1\">\n<graph id=\"0\" pattern=\"4\" crossnic=\"0\" " + changed +
         " typeinter=\"PIX\" samechannels=\"0\">\n<channel><gpu dev=\"0\" "
         "rank=\"0\"/></channel></graph>\n</graphs>\n";
}

const std::string good = "nchannels=\"1\" speedintra=\"20\" speedinter=\"20\" typeintra=\"NVL\"";

}  // namespace

TEST_CASE("graph dump: every pattern by its id") {
  const nccl::ImportedGraphs dump = graph_file_of("h100_nodes.graphs.xml");
  CHECK(dump.ranks_on_node == 8);
  CHECK(dump.several_nodes);
  CHECK(dump.graphs.ring.channels == 8);
  CHECK(dump.graphs.ring.inside == 48.0);
  CHECK(dump.graphs.ring.across == 48.0);
  CHECK(dump.graphs.ring.cross_nic == 2);
  CHECK_FALSE(dump.graphs.ring.same_channels);
  CHECK(dump.graphs.nvls.channels == 8);
  CHECK(dump.graphs.nvls.inside == 40.0);
  CHECK(dump.graphs.nvls.same_channels);
  CHECK(dump.has_collnet_chain);
  CHECK(dump.graphs.collnet_chain.channels == 0);
  CHECK(dump.graphs.path_inside == nccl::PathType::nvlink);
  CHECK(dump.graphs.path_across == nccl::PathType::pcie_switch);  // PXB
  CHECK_FALSE(graph_file_of("h100_one_node.graphs.xml").several_nodes);
}

TEST_CASE("graph dump: a plain tree, and graphs that are not there") {
  const nccl::ImportedGraphs dump = graph_file_of("pcie_pair.graphs.xml");
  CHECK(dump.ranks_on_node == 2);
  CHECK_FALSE(dump.graphs.ring.plain_tree);
  CHECK(dump.graphs.tree.plain_tree);
  CHECK_FALSE(dump.has_nvls);
  CHECK(dump.graphs.path_inside == nccl::PathType::host_bridge);
}

TEST_CASE("graph dump: older files lack latencyinter, newer ones have more") {
  REQUIRE(complaints(graph(good)).empty());
  const nccl::ImportedGraphs dump = parse_nccl_graphs(
      "<graphs version=\"1\"><news/>" + graph(good + " later=\"7\"").substr(20), "g.xml");
  CHECK(dump.graphs.ring.across_latency == 0.0);
  const std::string text = dump_text("h100_nodes.graphs.xml");
  const std::size_t id = text.find("id=\"4\"");
  const nccl::ImportedGraphs other =
      parse_nccl_graphs(text.substr(0, id) + "id=\"7\"" + text.substr(id + 6), "g.xml");
  CHECK(other.notes == std::vector<std::string>{"ignored: the graph with id 7"});
  CHECK_FALSE(other.has_collnet_direct);
}

TEST_CASE("graph dump: what is no such file") {
  CHECK(complaints(dump_text("rtx2080ti_pair.topology.xml")) ==
        "g.xml:1:2: error[E220]: an NCCL graph file begins with <graphs>, not with <system>\n"
        "    1 | <system version=\"1\">\n      |  ^~~~~~\n"
        "      = hint: this is a topology file: give it as --nccl-topology, or the key "
        "nccl_topology of a\n"
        "              cluster\n");
  CHECK(complaints("<graphs version=\"1\"/>") ==
        "g.xml:1:2: error[E221]: no <channel> names a <gpu>\n    1 | <graphs version=\"1\"/>\n     "
        " |  ^~~~~~\n"
        "      = hint: the shape of the groups that the graphs are for follows from it\n");
}

TEST_CASE("graph dump: counts, speeds and path types that cannot be") {
  const auto marked = [](const std::string& xml, const std::string& value) {
    const std::string line = xml.substr(xml.find('\n') + 1, xml.find('\n', 21) - 21);
    const std::size_t column = line.find(value);
    return std::pair(line, column);
  };
  const auto expected = [&](const std::string& xml, const std::string& value,
                            const std::string& message, const std::string& hint) {
    const auto [line, column] = marked(xml, "\"" + value + "\"");
    return "g.xml:2:" + std::to_string(column + 2) + ": error[E222]: " + message + "\n    2 | " +
           (line.size() > 92 ? line.substr(0, 91) + "…" : line) + "\n      | " +
           std::string(column + 1, ' ') + "^" + std::string(value.size() - 1, '~') +
           "\n      = hint: " + hint + "\n";
  };
  const std::string many =
      graph("nchannels=\"4000\" speedintra=\"20\" speedinter=\"20\" typeintra=\"NVL\"");
  CHECK(complaints(many).substr(
            0, expected(many, "4000", "'nchannels' cannot be '4000'", "a whole number from 0 to 64")
                   .size()) ==
        expected(many, "4000", "'nchannels' cannot be '4000'", "a whole number from 0 to 64"));
  const std::string two =
      graph("nchannels=\"2\" speedintra=\"20\" speedinter=\"20\" typeintra=\"NVL\"");
  CHECK(complaints(two) ==
        expected(two, "2", "'nchannels' is 2, but 1 <channel> follows", "is the file complete?"));
  const std::string still =
      graph("speedintra=\"0.0\" nchannels=\"1\" speedinter=\"0\" typeintra=\"NVL\"");
  CHECK(complaints(still) == expected(still, "0.0", "a graph with channels has no speed",
                                      "NCCL writes speedintra and speedinter in GB/s"));
  const std::string typed =
      graph("typeintra=\"LASER\" nchannels=\"1\" speedintra=\"20\" speedinter=\"20\"");
  CHECK(complaints(typed).substr(
            0, expected(typed, "LASER", "'typeintra' cannot be 'LASER'",
                        "one of: LOC, NVL, NVB, C2C, PIX, PXB, P2C, PXN, PHB, SYS, NET, DIS")
                   .size()) ==
        expected(typed, "LASER", "'typeintra' cannot be 'LASER'",
                 "one of: LOC, NVL, NVB, C2C, PIX, PXB, P2C, PXN, PHB, SYS, NET, DIS"));
  const std::string nan =
      graph("speedintra=\"nan\" nchannels=\"1\" speedinter=\"20\" typeintra=\"NVL\"");
  CHECK_THAT(complaints(nan),
             Matchers::StartsWith(
                 expected(nan, "nan", "'speedintra' cannot be 'nan'", "a number from 0 to 10000")));
}

TEST_CASE("graph dump: two dumps in one") {
  const std::string one = graph(good);
  const std::size_t end = one.find("</graphs>");
  const std::string inner = one.substr(21, end - 21);
  CHECK(complaints(one.substr(0, end) + inner + "</graphs>\n") ==
        "g.xml:4:2: error[E223]: a second graph with id 0\n    4 | " +
            one.substr(21, one.find('\n', 21) - 21).substr(0, 91) + "…\n      |  ^~~~~\n" +
            "      = hint: one file holds one dump\n");
}
