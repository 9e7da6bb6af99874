#include "sim/explain/break_even.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>

#include "scenarios/constant_table.hpp"
#include "sim/compute/op_cost.hpp"
#include "sim/explain/scalars.hpp"
#include "sim/explain/step_curve.hpp"
#include "sim/report/numbers.hpp"

namespace lockstep {

namespace {

// Values that hardware has had or has been announced with, per GPU or NIC and direction.
struct Axis {
  const char* path;
  const char* text;
  double low;
  double high;
  bool across_domains;  // means something only where GPUs lie in several domains
};

// Stands for the path of the peak of the type that the linears run in.
constexpr const char* peak_in_use = "";

constexpr std::array axes{
    // 10 Gb/s Ethernet to 1.6 Tb/s (announced).
    Axis{"system.nic_bandwidth", "bandwidth of a NIC", 1.25e9, 200e9, true},
    // PCIe 3.0 x16 to NVLink 6 (announced).
    Axis{"system.link_bandwidth", "bandwidth of a GPU's links inside its domain", 10e9, 1.8e12, false},
    // P100 to Rubin (announced).
    Axis{"gpu.memory_bandwidth", "bandwidth of HBM", 0.5e12, 22e12, false},
    // V100 in 16 bit to Rubin in 8 (announced); of the training's type.
    Axis{peak_in_use, "peak of the matrix units", 100e12, 20e15, false},
};

constexpr std::size_t points = 13;
constexpr double settled = 1e-9;  // of ln of the scalar
constexpr double tie = 1e-6;      // relative difference of two steps that are equally long

// 1: a is faster, -1: b is, 0: a tie.
int order(double a, double b) {
  if (std::abs(a - b) <= tie * std::max(a, b)) return 0;
  return a < b ? 1 : -1;
}

class Curve {
 public:
  explicit Curve(const Contender& plan) : plan_(plan), curves_(plan.question, plan.report) {}

  [[nodiscard]] bool has(const std::string& path) const { return curves_.has(path); }
  double operator()(const std::string& path, double value) { return curves_.at(path, value); }
  // At every point of the axis, once.
  const std::vector<double>& at(const std::string& path, const std::vector<double>& values) {
    std::vector<double>& seconds = known_[path];
    if (seconds.empty()) {
      for (const double value : values) seconds.push_back(curves_.at(path, value));
    }
    return seconds;
  }
  [[nodiscard]] const Contender& plan() const { return plan_; }

 private:
  const Contender& plan_;
  StepCurves curves_;
  std::map<std::string, std::vector<double>> known_;
};

// The axis's ends, what is now, and even steps of the logarithm between.
std::vector<double> values_of(double low, double high, double now) {
  std::vector<double> values;
  for (std::size_t i = 0; i < points; ++i) {
    const double share = static_cast<double>(i) / static_cast<double>(points - 1);
    values.push_back(low * std::pow(high / low, share));
  }
  values.push_back(now);
  std::sort(values.begin(), values.end());
  return values;
}

double value_in(const Contender& plan, const std::string& path) {
  Question question = plan.question;
  return dial(path, question).in(question);
}

bool depends_on(const std::vector<double>& seconds) {
  const auto [least, most] = std::minmax_element(seconds.begin(), seconds.end());
  return *most > *least * (1 + 1e-6);
}

// Where the order is no longer that at the low end, by bisection of the logarithm of the scalar.
double crossing(Curve& a, Curve& b, const std::string& path, double low, double high) {
  const auto ahead = [&](double value) { return order(a(path, value), b(path, value)); };
  const int at_low = ahead(low);
  double from = std::log(low);
  double to = std::log(high);
  while (to - from > settled) {
    const double middle = 0.5 * (from + to);
    (ahead(std::exp(middle)) == at_low ? from : to) = middle;
  }
  return std::exp(0.5 * (from + to));
}

// The collective across domains that takes longest, of both plans.
const CollectiveUse* network_use(const PlanReport& plan) {
  const CollectiveUse* longest = nullptr;
  for (const CollectiveUse& use : plan.step.collectives) {
    if (use.shape.domains < 2 || use.calls <= 0) continue;
    if (longest == nullptr || use.time > longest->time) longest = &use;
  }
  return longest;
}

double effective_bandwidth(const CollectiveUse& use) {
  return use.bytes.value() * use.calls / use.time.value();
}

// What the collectives over the network reach where the order turns. NCCL rates NICs by a table of
// speeds, so that the time jumps between some of them; the share of the fabric that a step has moves
// the same collectives without steps.
std::optional<EffectiveBandwidth> effective_of(const BreakEven& one, Curve& a, Curve& b) {
  constexpr const char* share = "system.network_share";
  if (one.path != "system.nic_bandwidth" || !one.value) return std::nullopt;
  const CollectiveUse* of_a = network_use(a.plan().report);
  const CollectiveUse* of_b = network_use(b.plan().report);
  if (of_a == nullptr && of_b == nullptr) return std::nullopt;
  const double now = value_in(a.plan(), share);
  if (now <= 0 || value_in(b.plan(), share) != now) return std::nullopt;
  // To the far side of the crossing, by a factor that no step of the table exceeds.
  constexpr double beyond = 2;
  const double factor = *one.value / one.now;
  const double end = factor < 1 ? now * factor / beyond : now * factor * beyond;
  const double low = std::min(now, end);
  const double high = std::max(now, end);
  if (order(a(share, low), b(share, low)) == order(a(share, high), b(share, high))) return std::nullopt;
  const bool first = of_b == nullptr || (of_a != nullptr && of_a->time > of_b->time);
  const CollectiveUse& use = first ? *of_a : *of_b;
  Question question = (first ? a : b).plan().question;
  dial(share, question).in(question) = crossing(a, b, share, low, high);
  const PlanReport there = predicted(std::move(question));
  const auto same = std::find_if(
      there.step.collectives.begin(), there.step.collectives.end(),
      [&](const CollectiveUse& other) { return other.name == use.name && other.bytes == use.bytes; });
  if (same == there.step.collectives.end()) return std::nullopt;
  return EffectiveBandwidth{use.name + " across nodes", effective_bandwidth(use),
                            effective_bandwidth(*same)};
}

void find_crossings(BreakEven& one, Curve& a, Curve& b, const std::vector<double>& values,
                    const std::vector<double>& of_a, const std::vector<double>& of_b) {
  for (std::size_t i = 0; i < values.size(); ++i) {
    one.curve.push_back({values[i], of_a[i], of_b[i]});
  }
  const auto winner = [&](std::size_t i) -> std::string {
    const int ahead = order(of_a[i], of_b[i]);
    return ahead == 0 ? std::string{} : ahead > 0 ? one.plan : one.against;
  };
  one.wins_below = winner(0);
  one.wins_above = winner(values.size() - 1);
  double nearest = 0;
  for (std::size_t i = 0; i + 1 < values.size(); ++i) {
    if (order(of_a[i], of_b[i]) == order(of_a[i + 1], of_b[i + 1])) continue;
    ++one.crossings;
    const double value = crossing(a, b, one.path, values[i], values[i + 1]);
    const double distance = std::abs(std::log(value / one.now));
    if (one.value && distance >= nearest) {
      one.other_values.push_back(value);
      continue;
    }
    if (one.value) one.other_values.push_back(*one.value);
    one.value = value;
    nearest = distance;
    one.wins_below = winner(i);
    one.wins_above = winner(i + 1);
  }
  if (!one.value) return;
  one.curve.push_back({*one.value, a(one.path, *one.value), b(one.path, *one.value)});
  std::sort(one.curve.begin(), one.curve.end(),
            [](const BreakEvenPoint& x, const BreakEvenPoint& y) { return x.value < y.value; });
}

}  // namespace

std::vector<BreakEven> break_evens(const Contender& plan, const std::vector<Contender>& others) {
  std::vector<BreakEven> list;
  Curve mine(plan);
  std::vector<std::unique_ptr<Curve>> theirs;
  for (const Contender& other : others) theirs.push_back(std::make_unique<Curve>(other));
  const bool many_domains = domain_count(plan.question.cluster) > 1;
  for (const Axis& axis : axes) {
    if (axis.across_domains && !many_domains) continue;
    const std::string path =
        *axis.path != 0 ? axis.path : peak_path(plan.question.training.linear_dtype());
    const Dial scalar = dial(path, plan.question);
    Question question = plan.question;
    const double now = scalar.in(question);
    if (now <= 0) continue;
    const double low = std::min(axis.low, now);
    const double high = std::max(axis.high, now);
    const std::vector<double> values = values_of(low, high, now);
    for (const std::unique_ptr<Curve>& other : theirs) {
      if (!other->has(path) || value_in(other->plan(), path) != now) continue;
      const std::vector<double>& of_a = mine.at(path, values);
      const std::vector<double>& of_b = other->at(path, values);
      if (!depends_on(of_a) && !depends_on(of_b)) continue;
      BreakEven one;
      one.plan = plan.report.plan.name;
      one.against = other->plan().report.plan.name;
      one.path = path;
      one.setting = scalar.setting;
      one.text = axis.text;
      one.dimension = scalar.dimension;
      one.now = now;
      one.low = low;
      one.high = high;
      find_crossings(one, mine, *other, values, of_a, of_b);
      if (!one.value && one.wins_below.empty()) continue;  // equally fast everywhere
      one.effective = effective_of(one, mine, *other);
      list.push_back(std::move(one));
    }
  }
  return list;
}

std::vector<std::string> without_common_value(const Contender& plan,
                                              const std::vector<Contender>& others) {
  std::vector<std::string> names;
  for (const Contender& other : others) {
    for (const Axis& axis : axes) {
      const std::string path =
          *axis.path != 0 ? axis.path : peak_path(plan.question.training.linear_dtype());
      if (value_in(other, path) == value_in(plan, path)) continue;
      names.push_back(other.report.plan.name);
      break;
    }
  }
  return names;
}

std::string scalar_text(const BreakEven& one, double value) {
  if (one.path == "system.nic_bandwidth") return to_bit_rate_text(BytesPerSecond{value});
  return constant_text(value, one.dimension);
}

std::string statement_of(const BreakEven& one) {
  const auto text = [&](double value) { return scalar_text(one, value); };
  const auto other = [&](const std::string& winner) -> const std::string& {
    return winner == one.plan ? one.against : one.plan;
  };
  if (!one.value) {
    return fmt::format("{} is faster than {} at every {} between {} and {} (now {})", one.wins_below,
                       other(one.wins_below), one.text, text(one.low), text(one.high), text(one.now));
  }
  // Who wins where it stands now; of a tie there, who wins beyond.
  const bool now_above = *one.value <= one.now;
  const std::string& here = now_above ? one.wins_above : one.wins_below;
  const bool above = here.empty() ? !now_above : now_above;
  const std::string& winner = above ? one.wins_above : one.wins_below;
  std::string words =
      fmt::format("{} beats {} while the {} {} {} (now {})", winner, other(winner), one.text,
                  above ? "exceeds" : "stays below", text(*one.value), text(one.now));
  if (one.effective) {
    words += fmt::format(": the {} at {}, now {}", one.effective->what,
                         constant_text(one.effective->at_break_even, Dimension::bytes_per_second),
                         constant_text(one.effective->now, Dimension::bytes_per_second));
  }
  if (one.wins_below.empty() || one.wins_above.empty()) words += "; else they are equally fast";
  for (std::size_t i = 0; i < one.other_values.size(); ++i) {
    words += (i == 0 ? "; the order turns also at " : ", ") + text(one.other_values[i]);
  }
  return words;
}

}  // namespace lockstep
