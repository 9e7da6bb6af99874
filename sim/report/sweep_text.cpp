// A sweep as text: the winner at each point, the curve, every plan, the whole run.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/utf8.hpp"
#include "sim/report/names.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/sweep_report.hpp"
#include "sim/report/text.hpp"

namespace lockstep {

namespace {

using sweeping::short_name;
using text::paragraph;

constexpr std::string_view indent = "  ";
constexpr std::size_t least_plan = 12;
constexpr std::size_t least_label = 8;

std::size_t width_of(const TextOptions& options) {
  return static_cast<std::size_t>(options.width);
}

const std::string& swept_path(const SweepReport& report) {
  return report.request.axes[report.along].path;
}

bool one_plan(const SweepReport& report) {
  return std::all_of(report.points.begin(), report.points.end(),
                     [](const SweepPoint& point) { return point.plans.size() <= 1; }) &&
         !report.request.search;
}

// The number of plans, or what finds them.
std::string what_runs(const SweepReport& report) {
  if (report.request.search) return "the best plan that a search finds at each point";
  const std::size_t plans =
      report.request.plans.empty() ? report.base.plans.size() : report.request.plans.size();
  if (plans > 1) return fmt::format("the fastest of {} plans at each point", plans);
  const std::string& name = report.request.plans.empty() ? report.base.plans.front().plan.name
                                                         : report.request.plans.front();
  return "plan " + unbroken(printable(name));
}

std::string scaling_words(const SweepReport& report) {
  const Training& training = report.base.training;
  switch (report.scaling) {
    case Scaling::none:
      return {};
    case Scaling::strong:
      return "strong scaling: the batch stays";
    case Scaling::weak:
      return unbroken(fmt::format("weak scaling: {} sequences on {} GPUs, and so for each",
                                  training.global_batch, report.base.cluster.gpus));
  }
  return {};
}

std::string heading(const SweepReport& report, const TextOptions& options) {
  const Scenario& base = report.base;
  std::string facts;
  const auto add = [&](const std::string& fact) {
    if (!fact.empty())
      facts += (facts.empty() ? "" : " · ") + unbroken(cut(fact, width_of(options)));
  };
  add(base.model.name == "inline" ? "inline model" : printable(base.model.name));
  for (const SweepAxis& axis : report.request.axes) {
    const std::string values =
        axis.values.size() == 1 ? axis.values.front()
                                : fmt::format("{} to {}", axis.values.front(), axis.values.back());
    add(fmt::format("{} {}", printable(axis.path), printable(values)));
  }
  add(scaling_words(report));
  add(what_runs(report));
  const std::string title = cut(printable(base.name), width_of(options));
  return painted(title, Tone::strong, options.color) + '\n' +
         wrap(facts, width_of(options), "", "") + '\n';
}

// What a table of points has besides the numbers.
struct PointColumns {
  bool gpus = false;
  bool batch = false;
  bool plan = false;
  bool verdict = false;
  bool scaling = false;
};

PointColumns columns_of(const SweepReport& report, const SweepLine& line) {
  PointColumns columns;
  columns.gpus = swept_path(report) == "cluster.nodes";
  columns.batch = report.scaling == Scaling::weak;
  columns.plan = !one_plan(report);
  columns.scaling = report.scaling != Scaling::none;
  for (const std::size_t index : line.points) {
    const SweepPlan* best = report.points[index].best();
    columns.verdict = columns.verdict || best == nullptr || best->fit_probability < 0.9;
  }
  return columns;
}

Cell verdict_of(const SweepPoint& point, const SweepPlan* plan) {
  if (plan == nullptr) return {point.problem.empty() ? "none fits" : "no plan", Tone::bad};
  if (!plan->legal) return {"not legal", Tone::bad};
  if (!std::isfinite(plan->step_time_s.value)) return {"no route", Tone::bad};
  if (!plan->feasible) return {"too big", Tone::bad};
  return {"fits", plan->fit_probability < 0.9 ? Tone::warning : Tone::good};
}

// The plan that a row shows: the best, or the only one, even where it does not fit.
const SweepPlan* plan_of_row(const SweepPoint& point, bool only_one) {
  if (const SweepPlan* best = point.best()) return best;
  return only_one && point.plans.size() == 1 ? &point.plans.front() : nullptr;
}

void add_numbers(const SweepPlan* plan, std::vector<Cell>& row) {
  if (plan == nullptr || !plan->legal) {
    row.resize(row.size() + 5);
    return;
  }
  const Tone tone = plan->feasible ? Tone::plain : Tone::quiet;
  row.push_back({duration(plan->step_time_s.value), tone});
  row.push_back({interval(plan->step_time_s, time_unit(plan->step_time_s.value)), Tone::quiet});
  row.push_back({three_digits(plan->tokens_per_s_per_gpu.value), tone});
  row.push_back({percent(plan->mfu.value), tone});
  row.push_back({memory(plan->peak_memory_bytes.value), tone});
}

Table points_table(const SweepReport& report, const SweepLine& line) {
  const PointColumns shown = columns_of(report, line);
  std::vector<Column> columns{{short_name(swept_path(report)), Align::right, least_label, 0}};
  if (shown.gpus) columns.push_back({"GPUs", Align::right});
  if (shown.batch) columns.push_back({"batch", Align::right});
  if (shown.plan) columns.push_back({"best plan", Align::left, least_plan, 2});
  for (Column column : {Column{"step", Align::right}, Column{"[90 %]", Align::left, 0, 1},
                        Column{"tok/s/GPU", Align::right, 0, 1}, Column{"MFU", Align::right},
                        Column{"peak", Align::right}}) {
    columns.push_back(std::move(column));
  }
  if (shown.verdict) columns.push_back({"memory", Align::left, 0, 1});
  if (shown.scaling) columns.push_back({"scaling", Align::right});
  Table table(std::move(columns));
  for (std::size_t place = 0; place < line.points.size(); ++place) {
    const SweepPoint& point = report.points[line.points[place]];
    const SweepPlan* plan = plan_of_row(point, !shown.plan);
    std::vector<Cell> row{{printable(sweeping::label_of(report, line, place)), Tone::plain}};
    if (shown.gpus) row.push_back({point.gpus > 0 ? std::to_string(point.gpus) : "", Tone::quiet});
    if (shown.batch) {
      row.push_back(
          {point.global_batch > 0 ? std::to_string(point.global_batch) : "", Tone::quiet});
    }
    if (shown.plan) row.push_back({plan == nullptr ? "–" : printable(plan->shape), Tone::plain});
    add_numbers(plan, row);
    if (shown.verdict) row.push_back(verdict_of(point, plan));
    if (shown.scaling)
      row.push_back({point.efficiency > 0 ? percent(point.efficiency) : "", Tone::plain});
    table.add(std::move(row));
  }
  return table;
}

std::string line_heading(const SweepReport& report, const SweepLine& line,
                         const TextOptions& options) {
  if (report.lines.size() < 2) return {};
  const std::size_t other = 1 - report.along;
  const std::string words =
      fmt::format("{} = {}", printable(report.request.axes[other].path),
                  printable(report.points[line.points.front()].values[other]));
  return std::string(indent) +
         painted(cut(words, width_of(options) - indent.size()), Tone::strong, options.color) + '\n';
}

std::string line_text(const SweepReport& report, const SweepLine& line,
                      const TextOptions& options) {
  std::string text = line_heading(report, line, options);
  text += points_table(report, line).render(width_of(options), indent, options.color) + '\n';
  if (!one_plan(report)) text += paragraph(sweeping::winners_text(report, line), options) + '\n';
  return text;
}

// Every plan of the scenario at every point of a line, as many columns at once as there is room
// for.
std::string plans_text(const SweepReport& report, const SweepLine& line,
                       const TextOptions& options) {
  const bool rate = sweeping::shows_rate(report);
  std::string text =
      std::string(indent) +
      painted(rate ? "every plan, tokens/s/GPU; * wins" : "every plan, step time; * wins",
              Tone::quiet, options.color) +
      '\n';
  constexpr std::size_t at_once = 7;
  const std::vector<SweepPlan>* plans = nullptr;
  for (const std::size_t index : line.points) {
    if (!report.points[index].plans.empty()) plans = &report.points[index].plans;
  }
  if (plans == nullptr) return {};
  for (std::size_t begin = 0; begin < line.points.size(); begin += at_once) {
    const std::size_t end = std::min(begin + at_once, line.points.size());
    std::vector<Column> columns{{short_name(swept_path(report)), Align::left, least_plan, 0}};
    for (std::size_t place = begin; place < end; ++place) {
      columns.push_back(
          {printable(sweeping::label_of(report, line, place)), Align::right, least_label, 2});
    }
    Table table(std::move(columns));
    for (std::size_t i = 0; i < plans->size(); ++i) {
      std::vector<Cell> row{{printable((*plans)[i].name), Tone::plain}};
      for (std::size_t place = begin; place < end; ++place) {
        const SweepPoint& point = report.points[line.points[place]];
        if (point.plans.empty()) {
          row.push_back({"–", Tone::quiet});
          continue;
        }
        const SweepPlan& plan = point.plans[i];
        if (!plan.feasible) {
          const Cell verdict = verdict_of(point, &plan);
          row.push_back({verdict.text == "not legal" ? "–" : verdict.text, Tone::quiet});
          continue;
        }
        const bool wins = &plan == point.best();
        const std::string value =
            rate ? three_digits(plan.tokens_per_s_per_gpu.value) : duration(plan.step_time_s.value);
        row.push_back({(wins ? "* " : "") + value, wins ? Tone::strong : Tone::plain});
      }
      table.add(std::move(row));
    }
    text += (begin > 0 ? "\n" : "") + table.render(width_of(options), indent, options.color);
  }
  return text + '\n';
}

// The best plan of each point of a grid: rows along the lines, a column for each line.
std::string grid_text(const SweepReport& report, const TextOptions& options) {
  const bool rate = sweeping::shows_rate(report);
  const std::size_t other = 1 - report.along;
  std::string text =
      std::string(indent) +
      painted(cut(fmt::format("{} of the best plan, by {} (down) and {} (across)",
                              rate ? "tokens/s/GPU" : "step time", short_name(swept_path(report)),
                              short_name(report.request.axes[other].path)),
                  width_of(options) - indent.size()),
              Tone::quiet, options.color) +
      '\n';
  constexpr std::size_t at_once = 7;
  for (std::size_t begin = 0; begin < report.lines.size(); begin += at_once) {
    const std::size_t end = std::min(begin + at_once, report.lines.size());
    std::vector<Column> columns{{short_name(swept_path(report)), Align::right, least_label, 0}};
    for (std::size_t line = begin; line < end; ++line) {
      const SweepPoint& first = report.points[report.lines[line].points.front()];
      columns.push_back({printable(first.values[other]), Align::right, least_label, 2});
    }
    Table table(std::move(columns));
    for (std::size_t place = 0; place < report.lines.front().points.size(); ++place) {
      std::vector<Cell> row{
          {printable(sweeping::label_of(report, report.lines.front(), place)), Tone::plain}};
      for (std::size_t line = begin; line < end; ++line) {
        const SweepPlan* best = report.points[report.lines[line].points[place]].best();
        if (best == nullptr) {
          row.push_back({"none fits", Tone::quiet});
        } else {
          row.push_back({rate ? three_digits(best->tokens_per_s_per_gpu.value)
                              : duration(best->step_time_s.value),
                         Tone::plain});
        }
      }
      table.add(std::move(row));
    }
    text += (begin > 0 ? "\n" : "") + table.render(width_of(options), indent, options.color);
  }
  return text + '\n';
}

// What a search found at each point of a line, by the whole name.
std::string found_text(const SweepReport& report, const SweepLine& line,
                       const TextOptions& options) {
  Table table({{short_name(swept_path(report)), Align::right, least_label, 0},
               {"found", Align::left, least_plan, 2}});
  for (std::size_t place = 0; place < line.points.size(); ++place) {
    const SweepPlan* best = report.points[line.points[place]].best();
    if (best == nullptr) continue;
    table.add({{printable(sweeping::label_of(report, line, place)), Tone::plain},
               {printable(best->name), Tone::plain}});
  }
  return table.render(width_of(options), indent, options.color) + '\n';
}

// What the whole run takes with the best plan of each point of a line.
std::string run_text(const SweepReport& report, const SweepLine& line, const TextOptions& options) {
  constexpr double day = 86400;
  const Price& price = report.base.price;
  bool length = false;
  for (const std::size_t index : line.points)
    length = length || report.points[index].total_tokens > 0;
  if (!length && !price.stated()) return {};
  std::vector<Column> columns{{short_name(swept_path(report)), Align::right, least_label, 0}};
  if (length) {
    columns.push_back({"the whole run", Align::right});
    columns.push_back({"[90 %]", Align::left, 0, 1});
    columns.push_back({"GPU-hours", Align::right});
  }
  if (length && price.stated())
    columns.push_back({"cost, " + printable(price.currency), Align::right});
  if (price.stated()) columns.push_back({"per million tokens", Align::right});
  Table table(std::move(columns));
  for (std::size_t place = 0; place < line.points.size(); ++place) {
    const SweepPlan* best = report.points[line.points[place]].best();
    if (best == nullptr) continue;
    std::vector<Cell> row{{printable(sweeping::label_of(report, line, place)), Tone::plain}};
    if (length) {
      const Predicted time{best->run.days * day, best->run_low.days * day,
                           best->run_high.days * day};
      row.push_back({duration(time.value), Tone::plain});
      row.push_back({interval(time, time_unit(time.value)), Tone::quiet});
      row.push_back({scaled(best->run.gpu_hours), Tone::plain});
    }
    if (length && price.stated()) row.push_back({scaled(best->run.cost), Tone::plain});
    if (price.stated())
      row.push_back({three_digits(best->run.cost_per_million_tokens), Tone::plain});
    table.add(std::move(row));
  }
  std::string text = table.render(width_of(options), indent, options.color);
  if (price.stated()) text += paragraph("Costs are " + text::price_text(price) + ".", options);
  return text + '\n';
}

std::string not_modelled(const SweepReport& report, const TextOptions& options) {
  Report words;
  words.not_modelled = report.not_modelled;
  return text::not_modelled_text(words, options);
}

}  // namespace

std::string sweep_text(const SweepReport& report, const TextOptions& options) {
  std::string text = heading(report, options) + '\n';
  for (const SweepLine& line : report.lines) text += line_text(report, line, options);
  if (report.lines.size() > 1) {
    text += grid_text(report, options);
  } else {
    const SweepLine& line = report.lines.front();
    if (report.any_feasible()) text += sweeping::chart(report, line, options) + '\n';
    if (!one_plan(report) && !report.request.search) text += plans_text(report, line, options);
    if (report.request.search && report.any_feasible()) text += found_text(report, line, options);
    if (report.any_feasible()) text += run_text(report, line, options);
  }
  const std::string notes = sweeping::notes(report, options);
  return text + notes + (notes.empty() ? "" : "\n") + not_modelled(report, options);
}

}  // namespace lockstep
