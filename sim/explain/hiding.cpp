#include "sim/explain/hiding.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <numeric>

#include "sim/report/numbers.hpp"

namespace lockstep {

namespace {

constexpr std::int64_t most_tokens = std::int64_t{1} << 20;
constexpr double negligible = 1e-3;  // of the collectives' time

struct Kind {
  StepPart part;
  const char* what;
  HidingRule rule;
};

constexpr std::array kinds{
    Kind{StepPart::fsdp_exposed, "FSDP collectives of the layers", HidingRule::beside_units},
    Kind{StepPart::data_exposed, "gradient and parameter sync", HidingRule::after_backward},
    Kind{StepPart::tensor_exposed, "tensor-parallel collectives", HidingRule::grows},
    Kind{StepPart::context_exposed, "context-parallel exchanges", HidingRule::grows},
    Kind{StepPart::expert_exposed, "expert all-to-alls", HidingRule::grows},
    Kind{StepPart::pipeline_exposed, "pipeline transfers", HidingRule::grows},
};

struct Use {
  double exposed_s = 0;
  double in_all_s = 0;
  double bytes = 0;
};

Use use_of(const Kind& kind, const PlanReport& report) {
  Use use;
  use.exposed_s = seconds_of(report, kind.part);
  for (const CollectiveUse& one : report.step.collectives) {
    if (one.part != kind.part) continue;
    use.in_all_s += one.time.value();
    use.bytes += one.bytes.value() * one.calls;
  }
  return use;
}

// Tokens that a sequence may be shortened or lengthened by: every rank keeps whole pieces.
std::int64_t granule_of(const Plan& plan) {
  return std::lcm(plan.tensor, 2 * plan.context.degree);
}

class Threshold {
 public:
  Threshold(Question question, const Kind& kind) : question_(std::move(question)), kind_(kind) {
    if (kind.rule == HidingRule::beside_units) question_.model.vocabulary = 1;
    question_.model.attention_window = 0;
    granule_ = granule_of(question_.plan);
    per_sequence_ = static_cast<double>(question_.plan.micro_batch) /
                    static_cast<double>(question_.plan.context.degree);
  }

  // By bisection: longer passes hide no less.
  std::optional<double> find() {
    std::int64_t high = std::max<std::int64_t>(
        1, static_cast<std::int64_t>(static_cast<double>(most_tokens) / per_sequence_) / granule_);
    const Use at_most = use_at(high);
    if (!legal_) return std::nullopt;
    std::int64_t low = 0;
    const auto hides = [&](std::int64_t units) {
      const Use use = use_at(units);
      return use.exposed_s <= at_most.exposed_s + negligible * use.in_all_s;
    };
    if (!hides(high / 2)) return std::nullopt;
    while (high - low > 1) {
      const std::int64_t middle = low + (high - low) / 2;
      (hides(middle) ? high : low) = middle;
    }
    return static_cast<double>(high * granule_) * per_sequence_;
  }

 private:
  Use use_at(std::int64_t units) {
    Question question = question_;
    question.training.sequence_length = units * granule_;
    const PlanReport report = predicted(std::move(question));
    legal_ = legal_ && report.legal;
    return use_of(kind_, report);
  }

  Question question_;
  const Kind& kind_;
  std::int64_t granule_ = 1;
  double per_sequence_ = 1;
  bool legal_ = true;
};

}  // namespace

const char* to_string(HidingRule rule) {
  switch (rule) {
    case HidingRule::beside_units: return "beside_units";
    case HidingRule::after_backward: return "after_backward";
    case HidingRule::not_prefetched: return "not_prefetched";
    case HidingRule::grows: return "grows";
  }
  return "";
}

std::vector<Hiding> hidings(const Question& question, const PlanReport& report) {
  std::vector<Hiding> list;
  const Plan& plan = question.plan;
  for (const Kind& kind : kinds) {
    const Use use = use_of(kind, report);
    if (use.in_all_s <= 0) continue;
    Hiding one;
    one.what = kind.what;
    one.rule = kind.rule;
    if (kind.rule == HidingRule::beside_units && !plan.prefetches()) {
      one.rule = HidingRule::not_prefetched;
    }
    one.tokens_now = static_cast<double>(plan.micro_batch * question.training.sequence_length) /
                     static_cast<double>(plan.context.degree);
    one.exposed_s = use.exposed_s;
    one.in_all_s = use.in_all_s;
    one.bandwidth = use.bytes / use.in_all_s;
    const bool searched =
        one.rule == HidingRule::beside_units || one.rule == HidingRule::after_backward;
    if (searched) one.tokens = Threshold(question, kind).find();
    list.push_back(std::move(one));
  }
  return list;
}

std::string statement_of(const Hiding& one) {
  const std::string now = fmt::format("here {:.0f}", one.tokens_now);
  const std::string waits =
      fmt::format("{} of {} exposed", duration(one.exposed_s), duration(one.in_all_s));
  switch (one.rule) {
    case HidingRule::grows:
      return fmt::format("{}: no threshold, since they grow with the tokens as compute does ({})",
                         one.what, waits);
    case HidingRule::not_prefetched:
      return fmt::format("{}: no threshold without prefetch: nothing runs beside them ({})", one.what,
                         waits);
    case HidingRule::beside_units:
    case HidingRule::after_backward: break;
  }
  if (!one.tokens) {
    return fmt::format("{}: not hidden at a million tokens per GPU and micro-batch either ({})",
                       one.what, waits);
  }
  const char* verb = one.rule == HidingRule::after_backward ? "as far as it can be, from" : "from";
  return fmt::format("{}: hidden {} {} tokens per GPU and micro-batch on ({}; {}), at {} GB/s",
                     one.what, verb, three_digits(*one.tokens), now, waits,
                     three_digits(one.bandwidth / 1e9));
}

}  // namespace lockstep
