#include "validate/nccl_log_parts.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <vector>

#include "validate/runs.hpp"

namespace lockstep {
namespace {

constexpr std::array<std::string_view, 12> programs{"all_reduce", "all_gather", "reduce_scatter", "broadcast",
                                                    "reduce",     "alltoall",   "alltoallv",      "sendrecv",
                                                    "gather",     "scatter",    "hypercube",      "all_reduce_bias"};

// Digits that make a printed bandwidth worth comparing.
constexpr double steps_of_a_good_value = 100.0;

std::size_t index_of(const LogLine& line, std::string_view word) {
  const auto found = std::find_if(line.words.begin(), line.words.end(),
                                  [&](const LogWord& one) { return lower_case(one.text) == word; });
  return static_cast<std::size_t>(found - line.words.begin());
}

bool good(const std::optional<double>& bandwidth, const NcclTiming& side) {
  return bandwidth && *bandwidth >= steps_of_a_good_value * side.bandwidth_step && *bandwidth > 0.0;
}

}  // namespace

std::string program_in(std::string_view word) {
  const std::size_t end = word.find("_perf");
  if (end == std::string_view::npos) return {};
  std::size_t begin = end;
  while (begin > 0 && (word[begin - 1] == '_' || (word[begin - 1] >= 'a' && word[begin - 1] <= 'z'))) --begin;
  const std::string_view name = word.substr(begin, end - begin);
  return std::find(programs.begin(), programs.end(), name) == programs.end() ? std::string{} : std::string(name);
}

void ProgramName::take(const LogLine& line, const Location& where) {
  if (line.comment && !line.words.empty() && line.words.front().text == "nThread" && used_) {
    mentioned_.clear();   // another run began, of a program that may be another one
    name_.clear();
    announced_ = used_ = false;
  }
  for (const LogWord& word : line.words) {
    const std::string name = program_in(word.text);
    if (name.empty()) continue;
    const bool starting = line.comment && index_of(line, "starting:") < line.words.size();
    const bool concluded = line.comment && index_of(line, "concluded:") < line.words.size();
    if (concluded || (announced_ && !starting && !used_)) continue;
    if (used_) mentioned_.clear();
    mentioned_.insert(name);
    name_ = starting || mentioned_.size() == 1 ? name : std::string{};   // of two it may be either
    announced_ = starting;
    used_ = false;
    where_ = where;
    where_.column = word.column;
    where_.length = word.text.size();
  }
}

void ProgramName::give(NcclTable& table) {
  table.program = name_;
  table.named_at = where_;
  table.announced = announced_;
  used_ = true;
}

bool starts_list(const LogLine& line) {
  return line.words.size() >= 2 && line.words[0].text == "Using" && line.words[1].text == "devices";
}

std::optional<NcclDevice> read_device(std::string_view text, const LogLine& line) {
  const auto& words = line.words;
  if (words.size() < 6 || words[0].text != "Rank") return std::nullopt;
  const std::optional<std::int64_t> rank = whole_number(words[1].text);
  const std::size_t on = index_of(line, "on");
  const std::size_t device = index_of(line, "device");
  if (!rank || *rank < 0 || on + 2 > device || device + 1 >= words.size()) return std::nullopt;
  NcclDevice out;
  out.rank = *rank;
  out.host = words[on + 1].text;
  const std::size_t bracket = text.find(']', words[device].column);
  if (bracket != std::string_view::npos) {
    std::string_view name = text.substr(bracket + 1);
    while (!name.empty() && (name.front() == ' ' || name.front() == '\t')) name.remove_prefix(1);
    while (!name.empty() && (name.back() == ' ' || name.back() == '\r' || name.back() == '\t')) name.remove_suffix(1);
    out.name = name;
  }
  return out;
}

bool complete(const std::vector<NcclDevice>& devices) {
  std::vector<bool> seen(devices.size(), false);
  for (const NcclDevice& device : devices) {
    const auto rank = static_cast<std::size_t>(device.rank);
    if (rank >= seen.size() || seen[rank]) return false;
    seen[rank] = true;
  }
  return !devices.empty();
}

// NCCL_VERSION_CODE: 2.29.2 is 22902, before 2.9 2.8.4 was 2804.
std::string nccl_version_of_code(std::int64_t code) {
  if (code >= 10'000) return fmt::format("{}.{}.{}", code / 10'000, code / 100 % 100, code % 100);
  return code >= 1000 ? fmt::format("{}.{}.{}", code / 1000, code / 100 % 10, code % 100) : std::string{};
}

std::string stated_nccl_version(std::string_view text) {
  const auto digits_after = [&](std::string_view mark) {
    const std::size_t at = text.find(mark);
    if (at == std::string_view::npos) return std::string{};
    const std::string_view rest = text.substr(at + mark.size());
    return std::string(rest.substr(0, rest.find_first_not_of("0123456789.")));
  };
  const std::string library = digits_after("nccl-library=");
  if (const auto code = whole_number(library)) return nccl_version_of_code(*code);
  const std::string version = digits_after("NCCL version ");
  return version.find('.') == std::string::npos ? std::string{} : version;
}

void check_times(NcclLog& log) {
  constexpr double agree = 1.12;   // beyond rounding, and far from any mistake of units
  std::vector<Diagnostic> problems;
  for (NcclTable& table : log.tables) {
    std::vector<double> ratios;
    for (NcclRow& row : table.rows) {
      for (NcclTiming* side : {&row.out_of_place, &row.in_place}) {
        if (!good(side->algorithm_bandwidth, *side)) continue;
        const double time = static_cast<double>(row.size_bytes) / *side->algorithm_bandwidth;
        if (table.cpu_time) side->time = time;
        if (side->time && *side->time > 0.0 && row.size_bytes > 0) ratios.push_back(time / *side->time);
      }
    }
    if (ratios.empty()) continue;
    const double ratio = quantile(ratios, 0.5);
    if (ratio <= agree && ratio >= 1.0 / agree) continue;
    problems.push_back(
        diagnose(table.where, "E506",
                 fmt::format("size / time gives {:.3g} times the algbw that the table prints", ratio),
                 "are size and time in the units of the header? 1.x printed milliseconds, later versions microseconds"));
  }
  if (!problems.empty()) throw InputError(std::move(problems));
}

}  // namespace lockstep
