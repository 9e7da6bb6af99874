// The rules of plans, checked one after the other: plan_rules.cpp has those of the pipeline, the
// batch and memory, rank_rules.cpp those of the ranks.
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "strategies/pipeline/schedule.hpp"
#include "strategies/plan.hpp"

namespace lockstep {

class PlanRules {
 public:
  PlanRules(const Model& model, const Training& training, const Plan& plan, std::int64_t gpus)
      : model_(model), training_(training), plan_(plan), gpus_(gpus) {}

  // What violations() and first_violation() return; either once.
  std::vector<Violation> all();
  const char* first();

 private:
  // What a broken rule says to a reader.
  struct Words {
    std::string message;
    std::string hint;
  };

  // `words` are made only where somebody wants to read them: most plans of a search are illegal.
  template <class MakeWords>
  void report(const char* code, const char* field, const MakeWords& words) {
    if (first_ == nullptr) first_ = code;
    if (found_ == nullptr) return;
    Words said = words();
    found_->push_back({code, field, std::move(said.message), std::move(said.hint)});
  }
  void report(const char* code, const char* field, const char* message, const char* hint) {
    report(code, field, [&] { return Words{message, hint}; });
  }

  void check_degrees();
  void check_placement();
  // Whether the ranks of a stage divide into groups of experts. Only where the degrees fit the
  // GPUs, whose products are then in range.
  bool experts_fit() const;
  void check_context();
  void check_experts();
  void check_tensor();
  void check_pipeline();
  std::string interleave_hint(const Schedule& schedule) const;
  std::string layer_hint() const;
  void check_batch();
  void check_sharding();
  void check_recompute();
  void check_recompute_parts();
  void check_idle_keys();
  void check_offload();

  const Model& model_;
  const Training& training_;
  const Plan& plan_;
  std::int64_t gpus_;
  bool degrees_fit_ = false;                 // check_degrees: they multiply to the GPUs
  const char* first_ = nullptr;              // code of the first broken rule
  std::vector<Violation>* found_ = nullptr;  // null where only the code is asked for

  using Check = void (PlanRules::*)();
  static const Check checks[];
};

}  // namespace lockstep
