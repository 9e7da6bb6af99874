#include "validate/measure/step_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"

namespace lockstep {
namespace {

constexpr std::size_t width = 100;
constexpr double milliseconds = 1e3;

std::string counted(std::int64_t count, const char* one, const char* many) {
  return fmt::format("{} {}", count, count == 1 ? one : many);
}

std::string in_ms(double seconds) {
  return fmt::format("{:.3f}", seconds * milliseconds);
}

struct Line {
  std::string name, predicted, measured, difference, share;
};

std::string table(const std::vector<Line>& lines) {
  std::size_t name = 0;
  for (const Line& line : lines) name = std::max(name, display_width(line.name));
  std::string out;
  for (const Line& line : lines) {
    out += "  " + pad_right(line.name, name) + "  " + pad_left(line.predicted, 12);
    if (!line.measured.empty())
      out += pad_left(line.measured, 12) + pad_left(line.difference, 13) + pad_left(line.share, 15);
    out += '\n';
  }
  return out;
}

double predicted_sum(const SmallStep& step) {
  double sum = 0;
  for (const PredictedTerm& term : predicted_terms(step)) sum += term.seconds;
  return sum;
}

}  // namespace

std::string small_step_text(const SmallStep& step, const std::string& scenario) {
  const char* where = step.ranks == 1 ? "on 1 GPU" : "the kernels of one rank on 1 GPU";
  std::string out = fmt::format(
      "{} · plan {}\n{}, {} of {} x {} tokens; {}\n", printable(scenario),
      printable(step.plan.name), counted(step.model.layers, "layer", "layers"),
      counted(step.workload.micro_batches, "micro-batch", "micro-batches"), step.plan.micro_batch,
      step.training.sequence_length,
      step.collectives ? fmt::format("on {}, with the plan's collectives between them",
                                     counted(step.ranks, "GPU", "GPUs"))
                       : std::string(where));
  std::string left_out;
  for (const std::string& what : step.not_run)
    left_out += (left_out.empty() ? "" : "; ") + what;
  return out + wrap(left_out, width, "not run: ", std::string(9, ' ')) + "\n\n";
}

std::string predicted_step_text(const SmallStep& step, const std::string& scenario) {
  std::vector<Line> lines{{"", "predicted ms", {}, {}, {}}};
  for (const PredictedTerm& term : predicted_terms(step)) {
    if (term.seconds > 0) lines.push_back({term.name, in_ms(term.seconds), {}, {}, {}});
  }
  lines.push_back({"the step", in_ms(predicted_sum(step)), {}, {}, {}});
  return small_step_text(step, scenario) + table(lines);
}

std::string measured_step_text(const MeasuredStep& measured, const SmallStep& step) {
  const double whole = measured.time.median_s;
  std::vector<Line> lines{{"", "predicted ms", "measured", "difference", "of the step"}};
  const auto line = [&](const std::string& name, double predicted, double seconds) {
    const double difference = predicted - seconds;
    lines.push_back({name, in_ms(predicted), in_ms(seconds),
                     fmt::format("{:+.3f}", difference * milliseconds),
                     fmt::format("{:+.1f} %", 100.0 * difference / whole)});
  };
  for (const MeasuredTerm& term : measured.terms)
    line(term.name, term.predicted_s, term.measured_s);
  line("the step", measured.predicted_s, whole);
  return small_step_text(step, measured.scenario) + table(lines) +
         fmt::format("\n  measured {:.3f} ms [{:.3f} … {:.3f}], median of {} with its 90 % "
                     "interval\n",
                     whole * milliseconds, measured.time.low_s * milliseconds,
                     measured.time.high_s * milliseconds,
                     counted(measured.time.repeats, "repeat", "repeats"));
}

}  // namespace lockstep
