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
constexpr double nearly_all = 0.99;
constexpr double hardly_any = 0.02;

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

class ThresholdSearch {
 public:
  ThresholdSearch(Question question, const Kind& kind, bool with_ends)
      : question_(std::move(question)), kind_(kind) {
    if (!with_ends) question_.model.vocabulary = rows * question_.plan.tensor;
    question_.model.attention_window = 0;
    granule_ = granule_of(question_.plan);
    per_sequence_ = static_cast<double>(question_.plan.micro_batch) /
                    static_cast<double>(question_.plan.context.degree);
  }

  // By bisection: longer passes hide no less. Sets the threshold of `one`.
  void find(Hiding& one) {
    std::int64_t high =
        std::max<std::int64_t>(2, static_cast<std::int64_t>(static_cast<double>(most_tokens) / per_sequence_) / granule_);
    one.always_exposed = exposed_share(high);
    const auto hides = [&](std::int64_t units) {
      return exposed_share(units) <= one.always_exposed + negligible;
    };
    const bool anything_beside = one.always_exposed < nearly_all;
    const bool within = hides(high / 2);
    const bool always = hides(1);
    if (!legal_) return;
    one.threshold = !anything_beside ? Threshold::nothing_beside
                    : always         ? Threshold::always
                    : !within        ? Threshold::beyond
                                     : Threshold::from;
    if (one.threshold != Threshold::from) return;
    std::int64_t low = 1;
    while (high - low > 1) {
      const std::int64_t middle = low + (high - low) / 2;
      (hides(middle) ? high : low) = middle;
    }
    if (legal_) {
      one.tokens = static_cast<double>(high * granule_) * per_sequence_;
    } else {
      one.threshold = Threshold::none;
    }
  }

 private:
  static constexpr std::int64_t rows = 128;  // of the vocabulary on a rank: as good as none

  double exposed_share(std::int64_t units) {
    Question question = question_;
    question.training.sequence_length = units * granule_;
    const PlanReport report = predicted(question);
    legal_ = legal_ && report.legal;
    const Use use = use_of(kind_, report);
    return use.in_all_s > 0 ? use.exposed_s / use.in_all_s : 0.0;
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

const char* to_string(Threshold threshold) {
  switch (threshold) {
    case Threshold::from: return "from";
    case Threshold::always: return "always";
    case Threshold::beyond: return "beyond";
    case Threshold::nothing_beside: return "nothing_beside";
    case Threshold::none: return "none";
  }
  return "";
}

bool Hiding::hidden() const { return exposed_s <= hardly_any * in_all_s; }

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
    const bool units = one.rule == HidingRule::beside_units;
    if (searched) ThresholdSearch(question, kind, !units).find(one);
    if (units && one.threshold == Threshold::from) {
      Hiding whole = one;
      ThresholdSearch(question, kind, true).find(whole);
      if (whole.threshold == Threshold::from) one.tokens_with_ends = whole.tokens;
    }
    list.push_back(std::move(one));
  }
  return list;
}

namespace {

std::string ends_words(const Hiding& one) {
  if (!one.tokens_with_ends || *one.tokens_with_ends <= *one.tokens) return {};
  return fmt::format(", with embedding and head from {}", three_digits(*one.tokens_with_ends));
}

}  // namespace

std::string statement_of(const Hiding& one) {
  const std::string waits =
      fmt::format("{} of {} exposed", duration(one.exposed_s), duration(one.in_all_s));
  if (one.rule == HidingRule::grows) {
    return fmt::format("{}: no threshold, since they grow with the tokens as compute does ({})",
                       one.what, waits);
  }
  if (one.rule == HidingRule::not_prefetched) {
    return fmt::format("{}: no threshold without prefetch: nothing runs beside them ({})", one.what, waits);
  }
  const bool some_always = one.always_exposed > hardly_any;
  const std::string rest =
      some_always ? fmt::format(" but for {} that nothing hides", percent(one.always_exposed)) : "";
  switch (one.threshold) {
    case Threshold::from:
      return fmt::format("{}: hidden{} from {} tokens per GPU and micro-batch on{} (here {:.0f}; {}), at {} GB/s",
                         one.what, rest, three_digits(*one.tokens), ends_words(one), one.tokens_now,
                         waits, three_digits(one.bandwidth / 1e9));
    case Threshold::always:
      return fmt::format("{}: hidden{} at any length ({}), at {} GB/s", one.what, rest, waits,
                         three_digits(one.bandwidth / 1e9));
    case Threshold::beyond:
      return fmt::format("{}: not hidden at a million tokens per GPU and micro-batch either ({})",
                         one.what, waits);
    case Threshold::nothing_beside:
      return fmt::format("{}: nothing runs beside them at any length ({})", one.what, waits);
    case Threshold::none: break;
  }
  return fmt::format("{}: no other sequence length is legal ({})", one.what, waits);
}

}  // namespace lockstep
