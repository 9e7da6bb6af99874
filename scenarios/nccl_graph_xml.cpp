// A graph dump: the channels of each pattern as NCCL found them.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <set>

#include "scenarios/nccl_xml.hpp"
#include "scenarios/utf8.hpp"
#include "scenarios/xml_reader.hpp"

namespace lockstep {
namespace {

using nccl::PathType;

constexpr const char* topology_hint =
    "this is a topology file: give it as --nccl-topology, or the key nccl_topology of a cluster";
constexpr std::int64_t most_channels = 64;  // MAXCHANNELS
constexpr std::int64_t plain_tree_pattern = 3;
constexpr double fastest = 10'000.0;  // GB/s

struct TypeName {
  const char* name;
  PathType type;
};
constexpr std::array<TypeName, 12> type_names = {{{"LOC", PathType::local},
                                                  {"NVL", PathType::nvlink},
                                                  {"NVB", PathType::nvlink},
                                                  {"C2C", PathType::chip_to_chip},
                                                  {"PIX", PathType::pcie_switch},
                                                  {"PXB", PathType::pcie_switch},
                                                  {"P2C", PathType::peer_nic},
                                                  {"PXN", PathType::peer_nic},
                                                  {"PHB", PathType::host_bridge},
                                                  {"SYS", PathType::socket},
                                                  {"NET", PathType::network},
                                                  {"DIS", PathType::network}}};

PathType path_type(XmlAttributes& attributes, const char* name) {
  const std::string text = attributes.text(name);
  if (text.empty()) return PathType::local;
  std::string all;
  for (const TypeName& known : type_names) {
    if (text == known.name) return known.type;
    all += (all.empty() ? "" : ", ") + std::string(known.name);
  }
  attributes.wrong(name, fmt::format("'{}' cannot be '{}'", name, shortened(text)),
                   "one of: " + all);
  return PathType::local;
}

class Reader {
 public:
  explicit Reader(std::vector<Diagnostic>& problems) : problems_(problems) {}

  nccl::ImportedGraphs read(const XmlElement& root) {
    for (const XmlElement& child : root.children) {
      if (child.name == "graph") graph(child);
    }
    result_.ranks_on_node = static_cast<std::int64_t>(gpus_.size());
    if (problems_.empty() && gpus_.empty())
      problems_.push_back(
          diagnose(root.where, "E221", "no <channel> names a <gpu>",
                   "the shape of the groups that the graphs are for follows from it"));
    return std::move(result_);
  }

 private:
  void graph(const XmlElement& element) {
    const std::size_t before = problems_.size();
    XmlAttributes attributes(element, problems_);
    const std::int64_t id = attributes.whole("id", 0, 1000);
    nccl::Graph graph;
    graph.channels = attributes.whole("nchannels", 0, most_channels);
    graph.plain_tree = attributes.whole("pattern", 1, 100) == plain_tree_pattern;
    graph.cross_nic = attributes.whole("crossnic", 0, 2);
    graph.inside = attributes.number("speedintra", 0.0, fastest);
    graph.across = attributes.number("speedinter", 0.0, fastest);
    graph.across_latency = attributes.number("latencyinter", 0.0, 1e6, 0.0);
    graph.same_channels = attributes.whole("samechannels", 0, 1) == 1;
    const PathType inside = path_type(attributes, "typeintra");
    const PathType across = path_type(attributes, "typeinter");
    if (problems_.size() > before) return;
    channels(element, attributes, graph);
    keep(element, id, graph);
    // NCCL's rule of LL128 looks at the path of each graph; the ring's comes first in the file.
    if (graph.channels > 0 && (id == 0 || (id == 1 && !result_.has_ring))) {
      result_.graphs.path_inside = inside;
      result_.graphs.path_across = across;
    }
  }

  void channels(const XmlElement& element, XmlAttributes& attributes, const nccl::Graph& graph) {
    std::int64_t count = 0;
    for (const XmlElement& channel : element.children) {
      if (channel.name != "channel") continue;
      ++count;
      for (const XmlElement& device : channel.children) {
        XmlAttributes of_device(device, problems_);
        if (device.name == "gpu") gpus_.insert(of_device.whole("dev", 0, 4096));
        if (device.name == "net") result_.several_nodes = true;
      }
    }
    if (count != graph.channels)
      attributes.wrong("nchannels",
                       fmt::format("'nchannels' is {}, but {} <channel> follow{}", graph.channels,
                                   count, count == 1 ? "s" : ""),
                       "is the file complete?");
    if (graph.channels > 0 && graph.inside <= 0.0 && graph.across <= 0.0)
      attributes.wrong("speedintra", "a graph with channels has no speed",
                       "NCCL writes speedintra and speedinter in GB/s");
  }

  void keep(const XmlElement& element, std::int64_t id, const nccl::Graph& graph) {
    struct Slot {
      bool& has;
      nccl::Graph& graph;
    };
    const std::array<Slot, 5> slots = {
        {{result_.has_ring, result_.graphs.ring},
         {result_.has_tree, result_.graphs.tree},
         {result_.has_collnet_chain, result_.graphs.collnet_chain},
         {result_.has_nvls, result_.graphs.nvls},
         {result_.has_collnet_direct, result_.graphs.collnet_direct}}};
    if (id >= static_cast<std::int64_t>(slots.size())) {
      result_.notes.push_back(fmt::format("ignored: the graph with id {}", id));
      return;
    }
    const Slot& slot = slots[static_cast<std::size_t>(id)];
    if (slot.has) {
      problems_.push_back(diagnose(element.where, "E223",
                                   fmt::format("a second graph with id {}", id),
                                   "one file holds one dump"));
      return;
    }
    slot.has = true;
    slot.graph = graph;
  }

  std::vector<Diagnostic>& problems_;
  nccl::ImportedGraphs result_;
  std::set<std::int64_t> gpus_;
};

}  // namespace

nccl::ImportedGraphs parse_nccl_graphs(const std::string& xml, const std::string& file_name) {
  std::vector<Diagnostic> problems;
  const auto source = std::make_shared<const SourceText>(file_name, xml, Origin::scenario);
  const std::optional<XmlElement> root = parse_xml(source, problems);
  nccl::ImportedGraphs result;
  if (root && is_root(*root, "graphs", "an NCCL graph file", "system", topology_hint, problems))
    result = Reader(problems).read(*root);
  if (!problems.empty()) throw InputError(std::move(problems));
  result.file = file_name;
  return result;
}

}  // namespace lockstep
