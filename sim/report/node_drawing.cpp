// One node as a drawing: NVLinks above the GPUs, PCIe and NICs below.
#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "sim/report/display.hpp"
#include "sim/report/topology_report.hpp"
#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

// A PCIe switch, or a CPU with slots of its own: a column of the drawing.
struct Column {
  std::string name;
  std::int64_t cpu = 0;
  std::vector<std::int64_t> gpus, nics, leaves;
  std::size_t left = 0, width = 0;  // in columns of text
  [[nodiscard]] std::size_t middle() const { return left + width / 2; }
};

// Widths of a GPU and of a column; the narrow ones for nodes of many GPUs, which show numbers only.
struct Widths {
  std::size_t gpu = 7;      // "GPU 10 "
  std::size_t column = 12;  // "NIC 12–15  "
};
constexpr Widths narrow{4, 9};
constexpr std::size_t label_gap = 3;
constexpr std::size_t label_width = 20;
constexpr std::size_t margin = 2;
constexpr std::size_t sockets_width = 98;

// "NIC 0", "NIC 0, 1", "NIC 0–3".
std::string numbers(const char* word, const std::vector<std::int64_t>& list) {
  if (list.empty()) return {};
  if (list.size() == 1) return fmt::format("{} {}", word, list.front());
  if (list.size() == 2) return fmt::format("{} {}, {}", word, list.front(), list.back());
  return fmt::format("{} {}–{}", word, list.front(), list.back());
}

// A line that is written in places.
class Line {
 public:
  void put(std::size_t at, const std::string& text) {
    const std::size_t end = display_width(text_);
    if (at > end) text_ += std::string(at - end, ' ');
    text_ += text;
  }
  void centered(std::size_t middle, const std::string& text) {
    const std::size_t half = display_width(text) / 2;
    put(middle > half ? middle - half : 0, text);
  }
  [[nodiscard]] std::string take() { return std::move(text_) + '\n'; }

 private:
  std::string text_;
};

std::string repeated(const char* piece, std::size_t times) {
  std::string text;
  for (std::size_t i = 0; i < times; ++i) text += piece;
  return text;
}

class Drawing {
 public:
  Drawing(const System& system, const Cluster& cluster, Widths widths)
      : system_(system), widths_(widths) {
    Cluster healthy = cluster;
    healthy.failed.clear();
    healthy.degraded.clear();
    const ClusterGraph graph(healthy);
    read(graph);
  }

  [[nodiscard]] std::size_t width() const { return right_; }

  [[nodiscard]] std::string draw() const {
    std::string text = nvlinks() + gpus();
    if (columns_.empty()) return text;
    text += slots();
    Line names, nics, leaves;
    bool any_nic = false;
    for (const Column& column : columns_) {
      names.centered(column.middle(), column.name);
      if (column.nics.empty()) continue;
      any_nic = true;
      nics.centered(column.middle(), numbers("NIC", column.nics));
      leaves.centered(column.middle(), "→ " + numbers("leaf", column.leaves));
    }
    text += names.take();
    if (any_nic) {
      nics.put(right_ + label_gap, to_bit_rate_text(*system_.nic_bandwidth) + " a NIC");
      text += nics.take() + leaves.take();
    }
    return text + sockets();
  }

 private:
  void read(const ClusterGraph& graph) {
    const std::vector<Part>& parts = graph.parts();
    std::vector<std::size_t> places;  // of columns, as parts
    const auto column_of = [&](std::size_t part) -> Column& {
      const auto known = std::find(places.begin(), places.end(), part);
      if (known != places.end()) return columns_[static_cast<std::size_t>(known - places.begin())];
      places.push_back(part);
      const bool cpu = parts[part].kind == PartKind::cpu;
      columns_.push_back({fmt::format("{} {}", cpu ? "CPU" : "PCIe", parts[part].index),
                          cpu ? parts[part].index : 0,
                          {},
                          {},
                          {},
                          0,
                          0});
      return columns_.back();
    };
    for (const PartLink& link : graph.part_links()) {
      const Part &from = parts[link.from], &to = parts[link.to];
      if (from.owner != 0) continue;
      if (link.kind == LinkKind::socket) socket_ = link.bandwidth;
      if (link.kind != LinkKind::pcie) continue;
      slot_ = link.bandwidth;
      if (from.kind == PartKind::gpu) column_of(link.to).gpus.push_back(from.index);
      if (from.kind == PartKind::nic) column_of(link.to).nics.push_back(from.index);
      if (from.kind == PartKind::pcie_switch) column_of(link.from).cpu = to.index;
    }
    for (const PartLink& link : graph.part_links()) {
      if (link.kind != LinkKind::network || parts[link.from].owner != 0) continue;
      for (Column& column : columns_) {
        const bool here =
            std::count(column.nics.begin(), column.nics.end(), parts[link.from].index) > 0;
        const std::int64_t leaf = parts[link.to].index;
        if (here && std::count(column.leaves.begin(), column.leaves.end(), leaf) == 0)
          column.leaves.push_back(leaf);
      }
    }
    std::size_t left = margin;
    for (Column& column : columns_) {
      column.left = left;
      column.width = std::max({widths_.gpu * column.gpus.size(), widths_.column,
                               display_width(numbers("NIC", column.nics)) + 2,
                               display_width(numbers("leaf", column.leaves)) + 3});
      left += column.width;
    }
    right_ = left;
  }

  // The middle of the i-th GPU of a column.
  [[nodiscard]] std::size_t gpu_middle(const Column& column, std::size_t i) const {
    const std::size_t used = widths_.gpu * column.gpus.size();
    return column.left + (column.width - used + 1) / 2 + i * widths_.gpu + widths_.gpu / 2;
  }

  [[nodiscard]] std::vector<std::size_t> gpu_middles() const {
    std::vector<std::size_t> middles;
    for (const Column& column : columns_) {
      for (std::size_t i = 0; i < column.gpus.size(); ++i) middles.push_back(gpu_middle(column, i));
    }
    return middles;
  }

  [[nodiscard]] std::string link_words() const {
    switch (system_.intra_node) {
      case IntraNode::nvswitch: {
        const std::int64_t planes = std::max<std::int64_t>(1, system_.nvswitch_planes);
        std::string words = planes > 1 ? fmt::format("{} NVSwitches", planes) : "NVSwitch";
        if (system_.gpus_per_nvlink_domain > system_.gpus_per_node)
          words += fmt::format(" of {} GPUs", system_.gpus_per_nvlink_domain);
        return words;
      }
      case IntraNode::nvlink_mesh:
        return "NVLink mesh";
      case IntraNode::nvlink_bridge:
        return "NVLink bridges, in pairs";
      case IntraNode::pcie:
        break;
    }
    return {};
  }

  [[nodiscard]] std::string nvlinks() const {
    const std::vector<std::size_t> middles = gpu_middles();
    const std::string words = link_words();
    if (words.empty() || middles.empty()) return {};
    std::string right = to_text(*system_.link_bandwidth) + " a GPU";
    Line top, stems;
    if (middles.size() == 1) {
      right = words + ", " + right;
    } else {
      const std::size_t inner = middles.back() - middles.front() - 1;
      std::string label = " " + words + " ";
      if (display_width(label) + 4 > inner) {
        right = words + ", " + right;
        label.clear();
      }
      const std::size_t bars = inner - display_width(label);
      top.put(middles.front(),
              "╔" + repeated("═", bars / 2) + label + repeated("═", bars - bars / 2) + "╗");
    }
    top.put(right_ + label_gap, right);
    for (const std::size_t middle : middles) stems.put(middle, "║");
    return top.take() + stems.take();
  }

  [[nodiscard]] std::string gpus() const {
    Line line;
    for (const Column& column : columns_) {
      for (std::size_t i = 0; i < column.gpus.size(); ++i)
        line.centered(gpu_middle(column, i), widths_.gpu == narrow.gpu
                                                 ? std::to_string(column.gpus[i])
                                                 : fmt::format("GPU {}", column.gpus[i]));
    }
    if (widths_.gpu == narrow.gpu) line.put(right_ + label_gap, "GPUs");
    return line.take();
  }

  [[nodiscard]] std::string slots() const {
    Line line;
    for (const Column& column : columns_) {
      if (column.gpus.empty()) continue;
      if (column.gpus.size() == 1) {
        line.put(gpu_middle(column, 0), "│");
        continue;
      }
      const std::size_t from = gpu_middle(column, 0);
      const std::size_t to = gpu_middle(column, column.gpus.size() - 1);
      const std::size_t middle = std::clamp(column.middle(), from + 1, to - 1);
      line.put(from,
               "└" + repeated("─", middle - from - 1) + "┬" + repeated("─", to - middle - 1) + "┘");
    }
    line.put(right_ + label_gap, to_text(slot_) + " a slot");
    return line.take();
  }

  // "CPU 0: PCIe 0, 1 ═ 440 GB/s ═ CPU 1: PCIe 2, 3".
  [[nodiscard]] std::string sockets() const {
    std::int64_t count = 0;
    for (const Column& column : columns_) count = std::max(count, column.cpu + 1);
    if (count < 2) return {};
    std::string text;
    for (std::int64_t cpu = 0; cpu < count; ++cpu) {
      std::string list;
      for (const Column& column : columns_) {
        if (column.cpu == cpu && column.name.rfind("PCIe", 0) == 0)
          list += (list.empty() ? ": " : ", ") + column.name;
      }
      if (cpu > 0) text += count == 2 ? fmt::format(" ══ {} ══ ", to_text(socket_)) : "; ";
      text += unbroken(fmt::format("CPU {}{}", cpu, list));
    }
    if (count > 2) text += fmt::format("; {} from CPU to CPU", unbroken(to_text(socket_)));
    return wrap(text, std::max(right_ + label_gap + label_width, sockets_width), "  ", "  ") + '\n';
  }

  const System& system_;
  Widths widths_;
  std::vector<Column> columns_;
  BytesPerSecond slot_, socket_;
  std::size_t right_ = 0;
};

}  // namespace

std::string node_drawing(const System& system, const Cluster& cluster, std::size_t width) {
  for (const Widths widths : {Widths{}, narrow}) {
    const Drawing drawing(system, cluster, widths);
    if (drawing.width() + label_gap + label_width <= width) return drawing.draw();
  }
  // Too many GPUs for a drawing: in words.
  std::string text = fmt::format("{} GPUs, {} at {} a GPU; {} NICs of {}", system.gpus_per_node,
                                 to_string(system.intra_node), to_text(*system.link_bandwidth),
                                 system.nics_per_node, to_bit_rate_text(*system.nic_bandwidth));
  return wrap(text, width, "  ", "  ") + '\n';
}

}  // namespace lockstep
