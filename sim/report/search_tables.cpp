#include "sim/report/search_tables.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "scenarios/utf8.hpp"
#include "sim/report/insight.hpp"
#include "sim/report/numbers.hpp"
#include "sim/report/short_partition.hpp"
#include "sim/report/text.hpp"

namespace lockstep::search_tables {

namespace {

constexpr std::string_view indent = "  ";
constexpr std::size_t least_name = 24;  // a name is broken into pieces of at least so many columns

struct Row {
  std::vector<Cell> before;  // the name
  Cell name;
  std::vector<Cell> after;
};

// "tp8-sp-pp16x5-zb-h1-", "  dp128-zero1of16-mb1": pieces that end in a dash where one fits.
std::vector<std::string> pieces_of(const std::string& name, std::size_t room) {
  constexpr std::size_t hanging = 2;
  std::vector<std::string> pieces;
  std::string piece;
  for (std::size_t begin = 0; begin < name.size();) {
    const std::size_t dash = name.find('-', begin);
    const std::size_t end = dash == std::string::npos ? name.size() : dash + 1;
    const std::string part = name.substr(begin, end - begin);
    const bool empty = piece.find_first_not_of(' ') == std::string::npos;
    if (!empty && display_width(piece) + display_width(part) > room) {
      pieces.push_back(std::exchange(piece, std::string(hanging, ' ')));
    }
    piece += part;
    begin = end;
  }
  pieces.push_back(piece);
  return pieces;
}

std::size_t longest_name(const std::vector<Row>& rows) {
  std::size_t longest = 0;
  for (const Row& row : rows) longest = std::max(longest, display_width(row.name.text));
  return longest;
}

Table table_of(const std::vector<Column>& columns, const std::vector<Row>& rows, std::size_t room) {
  Table table(columns);
  for (const Row& row : rows) {
    std::vector<Cell> cells = row.before;
    const std::vector<std::string> pieces =
        room > 0 ? pieces_of(row.name.text, room) : std::vector<std::string>{std::string{}};
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      cells.push_back({pieces[i], row.name.tone});
      if (i == 0) cells.insert(cells.end(), row.after.begin(), row.after.end());
      table.add(std::exchange(cells, std::vector<Cell>(row.before.size())));
    }
  }
  return table;
}

// Columns that are left for names.
std::size_t room_for_names(const std::vector<Column>& columns, const std::vector<Row>& rows,
                           const TextOptions& options) {
  const std::size_t names = rows.empty() ? 0 : rows.front().before.size();
  const std::size_t others =
      table_of(columns, rows, 0).natural_width() - display_width(columns[names].header);
  const std::size_t taken = others + indent.size();
  const auto width = static_cast<std::size_t>(options.width);
  return std::max(width > taken ? width - taken : 0, least_name);
}

bool names_fit(const std::vector<Column>& columns, const std::vector<Row>& rows,
               const TextOptions& options) {
  return longest_name(rows) <= room_for_names(columns, rows, options);
}

std::string rendered(const std::vector<Column>& columns, const std::vector<Row>& rows,
                     const TextOptions& options) {
  return table_of(columns, rows, room_for_names(columns, rows, options))
      .render(static_cast<std::size_t>(options.width), indent, options.color);
}

// "0.83", "> 0.99".
std::string bare_probability(double p) {
  const std::string words = probability(p);
  return words.substr(words.find_first_of("0123456789<>—", 1));
}

Cell name_of(const PlanReport& plan, bool first) {
  return {printable(plan.plan.name), first ? Tone::strong : Tone::plain};
}

bool ties_with_earlier(const SearchReport& report, std::size_t place) {
  return std::any_of(report.groups.begin(), report.groups.end(), [&](const TieGroup& group) {
    return group.first < place && place <= group.last;
  });
}

bool gpus_differ(const SearchReport& report) {
  const std::vector<PlanReport>& plans = report.report.plans;
  return std::any_of(plans.begin(), plans.end(), [&](const PlanReport& plan) {
    return plan.cluster.gpus != plans.front().cluster.gpus;
  });
}

struct Shown {
  bool gpus = false;
  bool interval = true;
  bool tokens = false;
  bool mfu = false;
};

void add_columns(const Shown& shown, std::vector<Column>& columns) {
  if (shown.gpus) columns.push_back({"GPUs", Align::right, 0, 2});
  columns.push_back({"step", Align::right, 0, 2});
  if (shown.interval) columns.push_back({"[90 %]", Align::left, 0, 1});
  if (shown.tokens) columns.push_back({"tok/s/GPU", Align::right, 0, 2});
  if (shown.mfu) columns.push_back({"MFU", Align::right, 0, 2});
  columns.push_back({"peak", Align::right, 0, 2});
  columns.push_back({"P(fits)", Align::right, 0, 2});
}

void add_cells(const Shown& shown, const PlanReport& plan, std::vector<Cell>& cells) {
  if (shown.gpus) cells.push_back({std::to_string(plan.cluster.gpus), Tone::plain});
  cells.push_back({duration(plan.step_time_s.value), Tone::plain});
  if (shown.interval) {
    cells.push_back({interval(plan.step_time_s, time_unit(plan.step_time_s.value)), Tone::quiet});
  }
  if (shown.tokens) {
    cells.push_back({three_digits(plan.tokens_per_s_per_gpu.value), Tone::plain});
  }
  if (shown.mfu) cells.push_back({percent(plan.mfu.value), Tone::plain});
  cells.push_back({memory(plan.peak_memory_bytes.value), Tone::plain});
  cells.push_back({bare_probability(plan.fit_probability), text::verdict(plan).tone});
}

std::vector<Column> best_columns(const Shown& shown) {
  std::vector<Column> columns{
      {"", Align::right, 0, 0}, {"", Align::left, 0, 1}, {"plan", Align::left, 0, 1}};
  add_columns(shown, columns);
  return columns;
}

std::vector<Row> best_rows(const SearchReport& report, const Shown& shown) {
  std::vector<Row> rows;
  for (std::size_t place = 0; place < report.best; ++place) {
    const PlanReport& plan = report.report.plans[place];
    Row row{{{std::to_string(place + 1), Tone::quiet},
             {ties_with_earlier(report, place) ? "=" : "", Tone::quiet}},
            name_of(plan, place == 0),
            {}};
    add_cells(shown, plan, row.after);
    rows.push_back(std::move(row));
  }
  return rows;
}

std::vector<Column> front_columns(const SearchReport& report, FrontKind kind, const Shown& shown) {
  std::vector<Column> columns{{"", Align::left, 0, 0}};
  if (kind == FrontKind::cost) {
    columns.push_back({"run", Align::right, 0, 2});
    columns.push_back({printable(report.report.scenario.price.currency), Align::right, 0, 2});
  }
  add_columns(shown, columns);
  return columns;
}

std::vector<Row> front_rows(const SearchReport& report, const SearchFront& front,
                            const std::vector<std::size_t>& places, const Shown& shown) {
  std::vector<Row> rows;
  for (const std::size_t place : places) {
    const std::size_t index = front.plans[place];
    const PlanReport& plan = report.report.plans[index];
    Row row{{}, name_of(plan, report.found() && index == 0), {}};
    if (front.kind == FrontKind::cost) {
      const RunLength run = run_length(report.report.scenario, plan);
      row.after.push_back({duration(run.time_s.value), Tone::plain});
      row.after.push_back({scaled(run.cost.value), Tone::plain});
    }
    add_cells(shown, plan, row.after);
    rows.push_back(std::move(row));
  }
  return rows;
}

// "pp 4 instead of 2; + 3 alike".
std::string words_of(const SearchReport& report, std::size_t place) {
  std::string words = differences_text(report.differences[place]);
  if (place > 0 && words.empty()) words = "nothing that a report shows";
  const std::size_t alike = report.alike[place];
  if (alike == 0) return words;
  return words + (words.empty() ? "" : "; ") + unbroken(fmt::format("+ {} alike", alike));
}

}  // namespace

// With the interval where that leaves the names whole.
std::string best(const SearchReport& report, const TextOptions& options) {
  Shown shown{gpus_differ(report), true, false, true};
  shown.interval = names_fit(best_columns(shown), best_rows(report, shown), options);
  return rendered(best_columns(shown), best_rows(report, shown), options);
}

std::string otherwise(const SearchReport& report, const TextOptions& options) {
  constexpr std::array<const char*, 4> parts{"compute", "comm.", "bubble", "rest"};
  const std::size_t digits = std::to_string(report.best).size();
  std::string heads = std::string(indent) + std::string(digits, ' ');
  for (const char* part : parts) heads += std::string("  ") + part;
  std::string out = painted(heads, Tone::quiet, options.color) + '\n';
  for (std::size_t place = 0; place < report.best; ++place) {
    const ShortPartition p = short_partition(report.report.plans[place]);
    const std::vector<std::string> shares =
        text::shares({p.compute, p.communication, p.bubble, p.rest}, 1);
    std::string line = std::string(indent) + pad_left(std::to_string(place + 1), digits);
    for (std::size_t i = 0; i < parts.size(); ++i) {
      line += "  " + pad_left(shares[i], std::string_view(parts[i]).size());
    }
    const std::string words = words_of(report, place);
    const std::string hanging(display_width(line) + 2, ' ');
    const auto width = static_cast<std::size_t>(options.width);
    out += (words.empty() ? line : wrap(words, width, line + "  ", hanging)) + '\n';
  }
  return out;
}

// Without tokens, then without intervals where those would break the names.
std::string front(const SearchReport& report, const SearchFront& front,
                  const std::vector<std::size_t>& places, const TextOptions& options) {
  Shown shown{front.kind != FrontKind::memory, true, true, false};
  const auto fit = [&] {
    return names_fit(front_columns(report, front.kind, shown),
                     front_rows(report, front, places, shown), options);
  };
  if (!fit()) shown.tokens = false;
  if (!fit()) shown.interval = false;
  return rendered(front_columns(report, front.kind, shown),
                  front_rows(report, front, places, shown), options);
}

}  // namespace lockstep::search_tables
