// Collectives of a curve that is known: latency + size / bandwidth, with noise that a seed fixes.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "validate/measure/collective_backend.hpp"

namespace lockstep::test {

// All ranks are of this process.
class SyntheticBackend : public CollectiveBackend {
 public:
  double latency = 10e-6;
  double bytes_per_s = 1e9;
  double noise = 0;            // relative standard deviation of a repeat
  std::vector<double> slower;  // of each rank; empty: all alike
  std::int64_t wrong = 0;      // elements of each checked call
  std::int64_t rank_count = 4;
  std::int64_t node_count = 1;

  std::vector<RankGroups> selected;       // what was asked for, in order
  std::vector<TimedCall> prepared;
  std::int64_t calls = 0;                 // that were run

  [[nodiscard]] std::string name() const override { return "synthetic"; }
  [[nodiscard]] std::int64_t ranks() const override { return rank_count; }
  [[nodiscard]] std::int64_t local_ranks() const override { return rank_count; }
  [[nodiscard]] std::int64_t nodes() const override { return node_count; }
  [[nodiscard]] std::string element_type() const override { return "float"; }
  [[nodiscard]] std::int64_t element_bytes() const override { return 4; }

  void select(const RankGroups& groups) override { selected.push_back(groups); }
  void prepare(const TimedCall& call) override { prepared.push_back(call); }
  std::vector<double> run(std::int64_t iterations) override {
    calls += iterations;
    const auto bytes = static_cast<double>(prepared.back().size_bytes);
    const double time = (latency + bytes / bytes_per_s) * std::max(0.01, 1.0 + noise * normal_(random_));
    std::vector<double> seconds;
    for (std::int64_t rank = 0; rank < rank_count; ++rank) {
      if (selected.back().group_of(rank) < 0) continue;
      seconds.push_back(time * (slower.empty() ? 1.0 : slower[static_cast<std::size_t>(rank)]));
    }
    return seconds;
  }
  std::int64_t count_wrong() override { return wrong; }
  std::optional<double> estimate() override { return latency; }

 private:
  std::mt19937 random_{20261123};
  std::normal_distribution<double> normal_;
};

}  // namespace lockstep::test
