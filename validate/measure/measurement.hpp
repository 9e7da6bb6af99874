// What was measured on a machine, as `lockstep validate nccl|mpi|kernels|step --output` writes it
// and `lockstep calibrate` reads it. Plain data; times in seconds, sizes in bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/diagnostics.hpp"
#include "topology/collectives/collective_model.hpp"

namespace lockstep {

struct MeasuredGpu {
  std::string host;
  std::int64_t device = 0;  // CUDA's number on its host
  std::string name;         // "NVIDIA H100 80GB HBM3"
  std::string bus_id;       // "0000:1b:00.0"
  std::int64_t memory_bytes = 0;
  double power_limit_w = 0;  // 0: not known
};

// With what and where. Empty text: not known or not used.
struct MachineFacts {
  std::string date;    // "2026-11-23"
  std::string system;  // of the catalog; "" where nobody said
  std::vector<std::string> hosts;
  std::string driver;   // "580.82.07"
  std::string cuda;     // of the runtime, "13.0"
  std::string cublas;   // "13.1.0"
  std::string nccl;     // "2.28.9"
  std::string mpi;      // "Open MPI v4.1.4"
  std::string command;  // the command line that measured
  std::vector<MeasuredGpu> gpus;
};

// The time of one call out of several repeats of some calls each.
struct RepeatedTime {
  double median_s = 0;
  double low_s = 0;  // 90 % interval of the median, by order statistics
  double high_s = 0;
  double spread = 0;  // relative standard deviation of the repeats, robust (from the quartiles)
  std::int64_t repeats = 0;
  std::int64_t iterations = 0;  // calls of one repeat
};

struct CollectiveSide {
  RepeatedTime time;                  // of the slowest rank
  std::optional<std::int64_t> wrong;  // elements of all ranks; nothing where not checked
};

struct CollectivePoint {
  std::int64_t size_bytes = 0;  // nccl-tests' convention: the whole buffer
  std::int64_t count = 0;       // nccl-tests' "count"
  std::optional<CollectiveSide> out_of_place;
  std::optional<CollectiveSide> in_place;
  std::optional<double> nccl_estimate_s;  // ncclGroupSimulateEnd
  std::optional<double> predicted_s;      // ours, uncalibrated
};

// One collective over a sweep of sizes on one set of groups.
struct CollectiveSweep {
  Collective collective = Collective::all_reduce;
  std::string backend;  // "nccl", "mpi"
  std::string type;     // "float"
  std::string redop;    // "sum", "none"
  std::string group;    // "world", or the rule that made it: "blocks of 4", "every 4th"
  std::int64_t ranks = 0;
  std::int64_t nodes = 0;   // that one group touches
  std::int64_t groups = 1;  // that ran at the same time; 1: alone
  bool registered = false;  // buffers were registered with NCCL
  std::vector<CollectivePoint> points;
  // Time of each rank at the largest size over the fastest rank's, by rank of those that took part;
  // empty where not known. A GPU far slower than its siblings shows here.
  std::vector<double> rank_slowness;
};

struct MeasuredGemm {
  std::string op;     // "qkv", "mlp up" …; "square" for those of no model
  std::string dtype;  // "bf16", "fp8"
  std::int64_t m = 0, n = 0, k = 0;
  std::int64_t batch = 1;  // products of this shape in one call
  std::int64_t device = 0;
  RepeatedTime time;
  double flops_per_s = 0;
  double peak_share = 0;                 // of the catalog's dense peak; 0: GPU not in the catalog
  std::optional<double> predicted_s;     // ours, uncalibrated
  std::optional<double> second_path_s;   // the same call timed in another way
};

struct MeasuredMemoryOp {
  std::string op;  // "copy", "norm", "rope", "activation", "softmax", "cast", "permutation",
                   // "loss", "optimizer"
  double bytes = 0;  // read and written
  std::int64_t device = 0;
  RepeatedTime time;
  double bytes_per_s = 0;
  double peak_share = 0;  // of the catalog's HBM bandwidth; 0: GPU not in the catalog
  std::optional<double> predicted_s;
};

struct MeasuredCopy {
  std::string direction;  // "host to device", "device to host", "device to device", "peer"
  bool pinned = true;
  double bytes = 0;
  std::int64_t device = 0;
  RepeatedTime time;
  double bytes_per_s = 0;
  std::optional<double> second_path_s;
};

struct MeasuredLaunch {
  std::string what;  // "kernel", "kernel in a graph", "memset", "empty kernel on the GPU"
  std::int64_t device = 0;
  RepeatedTime time;  // per launch
};

// A GEMM alone and while something else runs beside it.
struct MeasuredOverlap {
  std::string beside;  // "all_reduce", "host to device copy", …
  std::string dtype;
  std::int64_t m = 0, n = 0, k = 0;
  double gemm_alone_s = 0;
  double gemm_beside_s = 0;
  double other_alone_s = 0;
  double other_beside_s = 0;
  // Seconds of compute lost per second of the other: (beside - alone) / other beside.
  double slowdown = 0;
};

struct MeasuredTerm {
  std::string name;  // of the prediction's partition
  double predicted_s = 0;
  double measured_s = 0;
};

// A short step with the plan's kernels and collectives, beside what was predicted for it.
struct MeasuredStep {
  std::string scenario, plan;
  std::int64_t layers = 0;         // that were run
  std::int64_t micro_batches = 0;  // that were run
  RepeatedTime time;
  double predicted_s = 0;
  std::vector<MeasuredTerm> terms;  // sum to the two times
  std::vector<std::string> not_run; // what the plan has and this run left out
};

struct Measurement {
  // Why these times calibrate nothing ("two ranks share GPU 0"); "" where they do.
  std::string functional_only;
  MachineFacts machine;
  std::vector<CollectiveSweep> collectives;
  std::vector<MeasuredGemm> gemms;
  std::vector<MeasuredMemoryOp> memory_ops;
  std::vector<MeasuredCopy> copies;
  std::vector<MeasuredLaunch> launches;
  std::vector<MeasuredOverlap> overlaps;
  std::vector<MeasuredStep> steps;
};

inline constexpr int measurement_version = 1;

// JSON with `"lockstep_measurement": 1`; the same text for the same measurement.
std::string measurement_json(const Measurement& measurement);

// Whether the text is such a JSON, well-formed or not.
bool looks_like_measurement(const std::string& text);

// Throws InputError with every error: E640 no JSON or another version, E641 a key that is missing,
// unknown or of another kind, E642 a number that cannot be (negative time, no ranks).
Measurement parse_measurement(const std::string& text, const std::string& file_name);

}  // namespace lockstep
