// What a search found, as text.
#include <fmt/format.h>

#include <algorithm>
#include <optional>

#include "scenarios/utf8.hpp"
#include "sim/report/names.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/scatter.hpp"
#include "sim/report/search_report.hpp"
#include "sim/report/search_tables.hpp"
#include "sim/report/search_words.hpp"
#include "sim/report/text.hpp"

namespace lockstep {

namespace {

using text::paragraph;

constexpr std::size_t longest_front = 12;
constexpr std::size_t longest_reasons = 8;
constexpr std::string_view indent = "  ";

std::string title(const std::string& words, const TextOptions& options) {
  return '\n' + painted("  " + words, Tone::strong, options.color) + '\n';
}

std::string rendered(const Table& table, const TextOptions& options) {
  return table.render(static_cast<std::size_t>(options.width), indent, options.color);
}

// The table, what ties in it, and what its plans do otherwise.
std::string best_text(const SearchReport& report, const TextOptions& options) {
  std::string out = '\n' + search_tables::best(report, options);
  std::string ties;
  for (const TieGroup& group : report.groups) {
    const std::string words = search_words::tie(group, report.request.objective);
    if (!words.empty()) ties += (ties.empty() ? "" : " ") + words;
  }
  if (!ties.empty()) out += '\n' + paragraph(ties, options);
  const std::string evidence = text::nearest_evidence(report.report.plans.front(), 1);
  if (!evidence.empty()) out += '\n' + paragraph("Of the first: " + evidence, options);
  out +=
      title(report.best == 1 ? "where the step goes"
                             : "where the step goes, and what a plan does otherwise than the first",
            options) +
      search_tables::otherwise(report, options);
  const std::string alike = search_words::alike(report);
  return alike.empty() ? out : out + paragraph(alike, options);
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

std::string run_of(const SearchReport& report, const TextOptions& options) {
  std::vector<text::RunRow> rows;
  const std::size_t digits = std::to_string(report.best).size();
  for (std::size_t place = 0; place < report.best; ++place) {
    const PlanReport& plan = report.report.plans[place];
    rows.push_back({"plan " + pad_left(std::to_string(place + 1), digits), &plan});
  }
  const std::string table = text::run_table(report.report.scenario, rows, options);
  return table.empty() ? table : '\n' + table;
}

std::string front_title(const SearchReport& report, const SearchFront& front) {
  switch (front.kind) {
    case FrontKind::memory:  // of plans on as many GPUs
      return fmt::format("step time against memory on {} GPUs",
                         report.report.plans[front.plans.front()].cluster.gpus);
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

// Where a front has a shape; its first plan is the strong point where that is the best of all.
std::string drawing(const SearchReport& report, const SearchFront& front,
                    const TextOptions& options) {
  constexpr std::size_t least_points = 6;
  constexpr std::size_t rows = 8;
  if (front.kind != FrontKind::memory || front.plans.size() < least_points) return {};
  std::vector<ScatterPoint> points;
  for (const std::size_t index : front.plans) {
    const PlanReport& plan = report.report.plans[index];
    points.push_back(
        {plan.peak_memory_bytes.value, plan.step_time_s.value, "", report.found() && index == 0});
  }
  return scatter(points, {"peak memory", memory}, {"step time", duration}, rows, options) + '\n';
}

std::string fronts_text(const SearchReport& report, const TextOptions& options) {
  std::string out;
  for (const SearchFront& front : report.fronts) {
    const std::size_t count = front.plans.size();
    // A front of the best plan alone trades nothing.
    if (count == 1 && front.plans.front() == 0) continue;
    std::string words = fmt::format("{}: {}", front_title(report, front),
                                    count == 1 ? "one plan" : fmt::format("{} plans", count));
    if (count > longest_front) {
      words += fmt::format(", {} of them; --format json has all", longest_front);
    }
    out += title(words, options) + drawing(report, front, options) +
           search_tables::front(report, front, shown_rows(count), options);
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
  if (report.nearest_interrupted) {
    lines +=
        paragraph("The search for the plan that needs the least memory was interrupted.", options);
  }
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
    out += run_of(report, options);
  }
  out += fronts_text(report, options);
  out += relaxations_text(report, options) + counts_text(report, options);
  out += next_text(next, options) + '\n';
  return out + text::not_modelled_text(report.report, options);
}

}  // namespace lockstep
