#include "validate/accuracy.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "validate/markdown.hpp"
#include "validate/runs_tables.hpp"

namespace lockstep {
namespace {

constexpr double listed_regret = 0.05;  // of a source whose groups are listed one by one

std::string section(const std::string& title, const std::string& words, const std::string& table) {
  if (table.empty()) return {};
  return fmt::format("## {}\n\n{}\n\n{}\n", title, words, table);
}

const ErrorSummary* summary_of(const RunsReport& report, const std::string& metric,
                               const std::string& group_by, const std::string& group) {
  for (const ErrorSummary& one : report.summary) {
    if (one.metric == metric && one.group_by == group_by && one.group == group) return &one;
  }
  return nullptr;
}

std::string median_of(const std::optional<RunsReport>& report, const std::string& metric,
                      const std::string& group_by, const std::string& group) {
  const ErrorSummary* one = report ? summary_of(*report, metric, group_by, group) : nullptr;
  return one == nullptr ? "-" : percent_of(one->median_abs_error);
}

// The judged errors, beside the medians with everything in the fit and with whole sources left out.
std::string three_fits_table(const AccuracyData& data, const std::string& metric,
                             const std::string& group_by) {
  MarkdownTable table({group_by, ">rows", ">median", ">p90", ">mean", ">bias", ">in 90 % interval",
                       ">half-width", ">median, all in the fit", ">median, source left out"});
  for (const std::string& wanted : {group_by, std::string("overall")}) {
    for (const ErrorSummary& one : data.judged().summary) {
      if (one.metric != metric || one.group_by != wanted) continue;
      table.add({one.group.empty() ? "(not named)" : markdown_cell(one.group),
                 fmt::format("{}", one.n), fmt::format("**{}**", percent_of(one.median_abs_error)),
                 percent_of(one.p90_abs_error), percent_of(one.mean_abs_error),
                 signed_percent(one.bias), whole_percent(one.coverage_90),
                 whole_percent(one.median_half_width),
                 median_of(data.in_sample, metric, wanted, one.group),
                 median_of(data.without_source, metric, wanted, one.group)});
    }
  }
  return table.empty() ? std::string{} : table.text();
}

RunsReport without_sources(const RunsReport& report, const std::vector<std::string>& apart) {
  RunsReport out;
  for (const RunResult& row : report.rows) {
    if (std::find(apart.begin(), apart.end(), row.source) == apart.end()) out.rows.push_back(row);
  }
  out.summary = summarize_errors(out.rows);
  return out;
}

// Where most rows are of a source whose repeats disagree, groups would show nothing else.
AccuracyData without_noisy_sources(const AccuracyData& data) {
  const std::vector<std::string> apart = apart_of(data.in_sample);
  AccuracyData out;
  out.in_sample = without_sources(data.in_sample, apart);
  if (data.without_model) out.without_model = without_sources(*data.without_model, apart);
  if (data.without_source) out.without_source = without_sources(*data.without_source, apart);
  return out;
}

std::string targets_table(const AccuracyData& data) {
  MarkdownTable table({"what", ">asked", ">reached", ""});
  for (const Target& one : targets(data)) {
    table.add({one.what, one.asked, markdown_cell(one.reached), one.kept ? "yes" : "**no**"});
  }
  return table.text();
}

std::string share_or_dash(const std::vector<double>& errors, const std::string& statistic) {
  return errors.empty() ? "-" : percent_of(statistic_of(errors, statistic));
}

std::string peers_table(const AccuracyData& data) {
  MarkdownTable table({"runs", "error", "tool", ">theirs", ">on runs", ">ours, model left out",
                       ">ours, all in the fit", ">on runs", "reference"});
  for (const PeerResult& peer : data.peers) {
    const std::vector<double> left_out =
        absolute_errors(data.judged().rows, peer.metric, peer.selection);
    const std::vector<double> in_sample =
        absolute_errors(data.in_sample.rows, peer.metric, peer.selection);
    const char* metric = peer.metric == "peak_memory" ? "memory" : "time";
    table.add({markdown_cell(peer.runs), fmt::format("{}, {}", metric, peer.statistic),
               markdown_cell(peer.tool), percent_of(peer.error), fmt::format("{}", peer.rows),
               share_or_dash(left_out, peer.statistic), share_or_dash(in_sample, peer.statistic),
               fmt::format("{}", in_sample.size()), markdown_cell(peer.reference)});
  }
  return table.empty() ? std::string{} : table.text();
}

// One MFU for every run of the sources that peers were compared on.
std::string floor_table(const AccuracyData& data) {
  MarkdownTable table({"runs", ">on runs", ">one MFU, fitted to them",
                       ">one MFU, of the other models", ">ours, model left out"});
  std::vector<std::string> done;
  for (const PeerResult& peer : data.peers) {
    if (std::find(done.begin(), done.end(), peer.selection) != done.end()) continue;
    done.push_back(peer.selection);
    const std::vector<double> fitted =
        constant_mfu_errors(data.in_sample.rows, peer.selection, false);
    const std::vector<double> others =
        constant_mfu_errors(data.in_sample.rows, peer.selection, true);
    const std::vector<double> ours =
        absolute_errors(data.judged().rows, "step_time", peer.selection);
    if (fitted.empty()) continue;
    table.add({markdown_cell(peer.runs), fmt::format("{}", fitted.size()),
               share_or_dash(fitted, "mean"), share_or_dash(others, "mean"),
               share_or_dash(ours, "mean")});
  }
  return table.empty() ? std::string{} : table.text();
}

std::string said_by_others(const std::vector<PeerStep>& steps, const RunResult& row) {
  std::vector<std::string> words;
  for (const PeerStep& step : steps) {
    if (step.selection != row.source || step.model != row.model ||
        step.recompute != row.facts.recompute)
      continue;
    std::string one = step.tool;
    if (step.step_time_s > 0) one += fmt::format(" {:.4g} s", step.step_time_s);
    if (step.memory_gib > 0)
      one += fmt::format("{} {:.1f} GiB", step.step_time_s > 0 ? "," : "", step.memory_gib);
    words.push_back(markdown_cell(one));
  }
  return words.empty() ? "-" : fmt::format("{}", fmt::join(words, "; "));
}

std::string ours(const RunResult& row) {
  const Predicted& time = row.step_time.predicted;
  return fmt::format("{:.3g} s [{:.3g} … {:.3g}] ({})", time.value, time.low, time.high,
                     signed_percent(row.step_time.error()));
}

// Every run of the sources of which other tools predict a single step.
std::string steps_table(const AccuracyData& data) {
  MarkdownTable table({"model", ">GPUs", "recompute", ">measured", ">ours, model left out",
                       ">ours, all in the fit", ">our peak memory", "other tools"});
  const auto selected = [&](const RunResult& row) {
    return std::any_of(data.peer_steps.begin(), data.peer_steps.end(),
                       [&](const PeerStep& step) { return step.selection == row.source; });
  };
  for (std::size_t i = 0; i < data.in_sample.rows.size(); ++i) {
    const RunResult& row = data.in_sample.rows[i];
    const RunResult& judged = data.judged().rows[i];
    if (!row.compared() || !judged.compared() || !selected(row)) continue;
    table.add({markdown_cell(row.model), fmt::format("{}", row.facts.gpus), row.facts.recompute,
               fmt::format("{:.4g} s", row.step_time.measured), ours(judged), ours(row),
               fmt::format("{:.1f} GiB", judged.peak_memory.predicted.value / 0x1p30),
               said_by_others(data.peer_steps, row)});
  }
  return table.empty() ? std::string{} : table.text();
}

const SourceMean* mean_of(const RunsReport& report, const std::string& metric) {
  for (const SourceMean& one : report.over_sources) {
    if (one.metric == metric) return &one;
  }
  return nullptr;
}

std::string over_sources(const RunsReport& report, const std::string& metric) {
  const SourceMean* one = mean_of(report, metric);
  return one == nullptr ? std::string{} : over_sources_sentence(*one);
}

std::string step_times(const AccuracyData& data) {
  const RunsReport& report = data.judged();
  std::string out = section("Step time",
                            "Error is predicted / measured - 1; median, p90 and mean are of its "
                            "size, bias is the mean with its sign. " +
                                over_sources(report, "step_time"),
                            three_fits_table(data, "step_time", "source"));
  const AccuracyData calm = without_noisy_sources(data);
  out += "Other groups, of the sources whose repeats agree:\n\n";
  for (const char* by : {"gpu", "parallelism", "software"}) {
    out += three_fits_table(calm, "step_time", by) + '\n';
  }
  return out;
}

std::string memory(const AccuracyData& data) {
  return section("Peak memory",
                 "The kind that was measured: allocated, reserved or the whole device. " +
                     over_sources(data.judged(), "peak_memory"),
                 three_fits_table(data, "peak_memory", "source")) +
         section("Does it fit?",
                 "Configurations that ran out of memory, and those of the same sources that ran.",
                 out_of_memory_table(data.judged()));
}

std::string choices(const AccuracyData& data) {
  const RunsReport& report = data.judged();
  std::string out =
      section("The best plan",
              "Groups of at least five runs that differ only in the plan: how much "
              "slower than the best the "
              "plan is that is predicted to be fastest. \"all\" has every source but "
              "those whose repeats disagree (see Noise). All these plans ran; `compare` picks "
              "among those that it predicts to fit, which is shown beside.",
              regret_table(report));
  const std::vector<std::string> apart = apart_of(report);
  for (const RegretSummary& one : report.regret) {
    const bool noisy = std::find(apart.begin(), apart.end(), one.source) != apart.end();
    if (one.source == "all" || noisy || one.mean_regret <= listed_regret) continue;
    out += fmt::format("Every group of {}, whose mean regret is above {}:\n\n{}\n",
                       markdown_cell(one.source), whole_percent(listed_regret),
                       choices_table(report, one.source));
  }
  return out;
}

std::string searched(const AccuracyData& data) {
  const std::string groups = searched_table(data.in_sample);
  if (groups.empty()) return {};
  return section("What the search would pick",
                 search_regret_words() +
                     " Constants are those of the fit to all runs, so the measured plans' regret "
                     "differs from that above.",
                 search_regret_table(data.in_sample)) +
         fmt::format(
             "Every group; behind a pick that was run its regret, behind another its "
             "predicted gain:\n\n{}\n",
             groups);
}

std::string heading(const AccuracyData& data) {
  const std::size_t all = data.in_sample.rows.size();
  const std::size_t simulated = simulated_rows(data.in_sample);
  std::string out =
      fmt::format("{} published runs of the corpus: {} predicted, {} skipped. {}\n\n", all,
                  simulated, all - simulated,
                  data.without_model ? "Where a table does not say otherwise, each run is "
                                       "predicted with constants that were fitted "
                                       "without any run of its model."
                                     : "Constants were fitted to these same runs; predictions with "
                                       "models left out are not there.");
  return out;
}

// What a reader in a hurry takes away.
std::string bottom_line(const AccuracyData& data) {
  const RunsReport& report = data.judged();
  const char* runs = data.without_model ? "of a model that the fit has not seen"
                                        : "of models that the fit has seen";
  std::string out;
  if (const SourceMean* time = mean_of(report, "step_time")) {
    out += fmt::format(
        "- **Step time** {}: off by {} (median of {} sources). The 90 % interval is {} wide to "
        "either side and "
        "holds {} of the measurements.\n",
        runs, percent_of(time->median_abs_error), time->sources,
        whole_percent(time->median_half_width), whole_percent(time->coverage_90));
  }
  if (const SourceMean* memory = mean_of(report, "peak_memory")) {
    out += fmt::format("- **Peak memory**: off by {} (median of {} sources).",
                       percent_of(memory->median_abs_error), memory->sources);
    for (const OutOfMemorySummary& one : report.out_of_memory) {
      out += fmt::format(" Whether it fits: right for {} of {} configurations of {}.",
                         percent_of(one.accuracy()), one.n + one.fitted, markdown_cell(one.source));
    }
    out += '\n';
  }
  if (!report.regret.empty() && report.regret.back().source == "all") {
    const RegretSummary& all = report.regret.back();
    out += fmt::format(
        "- **The plan** predicted to be fastest is slower than the fastest by {} (median of {} "
        "groups of plans), by "
        "{} on average; {} where plans that are wrongly predicted not to fit are left aside.\n",
        percent_of(all.median_regret), all.groups, percent_of(all.mean_regret),
        percent_of(all.mean_fitting_regret));
  }
  return out.empty() ? out : out + '\n';
}

}  // namespace

std::string accuracy_markdown(const AccuracyData& data) {
  const RunsReport& report = data.judged();
  return heading(data) + bottom_line(data) +
         section("Targets", "What was asked for, and what is reached.", targets_table(data)) +
         step_times(data) + memory(data) + choices(data) + searched(data) +
         section("Other tools on the same runs",
                 "Their numbers are published or were measured with the tools as shipped; \"on "
                 "runs\" differ where the "
                 "corpus holds a part of what they were compared on.",
                 peers_table(data)) +
         section("Single steps",
                 "The step times of Korthikanti et al. 2022, Table 5, with 90 % intervals.",
                 steps_table(data)) +
         section("The floor", "Mean error where the step time is the model's FLOPs at one MFU.",
                 floor_table(data)) +
         section("Order and envelope",
                 "Spearman's correlation of predicted and measured step times, and quantiles of "
                 "measured / predicted.",
                 rank_table(report)) +
         section("Noise", "Runs that are one configuration to the tool, measured more than once.",
                 noise_table(report)) +
         section("Farthest off",
                 "At most three rows of a source, with the physics suspected by rules.",
                 worst_table(report)) +
         section("Where it misses",
                 "The same rules over all rows but those of sources whose repeats disagree: the "
                 "median error where a rule holds and "
                 "where it does not.",
                 suspicion_table(report)) +
         section("Skipped", "Rows that are not simulated.", skipped_table(data.in_sample));
}

}  // namespace lockstep
