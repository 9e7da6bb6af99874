// Who sends how much to whom in one flow, seen from one GPU. Shared by link_load.cpp alone.
#pragma once

#include <algorithm>
#include <cstdint>
#include <numeric>

#include "topology/link_load.hpp"

namespace lockstep {

// GPUs [begin, end).
struct GpuRange {
  std::int64_t begin = 0, end = 0;
  [[nodiscard]] bool holds(std::int64_t gpu) const { return begin <= gpu && gpu < end; }
};

inline GpuRange common(const GpuRange& a, const GpuRange& b) {
  const std::int64_t begin = std::max(a.begin, b.begin);
  return {begin, std::max(begin, std::min(a.end, b.end))};
}

// How many GPUs the units of the cluster hold; GPUs fill them in order.
struct UnitSizes {
  std::int64_t gpus = 1;  // in use
  std::int64_t domain = 1;
  std::int64_t node = 1;
  std::int64_t leaf = 1;  // nodes_per_leaf nodes; all GPUs where there is one leaf
  std::int64_t pod = 1;   // leaves under one layer of spines; all GPUs without cores

  [[nodiscard]] static GpuRange around(std::int64_t gpu, std::int64_t size) {
    return {gpu / size * size, (gpu / size + 1) * size};
  }
  [[nodiscard]] bool same(std::int64_t a, std::int64_t b, std::int64_t size) const {
    return a / size == b / size;
  }
  // Switch layers that traffic climbs: 0 stays at the leaf, 1 passes a spine, 2 a core.
  [[nodiscard]] int climb(std::int64_t a, std::int64_t b) const {
    return same(a, b, leaf) ? 0 : same(a, b, pod) ? 1 : 2;
  }
};

// The group that one GPU belongs to: members first + k * step, k in [0, count).
struct FlowGroup {
  std::int64_t count = 0;  // 0: the GPU takes no part
  std::int64_t first = 0;
  std::int64_t step = 1;
  std::int64_t own = 0;  // k of the GPU

  FlowGroup(const Flow& flow, std::int64_t gpus, std::int64_t gpu) {
    const std::int64_t block = flow.degree * flow.stride;
    const std::int64_t number = gpu / block;
    if ((number + 1) * block > gpus) return;
    const std::int64_t place = gpu % block / flow.stride;
    first = number * block + gpu % flow.stride;
    step = flow.stride;
    own = place;
    if (!flow.ends_only) {
      count = flow.degree;
    } else if (place == 0 || place == flow.degree - 1) {
      count = 2;
      step = flow.stride * (flow.degree - 1);
      own = place == 0 ? 0 : 1;
    }
  }

  [[nodiscard]] std::int64_t gpu(std::int64_t k) const { return first + k * step; }
  // Members below a GPU.
  [[nodiscard]] std::int64_t below(std::int64_t limit) const {
    if (limit <= first) return 0;
    return std::min(count, (limit - first + step - 1) / step);
  }
  [[nodiscard]] std::int64_t count_in(const GpuRange& range) const {
    return below(range.end) - below(range.begin);
  }
};

// Calls of `sink` for what `gpu` sends and receives:
//   inside(from, to, bytes, ranks)   within an NVLink (or PCIe) domain, `ranks` of the group in it
//   host(from, to, bytes)            between domains of one node
//   out(gpu, bytes, climb), in(gpu, bytes, climb)   through the NICs
// Transfers inside a node are told by their sender alone.
template <class Sink>
class FlowTraffic {
 public:
  FlowTraffic(const Flow& flow, const UnitSizes& units, Sink& sink)
      : flow_(flow), units_(units), sink_(sink) {}

  void visit(std::int64_t gpu) {
    const FlowGroup group(flow_, units_.gpus, gpu);
    if (group.count < 2) return;
    if (flow_.collective == Collective::send_recv) {
      send_recv(group, gpu);
    } else if (flow_.collective == Collective::all_to_all) {
      all_to_all(group, gpu);
    } else {
      ring(group, gpu);
    }
  }

 private:
  // Members [low, low + ranks) of a group that lie in one domain.
  struct Span {
    std::int64_t low, ranks;
  };
  [[nodiscard]] Span span(const FlowGroup& group, std::int64_t k) const {
    const GpuRange domain = UnitSizes::around(group.gpu(k), units_.domain);
    return {group.below(domain.begin), group.count_in(domain)};
  }

  // Ring in rank order. With V = bus_factor * bytes over every edge and r members in the domain,
  //   all in one domain:  V from each member to the next, around
  //   else:               V (r - 1) / r to the next member of the domain, around, and V / r to the
  //                       next domain
  // because NCCL runs as many rings as the domain has members or NICs, each leaving by another
  // one (ring c leaves by member c mod r, having come in by the one after it), and each carries its
  // share. Source: bus_factor(); NCCL src/graph/rings.cc, connect.cc; J. Hu et al., "Demystifying
  // NCCL", 2025, section 5. Holds for sizes that fill all rings. Ignores trees and NVLS (an NVLS
  // all_reduce inside a domain sends (n + 1) / n instead of 2 (n - 1) / n over a GPU's link), and
  // the hop over NVLink to the GPU beside the right rail (PXN). broadcast and reduce are counted as
  // if the ring closed: one of its n edges is idle.
  void ring(const FlowGroup& group, std::int64_t gpu) {
    const double edge =
        flow_.calls * bus_factor(flow_.collective, group.count) * flow_.bytes.value();
    const Span here = span(group, group.own);
    const auto next_inside = [&](std::int64_t k) {
      return group.gpu(here.low + (k + 1 - here.low) % here.ranks);
    };
    if (here.ranks == group.count) {
      sink_.inside(gpu, next_inside(group.own), edge, here.ranks);
      return;
    }
    const auto r = static_cast<double>(here.ranks);
    if (here.ranks > 1) sink_.inside(gpu, next_inside(group.own), edge * (r - 1) / r, here.ranks);
    const Span next = span(group, (here.low + here.ranks) % group.count);
    const Span previous = span(group, (here.low + group.count - 1) % group.count);
    const std::int64_t place = group.own - here.low;

    // Ring c: from member c mod r of a domain to member (c + 1) mod r' of the next.
    const std::int64_t out_rings = std::lcm(here.ranks, next.ranks);
    for (std::int64_t c = place; c < out_rings; c += here.ranks) {
      const std::int64_t to = group.gpu(next.low + (c + 1) % next.ranks);
      send(gpu, to, edge / static_cast<double>(out_rings));
    }
    const std::int64_t in_rings = std::lcm(here.ranks, previous.ranks);
    for (std::int64_t c = (place + here.ranks - 1) % here.ranks; c < in_rings; c += here.ranks) {
      const std::int64_t from = group.gpu(previous.low + c % previous.ranks);
      receive(from, gpu, edge / static_cast<double>(in_rings));
    }
  }

  // Every member sends bytes / n to each of the n - 1 others. Source: nccl-tests, src/alltoall.cu.
  // Those outside the node go through the sender's NICs; PXN, which gathers what goes to one rail
  // on one GPU, is ignored.
  void all_to_all(const FlowGroup& group, std::int64_t gpu) {
    const double each = flow_.calls * flow_.bytes.value() / static_cast<double>(group.count);
    const GpuRange domain = UnitSizes::around(gpu, units_.domain);
    const GpuRange node = UnitSizes::around(gpu, units_.node);
    const GpuRange near{std::min(domain.begin, node.begin), std::max(domain.end, node.end)};
    const std::int64_t in_domain = group.count_in(domain);
    for (std::int64_t k = group.below(near.begin); k < group.below(near.end); ++k) {
      if (k == group.own) continue;
      if (domain.holds(group.gpu(k))) {
        sink_.inside(gpu, group.gpu(k), each, in_domain);
      } else if (node.holds(group.gpu(k))) {
        sink_.host(gpu, group.gpu(k), each);
      }
    }
    std::int64_t counted = group.count_in(near);
    const GpuRange layers[] = {UnitSizes::around(gpu, units_.leaf),
                               UnitSizes::around(gpu, units_.pod),
                               {0, std::max<std::int64_t>(units_.gpus, near.end)}};
    for (int climb = 0; climb < 3; ++climb) {
      const GpuRange& layer = layers[climb];
      const std::int64_t reached =
          group.count_in(layer) - group.count_in(common(layer, near)) + group.count_in(near);
      if (reached <= counted) continue;
      const double bytes = each * static_cast<double>(reached - counted);
      sink_.out(gpu, bytes, climb);
      sink_.in(gpu, bytes, climb);
      counted = reached;
    }
  }

  // Neighbours in the chain: calls * bytes onward and as many back (activations and their
  // gradients); from the last member to the first and back, wrap_calls * bytes.
  void send_recv(const FlowGroup& group, std::int64_t gpu) {
    const double bytes = flow_.bytes.value();
    const auto exchange = [&](std::int64_t k, double calls) {
      if (calls <= 0) return;
      send(gpu, group.gpu(k), calls * bytes);
      receive(group.gpu(k), gpu, calls * bytes);
    };
    if (group.own + 1 < group.count) exchange(group.own + 1, flow_.calls);
    if (group.own > 0) exchange(group.own - 1, flow_.calls);
    if (group.own == 0) exchange(group.count - 1, flow_.wrap_calls);
    if (group.own + 1 == group.count) exchange(0, flow_.wrap_calls);
  }

  void send(std::int64_t gpu, std::int64_t to, double bytes) {
    if (units_.same(gpu, to, units_.domain)) {
      sink_.inside(gpu, to, bytes, 2);
    } else if (units_.same(gpu, to, units_.node)) {
      sink_.host(gpu, to, bytes);
    } else {
      sink_.out(gpu, bytes, units_.climb(gpu, to));
    }
  }
  void receive(std::int64_t from, std::int64_t gpu, double bytes) {
    if (units_.same(gpu, from, units_.domain) || units_.same(gpu, from, units_.node)) return;
    sink_.in(gpu, bytes, units_.climb(from, gpu));
  }

  const Flow& flow_;
  const UnitSizes& units_;
  Sink& sink_;
};

}  // namespace lockstep
