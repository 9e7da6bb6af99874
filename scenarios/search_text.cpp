#include "scenarios/search_text.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "scenarios/fields/limits.hpp"
#include "scenarios/search_words.hpp"
#include "scenarios/utf8.hpp"

namespace lockstep {

namespace {

using namespace words;

constexpr RequestName objectives[] = {
    {"step_time", "the shortest step"},
    {"throughput_per_gpu", "most tokens per second and GPU"},
    {"cost_per_token", "the cheapest token; needs price"},
    {"gpus_for_deadline",
     "fewest GPUs that are through by the deadline; needs deadline and training.total_tokens"},
    {"memory", "least memory on the fullest GPU"},
};

constexpr RequestName features[] = {
    {"tensor", "tensor parallelism"},
    {"pipeline", "pipeline parallelism"},
    {"interleave", "more than one model chunk per stage"},
    {"zero-bubble", "schedules that split the backward pass: zb-h1, zb-v"},
    {"context", "context parallelism"},
    {"expert", "expert parallelism"},
    {"sharding", "ZeRO and FSDP of any stage"},
    {"hsdp", "shard groups smaller than all data ranks"},
    {"sequence-parallel", "sequence parallelism among tensor ranks"},
    {"recompute", "activations that are computed again"},
    {"offload", "anything kept in host memory"},
    {"tensor-overlap", "tensor-parallel collectives beside their matrix products"},
};

}  // namespace

std::span<const RequestName> search_objectives() {
  return objectives;
}
std::span<const RequestName> search_features() {
  return features;
}

const char* to_string(Objective objective) {
  return objectives[static_cast<std::size_t>(objective)].name;
}

void set_objective(SearchRequest& request, std::string_view text) {
  const auto index = index_of(trimmed(text), objectives);
  if (!index) {
    throw RequestError("E207", fmt::format("'objective' can't be '{}'", shortened(text)),
                       choose(trimmed(text), names_of(objectives)));
  }
  const auto objective = static_cast<Objective>(*index);
  if (objective != request.objective) request.deadline_days = 0;
  request.objective = objective;
}

void set_deadline(SearchRequest& request, std::string_view text) {
  const NumberText parsed = parse_number(scalar(text), Dimension::seconds, positive);
  if (!parsed.value) {
    throw RequestError(parsed.code, fmt::format("'deadline' {}", parsed.message),
                       "write it like 30 d or 12 h");
  }
  request.deadline_days = *parsed.value / seconds_per_day;
}

void set_headroom(SearchRequest& request, std::string_view text) {
  request.memory_headroom_bytes =
      number(text, "memory_headroom", Dimension::bytes, limits::memory_size);
}

void set_top(SearchRequest& request, std::string_view text) {
  request.top = count(trimmed(text), "top", 1, most_plans_listed);
}

void add_forbidden(SearchRequest& request, std::string_view text) {
  std::vector<std::string> added = request.forbidden;
  for_each_part(text, [&](std::string_view name) {
    if (!index_of(name, features)) {
      throw RequestError("E207", fmt::format("'forbid' can't be '{}'", shortened(name)),
                         choose(name, names_of(features)));
    }
    if (std::find(added.begin(), added.end(), name) == added.end()) added.emplace_back(name);
  });
  request.forbidden = std::move(added);
}

void set_date(Price& price, std::string_view text) {
  constexpr std::string_view form = "0000-00-00";
  constexpr int days[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  bool good = text.size() == form.size();
  for (std::size_t i = 0; good && i < form.size(); ++i) {
    const bool digit = text[i] >= '0' && text[i] <= '9';
    good = form[i] == '0' ? digit : text[i] == form[i];
  }
  if (good) {
    const auto two_digits = [&](std::size_t at) {
      return 10 * (text[at] - '0') + (text[at + 1] - '0');
    };
    const int month = two_digits(5);
    const int day = two_digits(8);
    const int year = 100 * two_digits(0) + two_digits(2);
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    good = month >= 1 && month <= 12 && day >= 1 && day <= days[month - 1];
    good = good && (leap || month != 2 || day < 29);
  }
  if (!good) {
    throw RequestError(
        "E206", fmt::format("'date' must be a day of the calendar, not '{}'", shortened(text)),
        "write it like 2026-11-01");
  }
  price.date = std::string(text);
}

}  // namespace lockstep
