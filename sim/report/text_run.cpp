// What the whole run takes with each of several plans.
#include <fmt/format.h>

#include "scenarios/utf8.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/text.hpp"

namespace lockstep::text {

namespace {

Table empty_table(bool with_length, const Price& price) {
  std::vector<Column> columns{{"the whole run", Align::left, 20, 0}};
  if (with_length) {
    columns.push_back({"takes", Align::right, 0, 2});
    columns.push_back({"[90 %]", Align::left, 0, 1});
    columns.push_back({"GPU-hours", Align::right, 0, 2});
  }
  if (price.stated()) {
    const std::string currency = printable(price.currency);
    if (with_length) columns.push_back({currency, Align::right, 0, 2});
    columns.push_back({currency + " per million tokens", Align::right, 0, 2});
  }
  return Table(std::move(columns));
}

std::vector<Cell> row_of(const RunRow& row, const RunLength& run, const Price& price) {
  std::vector<Cell> cells{{row.name, Tone::plain}};
  if (run.steps > 0) {
    cells.push_back({duration(run.time_s.value), Tone::plain});
    cells.push_back({interval(run.time_s, time_unit(run.time_s.value)), Tone::quiet});
    cells.push_back({scaled(run.gpu_time_s.value / 3600), Tone::plain});
    if (price.stated()) cells.push_back({scaled(run.cost.value), Tone::plain});
  }
  if (price.stated()) cells.push_back({scaled(run.cost_per_million_tokens.value), Tone::plain});
  return cells;
}

}  // namespace

std::string run_table(const Scenario& scenario, const std::vector<RunRow>& rows,
                      const TextOptions& options) {
  const double tokens = scenario.training.total_tokens;
  const Price& price = scenario.price;
  if (rows.empty() || (tokens <= 0 && !price.stated())) return {};
  Table table = empty_table(tokens > 0, price);
  for (const RunRow& row : rows) {
    table.add(row_of(row, run_length(scenario, *row.plan), price));
  }
  std::string notes;
  if (tokens > 0) {
    notes = fmt::format("The run is {} tokens in {} steps", unbroken(scaled(tokens)),
                        unbroken(scaled(tokens / scenario.training.tokens_per_step())));
  }
  if (price.stated()) {
    notes += notes.empty() ? "Tokens are paid for " : ", ";
    notes += price_text(price);
    if (!price.source.empty()) notes += fmt::format(" ({})", printable(price.source));
  }
  return table.render(static_cast<std::size_t>(options.width), "  ", options.color) +
         paragraph(notes + ".", options);
}

}  // namespace lockstep::text
