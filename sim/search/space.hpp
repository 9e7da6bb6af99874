// The space of plans: every combination of the axes' values numbered, and which of them are plans of
// their own.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <vector>

#include "sim/search/axis_values.hpp"

namespace lockstep {

// One value of each axis, by index.
using AxisIndices = std::array<std::uint16_t, axis_count>;

class PlanSpace {
 public:
  // Throws InputError as axis_values(), and where there are more combinations than a number counts.
  // `scenario` outlives it.
  explicit PlanSpace(const Scenario& scenario);

  [[nodiscard]] std::size_t size(Axis axis) const { return values_[index_of(axis)].size(); }
  [[nodiscard]] double value(Axis axis, std::size_t index) const {
    return values_[index_of(axis)][index].number;
  }
  // Combinations of the axes behind this one, and of all.
  [[nodiscard]] std::uint64_t behind(Axis axis) const { return behind_[index_of(axis)]; }
  [[nodiscard]] std::uint64_t combinations() const {
    return size(Axis::nodes) * behind(Axis::nodes);
  }
  // Combinations of the last axes, overlap and placement: plans whose numbers differ in them alone
  // are variants of one plan.
  [[nodiscard]] std::uint64_t variants() const { return behind(Axis::offload_activations); }
  [[nodiscard]] const Cluster& cluster(std::size_t nodes_index) const {
    return clusters_[nodes_index];
  }

  // The nodes on which step time is shown against memory: the scenario's, else the most.
  [[nodiscard]] std::size_t nodes_of_memory_front() const;

  // A plan with every axis at a value beside which the others can be checked.
  [[nodiscard]] Plan neutral() const;
  // Axes are set in their order. An axis that changes nothing beside those before it is left as it
  // is.
  void set(Axis axis, std::size_t index, Plan& plan) const;
  void reset(Axis axis, Plan& plan) const;

  // Why no plan has these values of `axis` and of the axes before it, where `plan` is neutral in
  // those behind: a rule that it breaks, or that it would be the same plan as another; null: there
  // is none. In words that do not depend on the values. Asked at every axis it refuses what
  // violations() refuses, and of plans that do the same all but one.
  [[nodiscard]] const char* refusal(Axis axis, std::size_t index, const Plan& plan,
                                    std::int64_t gpus) const;

  [[nodiscard]] std::uint64_t number(const AxisIndices& indices) const;
  [[nodiscard]] AxisIndices indices(std::uint64_t number) const;
  // The combination, with its name; legal or not.
  [[nodiscard]] Plan plan(const AxisIndices& indices) const;

 private:
  const Scenario& scenario_;
  AxisValues values_;
  std::vector<Cluster> clusters_;  // by index of nodes
  std::array<std::uint64_t, axis_count> behind_{};
};

// "tp8-sp-pp2x5-dp4-zero1-mb1-selective": what a plan does. Plans of a space that are not the same
// have different names.
std::string plan_name(const Plan& plan);

}  // namespace lockstep
