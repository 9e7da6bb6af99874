#include "validate/nccl_subject.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <filesystem>
#include <limits>
#include <utility>
#include <vector>

#include "validate/nccl_log_line.hpp"

namespace lockstep {
namespace {

constexpr std::array<std::pair<const char*, Collective>, 12> names{{{"all_reduce", Collective::all_reduce},
                                                                   {"allreduce", Collective::all_reduce},
                                                                   {"all_gather", Collective::all_gather},
                                                                   {"allgather", Collective::all_gather},
                                                                   {"reduce_scatter", Collective::reduce_scatter},
                                                                   {"reducescatter", Collective::reduce_scatter},
                                                                   {"alltoall", Collective::all_to_all},
                                                                   {"all_to_all", Collective::all_to_all},
                                                                   {"sendrecv", Collective::send_recv},
                                                                   {"send_recv", Collective::send_recv},
                                                                   {"broadcast", Collective::broadcast},
                                                                   {"reduce", Collective::reduce}}};

// Lists of devices are cut off at 2048 characters; so many lines may be as long as that.
constexpr std::size_t list_may_be_cut = 20;
constexpr double slack = 2e-5;   // relative: the bandwidths come from a time that is not rounded

[[noreturn]] void fail(const Location& where, const char* code, std::string message, std::string hint) {
  throw InputError({diagnose(where, code, std::move(message), std::move(hint))});
}

// The numbers of GPUs that give a factor of the range; low > high where none does.
struct GpuRange {
  std::int64_t low = 2;
  std::int64_t high = std::numeric_limits<std::int64_t>::max();
  [[nodiscard]] bool holds(std::int64_t gpus) const { return low <= gpus && gpus <= high; }
};

// f = 2(n-1)/n or (n-1)/n, solved for n. A factor of 1 for every n tells nothing.
GpuRange gpu_range(Collective collective, const FactorRange& factor) {
  GpuRange out;
  if (!factor.known) return out;
  const double whole = collective == Collective::all_reduce ? 2.0 : 1.0;
  if (bus_factor(collective, 2) == bus_factor(collective, 3)) {
    if (!factor.holds(1.0)) out.high = 0;
    return out;
  }
  const auto gpus = [&](double f) { return whole / (whole - f); };
  const double low = factor.low * (1.0 - slack);
  const double high = factor.high * (1.0 + slack);
  constexpr double most = 1e9;
  if (low >= whole) {   // which no number of GPUs reaches
    out.high = 0;
    return out;
  }
  out.low = std::max<std::int64_t>(2, std::llround(std::ceil(std::clamp(gpus(low), 0.0, most))));
  if (high < whole) out.high = std::llround(std::floor(std::clamp(gpus(high), 0.0, most)));
  return out;
}

bool reduces(const NcclTable& table) {
  const std::string operation = lower_case(table.rows.front().redop);
  return !operation.empty() && operation != "none";
}

// The collectives whose tables look like this one.
std::vector<Collective> alike(const NcclTable& table, const FactorRange& factor) {
  const bool rooted = table.rows.front().root.value_or(-1) >= 0;
  const bool one = !factor.known || factor.holds(1.0);
  const bool below_one = !factor.known || factor.low < 1.0;
  const bool from_one = !factor.known || factor.high >= 1.0;
  if (rooted && one) return {reduces(table) ? Collective::reduce : Collective::broadcast};
  if (rooted) return {};
  if (reduces(table)) {   // which send/recv has always claimed to do
    // A factor of 1 is send/recv, or all-reduce on two GPUs; only send/recv cannot check its in-place result.
    const bool unchecked = table.rows.back().in_place.wrong == "N/A" && table.rows.back().out_of_place.wrong != "N/A";
    if (one && factor.known && unchecked) return {Collective::send_recv};
    if (from_one) return {Collective::all_reduce};
    return below_one ? std::vector{Collective::reduce_scatter} : std::vector<Collective>{};
  }
  const bool in_place_unchecked =
      std::all_of(table.rows.begin(), table.rows.end(), [](const NcclRow& row) { return row.in_place.wrong == "N/A"; });
  const bool checked = std::any_of(table.rows.begin(), table.rows.end(),
                                   [](const NcclRow& row) { return row.out_of_place.wrong != "N/A"; });
  if (in_place_unchecked && checked) return {Collective::all_to_all};
  return {Collective::all_gather, Collective::all_to_all};
}

// The name that the file has in common with one of the candidates.
std::optional<Collective> named_by_file(const std::string& file, const std::vector<Collective>& candidates) {
  const std::string stem = lower_case(std::filesystem::path(file).filename().string());
  for (const auto& [name, collective] : names) {
    const bool candidate = std::find(candidates.begin(), candidates.end(), collective) != candidates.end();
    if (candidate && stem.find(name) != std::string::npos) return collective;
  }
  return std::nullopt;
}

struct Named {
  std::string name;
  Location where;
};

// What the log says, else the notes; the notes on a file of several tables are of one of them only.
Named stated_name(const NcclLog& log, const NcclTable& table, const std::optional<LogMetadata>& metadata) {
  const bool notes = metadata && !metadata->collective.empty() && log.tables.size() == 1;
  if (table.program.empty()) return notes ? Named{lower_case(metadata->collective), metadata->collective_at} : Named{};
  if (notes) {
    const std::optional<Collective> of_notes = collective_named(lower_case(metadata->collective));
    const std::optional<Collective> of_log = collective_named(table.program);
    if (of_notes && of_log && *of_notes != *of_log) {
      fail(metadata->collective_at, "E521",
           fmt::format("these notes say {}, their log is of {}_perf", metadata->collective, table.program),
           "which file do they belong to?");
    }
  }
  return {table.program, table.named_at};
}

std::string range_text(const GpuRange& range) {
  if (range.low == range.high) return fmt::format("{}", range.low);
  return range.high > 1'000'000 ? fmt::format("{} or more", range.low) : fmt::format("{} to {}", range.low, range.high);
}

class Counter {
 public:
  Counter(const NcclTable& table, const std::optional<LogMetadata>& metadata, Collective collective,
          const FactorRange& factor)
      : table_(table), metadata_(metadata), factor_(factor), range_(gpu_range(collective, factor)) {}

  void count(NcclSubject& subject) const {
    const std::optional<std::int64_t> listed = list();
    const std::optional<std::int64_t> noted = notes();
    if (listed && noted && *listed != *noted) {
      fail(metadata_->gpus->where, "E520",
           fmt::format("these notes say {} GPUs, the log lists {} devices", *noted, *listed), "correct the notes");
    }
    subject.fewest = range_.low;
    subject.most = range_.high;
    if (listed || noted) {
      subject.gpus = listed ? *listed : *noted;
    } else if (range_.low == range_.high) {
      subject.gpus = range_.low;
    } else if (factor_.known && range_.high < 1'000'000) {
      subject.unknown = fmt::format("the log fits {} GPUs: state gpus in its .meta.yaml", range_text(range_));
    } else {
      subject.unknown = "the number of GPUs is not stated: state gpus in the log's .meta.yaml";
    }
  }

 private:
  [[nodiscard]] std::string ratio() const { return fmt::format("{:.4g}", 0.5 * (factor_.low + factor_.high)); }

  // The devices listed, where the list is whole.
  [[nodiscard]] std::optional<std::int64_t> list() const {
    if (!complete(table_.devices)) return std::nullopt;
    const auto listed = static_cast<std::int64_t>(table_.devices.size());
    const bool may_be_cut = table_.devices.size() >= list_may_be_cut;
    if (may_be_cut && metadata_ && metadata_->gpus && metadata_->gpus->value > listed) return std::nullopt;
    if (range_.holds(listed) || (listed == 1 && !factor_.known)) return listed;
    if (may_be_cut && listed < range_.low) return std::nullopt;
    fail(table_.devices.front().line == 0 ? table_.where : row_place(table_.devices.back().line), "E520",
         fmt::format("the list has {} devices, but busbw / algbw is {}, which is that of {} GPUs", listed, ratio(),
                     range_text(range_)),
         "is the list that of this table?");
  }

  [[nodiscard]] std::optional<std::int64_t> notes() const {
    if (!metadata_ || !metadata_->gpus || metadata_->gpus->value == 0) return std::nullopt;
    const StatedMetadata& gpus = *metadata_->gpus;
    if (range_.holds(gpus.value) || !factor_.known) return gpus.value;
    fail(gpus.where, "E520",
         fmt::format("these notes say {} GPUs, but busbw / algbw in the log is {}, which is that of {} GPUs", gpus.value,
                     ratio(), range_text(range_)),
         fmt::format("{}:{} has that row", table_.where.source->name(), factor_.line + 1));
  }

  [[nodiscard]] Location row_place(std::size_t line) const {
    const std::string_view text = table_.where.source->line(line);
    const std::size_t first = std::min(text.find_first_not_of(" \t"), text.size());
    return {table_.where.source, line, first, text.size() - first};
  }

  const NcclTable& table_;
  const std::optional<LogMetadata>& metadata_;
  const FactorRange& factor_;
  GpuRange range_;
};

}  // namespace

bool FactorRange::holds(double factor) const {
  return !known || (low * (1.0 - slack) <= factor && factor <= high * (1.0 + slack));
}

FactorRange bus_factor_range(const NcclTable& table) {
  constexpr double half_a_digit = 0.51;   // rounding, and that of the last place in binary
  constexpr double fewest_steps = 20;     // below, a row tells little
  constexpr double disagree = 1e-3;
  FactorRange out{0.0, std::numeric_limits<double>::infinity(), false, 0};
  for (const NcclRow& row : table.rows) {
    for (const NcclTiming* side : {&row.out_of_place, &row.in_place}) {
      if (!side->algorithm_bandwidth || !side->bus_bandwidth) continue;
      const double a = *side->algorithm_bandwidth, b = *side->bus_bandwidth;
      const double half = half_a_digit * side->bandwidth_step;
      if (a < fewest_steps * side->bandwidth_step || a <= half) continue;
      const double low = (b - half) / (a + half), high = (b + half) / (a - half);
      // A row that contradicts the ones before was printed by other arithmetic: the narrower of the two counts.
      if (out.known && (low > out.high * (1.0 + disagree) || high < out.low * (1.0 - disagree))) {
        if (high - low >= out.high - out.low) continue;
        out = {0.0, std::numeric_limits<double>::infinity(), false, 0};
      }
      if (high - low < out.high - out.low) out.line = row.line;
      const double narrowed_low = std::max(out.low, low), narrowed_high = std::min(out.high, high);
      out.low = std::min(narrowed_low, narrowed_high);
      out.high = std::max(narrowed_low, narrowed_high);
      out.known = true;
    }
  }
  return out;
}

std::optional<Collective> collective_named(const std::string& name) {
  const auto found = std::find_if(names.begin(), names.end(), [&](const auto& one) { return name == one.first; });
  return found == names.end() ? std::nullopt : std::optional<Collective>(found->second);
}

NcclSubject identify(const NcclLog& log, const NcclTable& table, const std::optional<LogMetadata>& metadata) {
  NcclSubject out;
  const FactorRange factor = bus_factor_range(table);
  const Named named = stated_name(log, table, metadata);
  out.name = named.name;
  out.collective = collective_named(named.name);
  if (named.name.empty()) {
    const std::vector<Collective> candidates = alike(table, factor);
    if (candidates.size() == 1) out.collective = candidates.front();
    if (candidates.size() > 1) out.collective = named_by_file(log.source->name(), candidates);
    if (out.collective) out.name = to_string(*out.collective);
    if (!out.collective) out.unknown = "the log does not say which collective it is of: state collective in its .meta.yaml";
  } else if (!out.collective) {
    out.unknown = fmt::format("{} is not modelled", named.name);
  }
  if (!out.collective) return out;
  constexpr double below_two = 0.3;   // two GPUs have at least a half, one has 0
  if (factor.known && factor.high < below_two) {
    out.gpus = 1;
    return out;
  }
  const GpuRange range = gpu_range(*out.collective, factor);
  if (range.low > range.high) {
    const Location& where = named.where.source ? named.where : table.where;
    fail(where, "E521",
         fmt::format("busbw / algbw is {:.4g}, which {} has on no number of GPUs", 0.5 * (factor.low + factor.high),
                     out.name),
         fmt::format("line {} has that row; which collective was it?", factor.line + 1));
  }
  Counter(table, metadata, *out.collective, factor).count(out);
  return out;
}

}  // namespace lockstep
