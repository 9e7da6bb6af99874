// What a search found, as text.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "scenarios/utf8.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/names.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/search_report.hpp"
#include "sim/report/search_words.hpp"
#include "sim/report/short_partition.hpp"
#include "sim/report/text.hpp"

namespace lockstep {

namespace {

using text::paragraph;

constexpr std::size_t least_name = 12;
constexpr std::size_t longest_front = 12;
constexpr std::size_t longest_reasons = 8;
constexpr std::string_view indent = "  ";

std::string title(const std::string& words, const TextOptions& options) {
  return '\n' + painted("  " + words, Tone::strong, options.color) + '\n';
}

std::string rendered(const Table& table, const TextOptions& options) {
  return table.render(static_cast<std::size_t>(options.width), indent, options.color);
}

bool fits_whole(const Table& table, const TextOptions& options) {
  return table.natural_width() + indent.size() <= static_cast<std::size_t>(options.width);
}

// "0.83", "> 0.99".
std::string bare_probability(double p) {
  const std::string words = probability(p);
  return words.substr(words.find_first_of("0123456789<>—", 1));
}

Cell name_of(const PlanReport& plan, bool first) {
  return {printable(plan.plan.name), first ? Tone::strong : Tone::plain};
}

// "8", and "8 =" where the plan ties with the one above it.
std::array<Cell, 2> place_of(const SearchReport& report, std::size_t place) {
  bool ties = false;
  for (const TieGroup& group : report.groups) ties |= group.first < place && place <= group.last;
  return {Cell{std::to_string(place + 1), Tone::quiet}, Cell{ties ? "=" : "", Tone::quiet}};
}

// The four shares in whole percent; they sum to 100.
std::vector<Cell> partition_cells(const PlanReport& plan) {
  const ShortPartition p = short_partition(plan);
  std::vector<Cell> cells;
  for (const std::string& share : text::shares({p.compute, p.communication, p.bubble, p.rest}, 1)) {
    cells.push_back({share, Tone::plain});
  }
  return cells;
}

bool gpus_differ(const SearchReport& report) {
  const std::vector<PlanReport>& plans = report.report.plans;
  return std::any_of(plans.begin(), plans.end(), [&](const PlanReport& plan) {
    return plan.cluster.gpus != plans.front().cluster.gpus;
  });
}

Table best_table(const SearchReport& report, bool with_interval) {
  std::vector<Column> columns{
      {"", Align::right, 0, 0}, {"", Align::left, 0, 1}, {"plan", Align::left, least_name, 1}};
  const bool with_gpus = gpus_differ(report);
  if (with_gpus) columns.push_back({"GPUs", Align::right, 0, 2});
  columns.push_back({"step", Align::right, 0, 2});
  if (with_interval) columns.push_back({"90 %", Align::left, 0, 1});
  columns.push_back({"MFU", Align::right, 0, 2});
  columns.push_back({"peak", Align::right, 0, 2});
  columns.push_back({"P(fits)", Align::right, 0, 2});
  for (const char* part : {"compute", "comm.", "bubble", "rest"}) {
    columns.push_back({part, Align::right, 0, 2});
  }
  Table table(std::move(columns));
  for (std::size_t place = 0; place < report.best; ++place) {
    const PlanReport& plan = report.report.plans[place];
    const std::array<Cell, 2> number = place_of(report, place);
    std::vector<Cell> row{number[0], number[1], name_of(plan, place == 0)};
    if (with_gpus) row.push_back({std::to_string(plan.cluster.gpus), Tone::plain});
    row.push_back({duration(plan.step_time_s.value), Tone::plain});
    if (with_interval) {
      row.push_back({interval(plan.step_time_s, time_unit(plan.step_time_s.value)), Tone::quiet});
    }
    row.push_back({percent(plan.mfu.value), Tone::plain});
    row.push_back({memory(plan.peak_memory_bytes.value), Tone::plain});
    row.push_back({bare_probability(plan.fit_probability), text::verdict(plan).tone});
    for (Cell& cell : partition_cells(plan)) row.push_back(std::move(cell));
    table.add(std::move(row));
  }
  return table;
}

// With the interval where that leaves the names whole.
std::string best_text(const SearchReport& report, const TextOptions& options) {
  const Table whole = best_table(report, true);
  const bool fits = fits_whole(whole, options);
  std::string out =
      '\n' + (fits ? rendered(whole, options) : rendered(best_table(report, false), options));
  std::string ties;
  for (const TieGroup& group : report.groups) {
    const std::string words = search_words::tie(group, report.request.objective);
    if (!words.empty()) ties += (ties.empty() ? "" : " ") + words;
  }
  return ties.empty() ? out : out + '\n' + paragraph(ties, options);
}

std::string best_plan_text(const SearchReport& report, const TextOptions& options) {
  const PlanReport& best = report.report.plans.front();
  const auto width = static_cast<std::size_t>(options.width);
  const std::string hanging(9, ' ');
  std::string summary = plan_summary(best);
  if (best.cluster.gpus != report.report.scenario.cluster.gpus) {
    summary += fmt::format(" · on {} GPUs", best.cluster.gpus);
  }
  return '\n' + text::label("BEST", options) +
         painted(cut(printable(best.plan.name), width - hanging.size()), Tone::strong,
                 options.color) +
         '\n' + wrap(summary, width, hanging, hanging) + '\n' +
         text::headline(report.report, best, options);
}

// With the names, which the table may have cut.
std::string differences_of(const SearchReport& report, const TextOptions& options) {
  if (report.best < 2) return {};
  const auto width = static_cast<std::size_t>(options.width);
  const std::size_t digits = std::to_string(report.best).size();
  std::string out = title("what the others do otherwise than the first", options);
  for (std::size_t place = 1; place < report.best; ++place) {
    const std::string words = differences_text(report.differences[place]);
    const std::string number = pad_left(std::to_string(place + 1), digits);
    const std::string name = printable(report.report.plans[place].plan.name);
    out += wrap(name + ": " + (words.empty() ? "nothing that a report shows" : words), width,
                "  " + number + "  ", std::string(digits + 4, ' ')) +
           '\n';
  }
  return out;
}

std::string run_of(const SearchReport& report, const TextOptions& options) {
  std::vector<text::RunRow> rows;
  for (std::size_t place = 0; place < report.best; ++place) {
    const PlanReport& plan = report.report.plans[place];
    rows.push_back({fmt::format("{}  {}", place + 1, cut(printable(plan.plan.name), 60)), &plan});
  }
  const std::string table = text::run_table(report.report.scenario, rows, options);
  return table.empty() ? table : '\n' + table;
}

const char* front_title(FrontKind kind) {
  switch (kind) {
    case FrontKind::memory:
      return "step time against memory";
    case FrontKind::gpus:
      return "step time against GPUs";
    case FrontKind::cost:
      break;
  }
  return "time of the run against its cost";
}

// Places of the rows that are shown of so many: all, or some evenly between both ends.
std::vector<std::size_t> shown_rows(std::size_t count) {
  const std::size_t shown = std::min(count, longest_front);
  std::vector<std::size_t> rows;
  for (std::size_t i = 0; i < shown; ++i) {
    rows.push_back(shown == count ? i : i * (count - 1) / (shown - 1));
  }
  return rows;
}

// Without intervals and tokens where those would cut the names.
Table front_table(const SearchReport& report, const SearchFront& front, bool whole) {
  const Scenario& scenario = report.report.scenario;
  const bool of_cost = front.kind == FrontKind::cost;
  std::vector<Column> columns{{"", Align::left, least_name, 0}};
  if (of_cost) {
    columns.push_back({"run", Align::right, 0, 2});
    columns.push_back({printable(scenario.price.currency), Align::right, 0, 2});
  }
  const bool with_gpus = front.kind != FrontKind::memory || gpus_differ(report);
  if (with_gpus) columns.push_back({"GPUs", Align::right, 0, 2});
  columns.push_back({"step", Align::right, 0, 2});
  if (whole) {
    columns.push_back({"90 %", Align::left, 0, 1});
    columns.push_back({"tok/s/GPU", Align::right, 0, 2});
  }
  columns.push_back({"peak", Align::right, 0, 2});
  columns.push_back({"P(fits)", Align::right, 0, 2});
  Table table(std::move(columns));
  for (const std::size_t i : shown_rows(front.plans.size())) {
    const PlanReport& plan = report.report.plans[front.plans[i]];
    std::vector<Cell> row{name_of(plan, report.found() && front.plans[i] == 0)};
    if (of_cost) {
      const RunLength run = run_length(scenario, plan);
      row.push_back({duration(run.time_s.value), Tone::plain});
      row.push_back({scaled(run.cost.value), Tone::plain});
    }
    if (with_gpus) row.push_back({std::to_string(plan.cluster.gpus), Tone::plain});
    row.push_back({duration(plan.step_time_s.value), Tone::plain});
    if (whole) {
      row.push_back({interval(plan.step_time_s, time_unit(plan.step_time_s.value)), Tone::quiet});
      row.push_back({three_digits(plan.tokens_per_s_per_gpu.value), Tone::plain});
    }
    row.push_back({memory(plan.peak_memory_bytes.value), Tone::plain});
    row.push_back({bare_probability(plan.fit_probability), text::verdict(plan).tone});
    table.add(std::move(row));
  }
  return table;
}

std::string fronts_text(const SearchReport& report, const TextOptions& options) {
  std::string out;
  for (const SearchFront& front : report.fronts) {
    const std::size_t count = front.plans.size();
    // A front of the best plan alone trades nothing.
    if (count == 1 && front.plans.front() == 0) continue;
    std::string words = fmt::format("{}: {}", front_title(front.kind),
                                    count == 1 ? "one plan" : fmt::format("{} plans", count));
    if (count > longest_front) {
      words += fmt::format(", {} of them; --format json has all", longest_front);
    }
    const Table whole = front_table(report, front, true);
    const bool fits = fits_whole(whole, options);
    out +=
        title(words, options) + rendered(fits ? whole : front_table(report, front, false), options);
  }
  return out;
}

using Reasons = std::map<std::string, std::uint64_t>;

// Most frequent first; what is beyond the list as one row.
void add_reasons(const char* kind, const Reasons& reasons, Table& table) {
  std::vector<std::pair<std::string, std::uint64_t>> sorted(reasons.begin(), reasons.end());
  std::stable_sort(sorted.begin(), sorted.end(),
                   [](const auto& a, const auto& b) { return a.second > b.second; });
  const std::size_t shown = sorted.size() > longest_reasons + 1 ? longest_reasons : sorted.size();
  std::uint64_t others = 0;
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    if (i >= shown) {
      others += sorted[i].second;
      continue;
    }
    table.add({{i == 0 ? kind : "", Tone::quiet},
               {search_words::compact(sorted[i].second), Tone::plain},
               {printable(sorted[i].first), Tone::plain}});
  }
  if (others == 0) return;
  table.add({{"", Tone::quiet},
             {search_words::compact(others), Tone::plain},
             {fmt::format("{} more reasons", sorted.size() - shown), Tone::plain}});
}

std::string counts_text(const SearchReport& report, const TextOptions& options) {
  Table table({{"", Align::left, 0, 0}, {"", Align::right, 0, 2}, {"", Align::left, 20, 2}});
  add_reasons("illegal", report.counts.illegal, table);
  add_reasons("too much", report.counts.infeasible, table);
  std::string out = '\n' + paragraph(search_words::counts(report), options);
  return report.counts.illegal.empty() && report.counts.infeasible.empty()
             ? out
             : out + rendered(table, options);
}

std::string relaxations_text(const SearchReport& report, const TextOptions& options) {
  std::string lines;
  if (report.nearest) lines += paragraph(search_words::nearest(report), options);
  for (const FoundRelaxation& relaxation : report.relaxations) {
    lines += paragraph(search_words::relaxation(relaxation, report), options);
  }
  if (!lines.empty()) {
    return title(report.found() ? "what a limit costs" : "what comes nearest", options) + lines;
  }
  if (!report.found() || !report.complete()) return {};
  return '\n' + paragraph(
                    "No limit keeps a better plan out by itself, memory up to half as much again "
                    "included.",
                    options);
}

// A command over several lines where it is too long for one; the shell reads it as one.
std::string command_text(const std::string& command, const TextOptions& options) {
  constexpr std::size_t room_for_mark = 2;
  const std::string first = "  ";
  const std::string hanging = "    ";
  std::string lines =
      wrap(command, static_cast<std::size_t>(options.width) - room_for_mark, first, hanging);
  for (std::size_t at = lines.find('\n'); at != std::string::npos; at = lines.find('\n', at + 3)) {
    lines.insert(at, " \\");
  }
  return lines + '\n';
}

std::string next_text(const std::vector<std::string>& next, const TextOptions& options) {
  if (next.empty()) return {};
  std::string out = title("next", options);
  for (const std::string& command : next) out += command_text(command, options);
  return out;
}

}  // namespace

std::string search_text(const SearchReport& report, const std::vector<std::string>& next,
                        const TextOptions& options) {
  std::string out = text::heading(report.report, options) + '\n';
  if (!report.complete()) {
    const std::string words = fmt::format(
        "INTERRUPTED after {} of the combinations: this is the best so far, and not all that "
        "there is.",
        unbroken(percent(report.looked_at)));
    out += painted(wrap(words, static_cast<std::size_t>(options.width), indent, indent),
                   Tone::warning, options.color) +
           "\n\n";
  }
  const std::string verdict = paragraph(search_words::verdict(report), options);
  out += report.found() ? verdict : painted(verdict, Tone::bad, options.color);
  if (report.found()) {
    out += best_plan_text(report, options) + best_text(report, options);
    out += differences_of(report, options) + run_of(report, options);
  }
  out += fronts_text(report, options);
  out += relaxations_text(report, options) + counts_text(report, options);
  out += next_text(next, options) + '\n';
  return out + text::not_modelled_text(report.report, options);
}

}  // namespace lockstep
