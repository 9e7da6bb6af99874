#include "sim/explain/lint.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>

#include "sim/report/numbers.hpp"

namespace lockstep {

namespace {

// Tiles of the matrix units: sizes that are no multiple of it waste part of a tile.
constexpr std::int64_t tile = 64;
constexpr double launch_bound = 0.05;   // of the step
constexpr double exposed_much = 0.10;
constexpr double unequal_stages = 1.05; // the slowest over the mean
constexpr double likely_fit = 0.9;
constexpr double worth_it = 0.01;       // gain of a remedy

std::string counted(std::int64_t n, const char* one, const char* many) {
  return fmt::format("{} {}", n, n == 1 ? one : many);
}

struct Case {
  const Question& question;
  const PlanReport& report;
  [[nodiscard]] const Plan& plan() const { return question.plan; }
  [[nodiscard]] const Model& model() const { return question.model; }
  [[nodiscard]] double step() const { return report.step_time_s.value; }
  [[nodiscard]] double seconds(StepPart part) const { return seconds_of(report, part); }
};

LintRemedy remedy_of(const Case& at, std::string words, const std::function<void(Question&)>& change) {
  Question question = at.question;
  change(question);
  LintRemedy remedy;
  remedy.words = std::move(words);
  remedy.answer = answer(std::move(question));
  if (remedy.answer.legal) {
    remedy.gain = remedy.answer.tokens_per_s_per_gpu / at.report.tokens_per_s_per_gpu.value - 1;
  }
  return remedy;
}

// A remedy that runs and helps, or none.
std::optional<LintRemedy> helpful(LintRemedy remedy) {
  if (!remedy.answer.surely_fits() || remedy.gain < worth_it) return std::nullopt;
  return remedy;
}

// What a remedy would save of the step.
double saved(const Case& at, const LintRemedy& remedy) {
  return at.step() * (1 - 1 / (1 + remedy.gain));
}

const CollectiveUse* widest(const Case& at, StepPart part) {
  const CollectiveUse* found = nullptr;
  for (const CollectiveUse& use : at.report.step.collectives) {
    if (use.part != part) continue;
    if (found == nullptr || use.shape.domains > found->shape.domains) found = &use;
  }
  return found;
}

std::optional<Lint> tensor_across_domains(const Case& at) {
  const CollectiveUse* use = widest(at, StepPart::tensor_exposed);
  if (use == nullptr || use->shape.domains < 2) return std::nullopt;
  Lint lint;
  lint.name = "tensor-across-domains";
  lint.message = fmt::format("tensor parallelism spans {} NVLink domains: its collectives, several a layer "
                             "and in the way of compute, go over the network",
                             use->shape.domains);
  lint.seconds = at.seconds(StepPart::tensor_exposed);
  const std::int64_t inside = domain_size(at.question.cluster);
  if (at.plan().tensor > inside && at.plan().tensor % inside == 0) {
    const std::int64_t more = at.plan().tensor / inside;
    lint.remedy = helpful(remedy_of(
        at, fmt::format("tp {}, pp {}", inside, at.plan().pipeline.stages * more), [&](Question& q) {
          q.plan.tensor = inside;
          q.plan.pipeline.stages *= more;
        }));
  }
  return lint;
}

// PCIe carries what NVLink should.
std::optional<Lint> tensor_over_pcie(const Case& at) {
  const Cluster& cluster = at.question.cluster;
  const bool pcie = cluster.system.intra_node == IntraNode::pcie ||
                    cluster.system.intra_node == IntraNode::nvlink_bridge;
  const CollectiveUse* use = widest(at, StepPart::tensor_exposed);
  const double exposed = at.seconds(StepPart::tensor_exposed);
  if (!pcie || use == nullptr || use->shape.domains > 1 || exposed < exposed_much * at.step()) {
    return std::nullopt;
  }
  Lint lint;
  lint.name = "tensor-over-pcie";
  lint.message = fmt::format("tensor parallelism over {} GPUs without NVLink: its collectives, several a "
                             "layer and in the way of compute, go over PCIe",
                             use->shape.ranks);
  lint.seconds = exposed;
  const auto untensored = [](Plan& plan) {
    plan.tensor = 1;
    plan.sequence_parallel = false;
    plan.tensor_overlap = Override::software;
  };
  std::optional<LintRemedy> best;
  const auto consider = [&](std::optional<LintRemedy> one) {
    if (one && (!best || one->gain > best->gain)) best = std::move(one);
  };
  consider(helpful(remedy_of(at, fmt::format("pp {} in place of tp", at.plan().tensor * at.plan().pipeline.stages),
                             [&](Question& q) {
                               q.plan.pipeline.stages *= q.plan.tensor;
                               untensored(q.plan);
                             })));
  consider(helpful(remedy_of(at, "fsdp in place of tp", [&](Question& q) {
    untensored(q.plan);
    q.plan.sharding = Sharding::fsdp;
    q.plan.shard_group = 0;
  })));
  lint.remedy = std::move(best);
  return lint;
}

std::optional<Lint> stages_beyond_micro_batches(const Case& at) {
  const std::int64_t batches = at.report.workload.micro_batches;
  const std::int64_t stages = at.plan().pipeline.stages;
  if (stages <= 1 || batches >= stages) return std::nullopt;
  Lint lint;
  lint.name = "stages-beyond-micro-batches";
  lint.message = fmt::format("{} pipeline stages share {} micro-batches: the pipeline never fills", stages,
                             batches);
  lint.seconds = at.seconds(StepPart::bubble);
  if (stages % 2 == 0) {
    lint.remedy = helpful(remedy_of(at, fmt::format("pp {}", stages / 2), [](Question& q) {
      q.plan.pipeline.stages /= 2;
      if (q.plan.pipeline.stages == 1) q.plan.pipeline = Pipeline{};
    }));
  }
  return lint;
}

std::optional<Lint> large_bubble(const Case& at) {
  const double bubble = at.seconds(StepPart::bubble);
  const bool fills = at.report.workload.micro_batches >= at.plan().pipeline.stages;
  if (bubble < exposed_much * at.step() || !fills) return std::nullopt;
  Lint lint;
  lint.name = "large-bubble";
  lint.message = fmt::format("the pipeline idles while it fills and drains: {} stages, {}",
                             at.plan().pipeline.stages,
                             counted(at.report.workload.micro_batches, "micro-batch", "micro-batches"));
  lint.seconds = bubble;
  std::optional<LintRemedy> best;
  const auto consider = [&](std::optional<LintRemedy> one) {
    if (one && (!best || one->gain > best->gain)) best = std::move(one);
  };
  if (at.plan().micro_batch % 2 == 0) {
    consider(helpful(remedy_of(at, fmt::format("micro-batch {}", at.plan().micro_batch / 2),
                               [](Question& q) { q.plan.micro_batch /= 2; })));
  }
  for (const std::int64_t chunks : {2, 4}) {
    if (at.plan().pipeline.interleave >= chunks) continue;
    consider(helpful(remedy_of(at, fmt::format("interleave {}", chunks), [&](Question& q) {
      q.plan.pipeline.interleave = chunks;
      q.plan.pipeline.schedule = "1f1b";
    })));
  }
  consider(helpful(remedy_of(at, "schedule zb-h1", [](Question& q) {
    q.plan.pipeline.interleave = 1;
    q.plan.pipeline.schedule = "zb-h1";
  })));
  lint.remedy = std::move(best);
  return lint;
}

std::optional<Lint> unequal_pipeline(const Case& at) {
  const auto& stages = at.report.step.stages;
  if (stages.size() < 2) return std::nullopt;
  double sum = 0;
  double slowest = 0;
  std::size_t which = 0;
  for (std::size_t i = 0; i < stages.size(); ++i) {
    const double seconds = stages[i].total().value();
    sum += seconds;
    if (seconds > slowest) which = i;
    slowest = std::max(slowest, seconds);
  }
  const double mean = sum / static_cast<double>(stages.size());
  if (slowest < unequal_stages * mean) return std::nullopt;
  Lint lint;
  lint.name = "unequal-stages";
  lint.message = fmt::format("stage {} of {} takes {} a micro-batch, the mean of all {}: the others wait for it",
                             which + 1, stages.size(), duration(slowest), duration(mean));
  lint.seconds = (slowest - mean) * static_cast<double>(at.report.workload.micro_batches);
  return lint;
}

std::optional<Lint> without_sequence_parallel(const Case& at) {
  if (at.plan().tensor < 2 || at.plan().sequence_parallel) return std::nullopt;
  Lint lint;
  lint.name = "no-sequence-parallel";
  LintRemedy remedy = remedy_of(at, "sequence parallelism",
                                [](Question& q) { q.plan.sequence_parallel = true; });
  if (!remedy.answer.legal) return std::nullopt;
  lint.message = fmt::format(
      "norms, dropouts and residuals are computed and kept {} times over: sequence parallelism splits them, "
      "for {} of memory instead of {}",
      at.plan().tensor, memory(remedy.answer.peak_memory_bytes), memory(at.report.peak_memory_bytes.value));
  if (remedy.gain > 0) lint.seconds = saved(at, remedy);
  lint.remedy = std::move(remedy);
  return lint;
}

std::optional<Lint> needless_recompute(const Case& at) {
  if (at.plan().recompute == Recompute::none || !at.report.feasible) return std::nullopt;
  std::optional<LintRemedy> best;
  for (const Recompute less : {Recompute::none, Recompute::selective}) {
    if (less == at.plan().recompute) continue;
    std::optional<LintRemedy> one =
        helpful(remedy_of(at, less == Recompute::none ? "no recompute" : "selective recompute", [&](Question& q) {
          q.plan.recompute = less;
          q.plan.recompute_layers = 0;
          q.plan.recompute_every = 1;
          q.plan.recompute_parts.clear();
        }));
    if (one && (!best || one->gain > best->gain)) best = std::move(one);
  }
  if (!best) return std::nullopt;
  Lint lint;
  lint.name = "needless-recompute";
  lint.message = fmt::format("the plan recomputes more than memory asks for: with {} it needs {} of {}",
                             best->words, memory(best->answer.peak_memory_bytes),
                             memory(at.report.usable_memory_bytes));
  lint.seconds = saved(at, *best);
  lint.remedy = std::move(best);
  return lint;
}

// The widths that tensor parallelism cuts.
std::optional<Lint> ragged_widths(const Case& at) {
  const Model& model = at.model();
  const std::int64_t tensor = at.plan().tensor;
  std::string odd;
  const auto check = [&](const char* name, std::int64_t width) {
    if (width <= 0 || width % tile == 0) return;
    odd += fmt::format("{}{} {}", odd.empty() ? "" : ", ", name, width);
  };
  check("hidden", model.hidden);
  check("heads on a rank", model.query_width() / tensor);
  check("ffn on a rank", model.ffn() / tensor);
  if (model.has_experts()) {
    check("experts' ffn on a rank", model.expert_ffn() / at.plan().expert_tensor());
  }
  if (odd.empty()) return std::nullopt;
  Lint lint;
  lint.name = "ragged-widths";
  lint.message = fmt::format("widths that are no multiple of {} waste part of every tile of the matrix units: {}",
                             tile, odd);
  Question whole = at.question;
  whole.cluster.system.gpu.gemm_misaligned.value = 1;
  const Answer aligned = answer(std::move(whole));
  if (aligned.legal) lint.seconds = at.step() - aligned.step_time_s;
  return lint;
}

std::optional<Lint> launch_bound_step(const Case& at) {
  const double host = at.seconds(StepPart::host_launch) + at.seconds(StepPart::host_sync);
  if (host < launch_bound * at.step()) return std::nullopt;
  Lint lint;
  lint.name = "launch-bound";
  lint.message = "GPUs wait for kernel launches: the kernels are too short for the host";
  lint.seconds = host;
  std::optional<LintRemedy> larger = helpful(
      remedy_of(at, fmt::format("micro-batch {}", 2 * at.plan().micro_batch),
                [](Question& q) { q.plan.micro_batch *= 2; }));
  std::optional<LintRemedy> graphs =
      helpful(remedy_of(at, "CUDA graphs", [](Question& q) { q.plan.software.cuda_graphs = true; }));
  if (graphs && (!larger || graphs->gain > larger->gain)) larger = std::move(graphs);
  lint.remedy = std::move(larger);
  return lint;
}

std::optional<Lint> small_micro_batch(const Case& at) {
  std::optional<LintRemedy> remedy = helpful(
      remedy_of(at, fmt::format("micro-batch {}", 2 * at.plan().micro_batch),
                [](Question& q) { q.plan.micro_batch *= 2; }));
  if (!remedy) return std::nullopt;
  Lint lint;
  lint.name = "small-micro-batch";
  lint.message = fmt::format("twice the micro-batch fits ({}) and is faster",
                             memory(remedy->answer.peak_memory_bytes));
  lint.seconds = saved(at, *remedy);
  lint.remedy = std::move(remedy);
  return lint;
}

// FSDP gathers and reduces every unit again for every micro-batch; those of the first are needed.
std::optional<Lint> repeated_gathers(const Case& at) {
  const auto batches = static_cast<double>(at.report.workload.micro_batches);
  const double exposed = (at.seconds(StepPart::fsdp_exposed) + at.seconds(StepPart::slowdown)) *
                         (batches - 1) / batches;
  if (at.plan().sharding != Sharding::fsdp || at.report.workload.micro_batches < 2) return std::nullopt;
  if (exposed < launch_bound * at.step()) return std::nullopt;
  Lint lint;
  lint.name = "fsdp-under-accumulation";
  lint.message = fmt::format("FSDP gathers all weights again for each of {} micro-batches, and compute waits or is slowed "
                             "meanwhile",
                             at.report.workload.micro_batches);
  lint.seconds = exposed;
  std::optional<LintRemedy> best;
  const auto consider = [&](std::optional<LintRemedy> one) {
    if (one && (!best || one->gain > best->gain)) best = std::move(one);
  };
  const std::int64_t domain = domain_size(at.question.cluster);
  consider(helpful(remedy_of(at, "shards within a domain", [&](Question& q) { q.plan.shard_group = domain; })));
  consider(helpful(remedy_of(at, fmt::format("micro-batch {}", 2 * at.plan().micro_batch),
                             [](Question& q) { q.plan.micro_batch *= 2; })));
  consider(helpful(remedy_of(at, "weights kept gathered after forward", [](Question& q) {
    q.plan.sync.reshard_after_forward = Override::no;
  })));
  lint.remedy = std::move(best);
  return lint;
}

std::optional<Lint> replicated_optimizer(const Case& at) {
  if (at.plan().sharding != Sharding::none || at.plan().replicas() < 2) return std::nullopt;
  LintRemedy remedy = remedy_of(at, "optimizer sharding",
                                [](Question& q) { q.plan.sharding = Sharding::optimizer; });
  if (!remedy.answer.legal || remedy.answer.peak_memory_bytes >= at.report.peak_memory_bytes.value) {
    return std::nullopt;
  }
  Lint lint;
  lint.name = "replicated-optimizer";
  lint.message = fmt::format("every data rank keeps the whole optimizer state: sharding it takes {} instead of {} a GPU",
                             memory(remedy.answer.peak_memory_bytes), memory(at.report.peak_memory_bytes.value));
  if (remedy.gain > 0) lint.seconds = saved(at, remedy);
  lint.remedy = std::move(remedy);
  return lint;
}

std::optional<Lint> tight_memory(const Case& at) {
  if (!at.report.feasible || at.report.fit_probability >= likely_fit) return std::nullopt;
  Lint lint;
  lint.name = "tight-memory";
  lint.message = fmt::format("{} of {} fits with {} only; near the limit the allocator frees and retries, which costs "
                             "time that is not predicted",
                             memory(at.report.peak_memory_bytes.value), memory(at.report.usable_memory_bytes),
                             probability(at.report.fit_probability));
  return lint;
}

std::optional<Lint> exposed_sync(const Case& at) {
  const CollectiveUse* use = widest(at, StepPart::data_exposed);
  const double exposed = at.seconds(StepPart::data_exposed);
  if (use == nullptr || exposed < exposed_much * at.step()) return std::nullopt;
  Lint lint;
  lint.name = "exposed-gradient-sync";
  lint.message = fmt::format("the step waits for gradients and parameters of {} ranks in {}: {} to hide them behind",
                             use->shape.ranks, counted(use->shape.domains, "domain", "domains"),
                             counted(at.report.workload.micro_batches, "micro-batch", "micro-batches"));
  lint.seconds = exposed;
  lint.remedy = helpful(remedy_of(at, "twice the global batch",
                                  [](Question& q) { q.training.global_batch *= 2; }));
  return lint;
}

std::optional<Lint> experts_across_domains(const Case& at) {
  const CollectiveUse* use = widest(at, StepPart::expert_exposed);
  const double exposed = at.seconds(StepPart::expert_exposed);
  if (use == nullptr || use->shape.domains < 2 || exposed < exposed_much * at.step()) return std::nullopt;
  Lint lint;
  lint.name = "experts-across-domains";
  lint.message = fmt::format("tokens travel between {} domains to their experts, and the step waits for them",
                             use->shape.domains);
  lint.seconds = exposed;
  const std::int64_t domain = domain_size(at.question.cluster);
  if (at.plan().expert.degree > domain) {
    lint.remedy = helpful(remedy_of(at, fmt::format("ep {}", domain),
                                    [&](Question& q) { q.plan.expert.degree = domain; }));
  }
  return lint;
}

constexpr std::array rules{
    &tensor_across_domains, &tensor_over_pcie, &stages_beyond_micro_batches, &large_bubble,     &unequal_pipeline,
    &without_sequence_parallel, &needless_recompute,      &ragged_widths,    &launch_bound_step,
    &small_micro_batch,     &repeated_gathers,            &replicated_optimizer, &tight_memory,
    &exposed_sync,     &experts_across_domains};

}  // namespace

std::vector<Lint> lints(const Question& question, const PlanReport& report) {
  const Case at{question, report};
  std::vector<Lint> found;
  for (const auto rule : rules) {
    if (std::optional<Lint> lint = rule(at)) found.push_back(std::move(*lint));
  }
  std::stable_sort(found.begin(), found.end(), [](const Lint& a, const Lint& b) {
    return a.seconds.value_or(0) > b.seconds.value_or(0);
  });
  return found;
}

}  // namespace lockstep
