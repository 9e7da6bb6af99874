#include "validate/discover/compute_nics.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "topology/quantity_text.hpp"

namespace lockstep {
namespace {

constexpr unsigned amazon = 0x1d0f;
constexpr unsigned cray = 0x17db;
constexpr double slow_share = 0.5;  // of the fastest NIC

bool begins(const std::string& text, const char* start) {
  return text.rfind(start, 0) == 0;
}

Network network_of(const NicFact& nic) {
  if ((nic.vendor_id == amazon && nic.rdma) || begins(nic.name, "rdmap") || begins(nic.name, "efa"))
    return Network::efa;
  if (nic.vendor_id == cray || begins(nic.name, "cxi") || begins(nic.name, "hsn"))
    return Network::slingshot;
  if (!nic.rdma && nic.link_layer != "InfiniBand") return Network::ethernet;
  return nic.link_layer == "Ethernet" ? Network::roce : Network::infiniband;
}

bool beside_a_gpu(const NicFact& nic, const NodeFacts& facts) {
  return std::any_of(facts.nvml.gpus.begin(), facts.nvml.gpus.end(), [&](const GpuFact& gpu) {
    const PciePlace* place = place_of(gpu, facts.host);
    return place != nullptr && share_switch(*place, nic.place);
  });
}

std::string rate_text(double rate) {
  return rate > 0.0 ? to_bit_rate_text(BytesPerSecond{rate}) : "an unknown rate";
}

void describe(const std::vector<const NicFact*>& chosen, ComputeNics& result) {
  if (chosen.empty()) return;
  for (const NicFact* nic : chosen) {
    result.names.push_back(nic->name);
    result.rate = std::max(result.rate, nic->rate);
    result.rate_assumed = result.rate_assumed || nic->rate_assumed;
  }
  result.network = network_of(*chosen.front());
  for (const NicFact* nic : chosen) {
    if (nic->rate < result.rate)
      result.remarks.push_back(fmt::format(
          "{} runs at {}, other NICs for training at {}: it holds back the rail it is on",
          nic->name, rate_text(nic->rate), rate_text(result.rate)));
    if (network_of(*nic) != *result.network)
      result.remarks.push_back(fmt::format("{} is on {}, {} on {}", nic->name,
                                           to_string(network_of(*nic)), chosen.front()->name,
                                           to_string(*result.network)));
  }
}

}  // namespace

ComputeNics compute_nics(const NodeFacts& facts) {
  ComputeNics result;
  std::vector<const NicFact*> usable;
  double fastest = 0;
  for (const NicFact& nic : facts.host.nics) {
    if (nic.state == LinkState::down) {
      result.others.push_back(fmt::format("{}: down", nic.name));
    } else {
      usable.push_back(&nic);
      fastest = std::max(fastest, nic.rate);
    }
  }
  std::vector<const NicFact*> fast, chosen;
  for (const NicFact* nic : usable) {
    if (nic->rate < slow_share * fastest) {
      result.others.push_back(fmt::format("{}: {}, too slow beside {}; management or storage",
                                          nic->name, rate_text(nic->rate), rate_text(fastest)));
    } else {
      fast.push_back(nic);
    }
  }
  for (const NicFact* nic : fast) {
    if (beside_a_gpu(*nic, facts)) chosen.push_back(nic);
  }
  if (chosen.empty()) {
    result.why = fast.size() == 1 ? "the fastest NIC" : "the fastest NICs";
    describe(fast, result);
    return result;
  }
  result.why = chosen.size() == 1 ? "the fastest NIC that shares a PCIe switch with a GPU"
                                  : "the fastest NICs that share a PCIe switch with a GPU";
  for (const NicFact* nic : fast) {
    if (std::find(chosen.begin(), chosen.end(), nic) == chosen.end())
      result.others.push_back(
          fmt::format("{}: {}, but it shares no PCIe switch with a GPU; storage", nic->name,
                      rate_text(nic->rate)));
  }
  describe(chosen, result);
  return result;
}

}  // namespace lockstep
