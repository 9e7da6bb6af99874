// What must hold of experts, whatever their sizes.
#include "sim/report/report.hpp"
#include "strategies/flops.hpp"
#include "tests/catch.hpp"
#include "tests/support/round_numbers.hpp"

using namespace lockstep;
using namespace lockstep::testing;

namespace {

Model moe(std::int64_t count, std::int64_t top_k, std::int64_t width) {
  Model model = small_gpt();
  model.experts.count = count;
  model.experts.top_k = top_k;
  model.experts.ffn_hidden = width;
  return model;
}

double step_time(const Model& model, const Plan& plan) {
  return predict(model, small_training(256), round_cluster(2), plan).step_time_s.value;
}

}  // namespace

TEST_CASE("experts property: all of them for every token is a dense layer of their width",
          "[property][experts]") {
  for (const std::int64_t count : {2, 4, 16}) {
    for (const std::int64_t width : {256, 1024}) {
      Model dense = small_gpt();
      dense.ffn_hidden = count * width;
      const Model model = moe(count, count, width);
      const double router = 6.0 * 4 * 1024 * static_cast<double>(count);  // 4 layers of h x count
      CHECK(model_flops_per_token(model, small_training()) - router ==
            model_flops_per_token(dense, small_training()));
      CHECK(count_parameters(model, 1024, 1024).layers - router / 6 ==
            count_parameters(dense, 1024, 1024).layers);
    }
  }
}

TEST_CASE("experts property: more imbalance or capacity is never faster, and keeps no less",
          "[property][experts]") {
  for (const std::int64_t degree : {1, 2, 8}) {
    for (const std::int64_t tensor : {1, 2}) {
      for (const bool capacity : {false, true}) {
        double last = 0;
        double last_bytes = 0;
        for (const double load : {1.0, 1.1, 1.5, 3.0}) {
          // One of so many ranks has at most so many times the mean.
          if (!capacity && load > static_cast<double>(degree)) continue;
          Plan plan = plain_plan(16 / tensor, tensor);
          plan.sequence_parallel = tensor > 1;
          plan.expert.degree = degree;
          (capacity ? plan.expert.capacity_factor : plan.expert.imbalance) = load;
          const Model model = moe(8, 2, 1024);
          REQUIRE(violations(model, small_training(256), plan, 16).empty());
          const double time = step_time(model, plan);
          const double bytes = lower(model, small_training(256), plan)
                                   .kinds[0]
                                   .block.saved_bytes(Recompute::none, {})
                                   .value();
          CHECK(time >= last);
          CHECK(bytes >= last_bytes);
          last = time;
          last_bytes = bytes;
        }
      }
    }
  }
}

TEST_CASE("experts property: ranks of a group work and hold as much as one rank would",
          "[property][experts]") {
  const Model model = moe(16, 4, 512);
  double flops = 0;
  for (const std::int64_t degree : {1, 2, 4, 8, 16}) {
    Plan plan = plain_plan(16);
    plan.expert.degree = degree;
    const Block block = lower(model, small_training(256), plan).kinds[0].block;
    double sum = 0;
    for (const Op& op : block.forward.ops) sum += op.flops.value();
    CHECK(block.expert_parameters * static_cast<double>(degree) == 16 * 2 * 1024 * 512.0);
    if (flops == 0) flops = sum;
    CHECK(sum == flops);
  }
}

TEST_CASE("experts property: sending tokens once per node never takes longer",
          "[property][experts]") {
  Model model = moe(16, 4, 512);
  for (const std::int64_t nodes : {0, 1, 2}) {
    model.experts.most_nodes = nodes;
    Plan plan = plain_plan(16);
    plan.expert.degree = 16;
    const double apart = step_time(model, plan);
    plan.software.dispatch_once_per_node = true;
    CHECK(step_time(model, plan) < apart);
  }
}

TEST_CASE("experts property: the partition sums to the step", "[property][experts]") {
  Model model = moe(8, 2, 512);
  model.experts.shared = 1;
  model.experts.dense_layers = 1;
  model.predicted_tokens = 1;
  for (const bool overlap : {false, true}) {
    Plan plan = plain_plan(8, 1, 2);
    plan.expert.degree = 8;
    plan.software.shared_expert_overlap = overlap;
    const PlanReport report = predict(model, small_training(256), round_cluster(2), plan);
    double sum = 0;
    for (const PartitionLine& line : report.step.partition) sum += line.time.value();
    CHECK(sum == Approx(report.step_time_s.value).epsilon(1e-9));
  }
}
