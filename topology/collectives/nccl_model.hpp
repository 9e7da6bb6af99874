// What a collective costs on one process group, as NCCL would run it: its channels, its choice of
// algorithm and protocol, and the time that the choice takes on this fabric.
//
//   prepare() once for a group (some microseconds), then choose() for each call (under a
//   microsecond).
//
// The choice is NCCL's own: the least time in its tuning model among what is enabled. That model
// ranks; the time is NCCL's latency and bandwidth corrected by what the kind of fabric was measured
// to do to them (fabric_priors.hpp). all_to_all and send_recv, which NCCL does not tune, take the
// time of their busiest resource.
#pragma once

#include <array>
#include <memory>
#include <string>
#include <vector>

#include "topology/collectives/fabric_priors.hpp"
#include "topology/collectives/nccl_algorithms.hpp"

namespace lockstep::nccl {

// One algorithm and protocol for one collective.
struct Offer {
  const Method* method = nullptr;
  Algorithm algorithm = Algorithm::ring;  // of the method
  Protocol protocol = Protocol::simple;
  const char* off = nullptr;  // why NCCL does not take it into account; null where it does
  double latency = 0.0;       // us, in NCCL's model
  double bandwidth = 0.0;     // GB/s of the buffer, in NCCL's model
  double plateau_from = 0.0;  // bytes from which the latency counts `plateau` times; 0: never
  double plateau = 1.0;
  bool corrected = false;       // by tree_correction()
  double real_latency = 0.0;    // us, before the floor
  double real_bandwidth = 0.0;  // GB/s of the buffer
  const char* resource = "";    // what sets real_bandwidth
};

// Bottleneck model of a collective that NCCL does not tune.
struct PointToPoint {
  double latency = 0.0;  // us
  double seconds_per_byte = 0.0;
  const char* resource = "";
};

// What a time rests on: the model alone; a measurement of this collective on this group; one of it
// on another group; one of another collective.
enum class Basis { model, measured, scaled, transferred };

// "model", "measured" …
const char* to_string(Basis basis);

// One line of a measured curve: latency + seconds_per_byte * bytes, from this size on.
struct CurvePiece {
  double from = 0.0;     // bytes
  double latency = 0.0;  // us
  double seconds_per_byte = 0.0;
};

// A collective's time by size where a calibration says it.
struct CalibratedTimes {
  Basis basis = Basis::model;
  double spread = 0.0;             // of the measurement
  double doubt = 0.0;              // share of the model's own spread that is left
  std::vector<CurvePiece> pieces;  // from `smallest` on, where the group is as measured
  double smallest = 0.0;           // bytes
  std::vector<double> log_times;   // ln us at 1, 2^(1/2), 2, 2^(3/2) … bytes

  // us. Not for Basis::model.
  [[nodiscard]] double time(double bytes) const;
};

struct NcclGroup {
  std::int64_t ranks = 1;
  Graphs graphs;
  GraphSource graph_source = GraphSource::search;
  FabricKind fabric = FabricKind::pcie;
  double floor = 0.0;  // us
  double latency_spread = 0.0;
  double bandwidth_spread = 0.0;
  // Of all_reduce, all_gather, reduce_scatter, broadcast, reduce.
  std::array<std::vector<Offer>, 5> offers;
  PointToPoint all_to_all, send_recv;
  std::array<CalibratedTimes, all_collectives.size()> calibrated;  // by Collective
  std::shared_ptr<const NcclGroup> tests;  // the model under nccl-tests' conditions, where calibrated
};

// Why a time is what it is.
struct CollectiveChoice {
  Seconds time;
  Seconds nccl_time;           // in NCCL's ranking model; zero where NCCL does not tune
  Seconds latency;             // the part of `time` that does not shrink with size
  BusBandwidth bus_bandwidth;  // of `time`
  const char* algorithm = "";  // "ring" … ; "direct"; "" for a group of one
  const char* protocol = "";   // "ll", "ll128", "simple"; "" for a group of one
  const char* bottleneck =
      "";               // "launch", "latency", or what sets the bandwidth: "NVLink", "NIC" …
  double spread = 0.0;  // relative standard deviation of `time`
  Basis basis = Basis::model;
};

// What NCCL would have taken, or why not.
struct Alternative {
  const char* algorithm = "";  // as in CollectiveChoice
  Protocol protocol = Protocol::simple;
  const char* off = nullptr;
  Seconds nccl_time;  // zero where off
  Seconds time;       // what it would take on this fabric; zero where off
};

// What surrounds the calls, as factors on what nccl-tests shows. All of them 1: nccl-tests.
struct Conditions {
  double link_share = 1.0;       // of the bandwidth in a domain
  double link_latency = 1.0;     // of the fixed time of groups in one domain
  double network_share = 1.0;    // of the bandwidth across nodes
  double network_latency = 1.0;  // of the fixed time of groups across nodes
  double network_decay = 0.0;    // network_share falls as 1/(1 + this * log2(NCCL's nodes))
};

// A training step on this system.
Conditions in_training_step(const System& system);

// With the cluster's calibrations, where they are of its system.
NcclGroup prepare(const Cluster& cluster, const Routes& routes, const GroupShape& shape,
                  const Conditions& conditions = {});

// Zero for a group of one and for no bytes; infinite where no way between the nodes is left.
// `bytes` is nccl-tests' size: the whole buffer. Pure, allocates nothing.
CollectiveChoice choose(const NcclGroup& group, Collective collective, Bytes bytes);

// Every algorithm and protocol, NCCL's favourite first, then by its time, then those that are off.
// Empty for all_to_all and send_recv.
std::vector<Alternative> alternatives(const NcclGroup& group, Collective collective, Bytes bytes);

CollectiveCost cost_of(const CollectiveChoice& choice);

}  // namespace lockstep::nccl
