// A search's state as bytes, for other processes of the same program: CBOR, doubles as their bits.
#include <fmt/format.h>

#include <bit>
#include <nlohmann/json.hpp>
#include <stdexcept>

#include "sim/search/search.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::json;

constexpr const char* kind = "lockstep search state";
constexpr std::uint64_t version = 3;  // of the layout below

[[noreturn]] void refuse(const std::string& problem) {
  throw std::runtime_error("the bytes are no state of a search: " + problem);
}

// Whole arrays of the expected length only.
const Json& array(const Json& json, std::size_t size) {
  if (!json.is_array() || json.size() != size)
    refuse(fmt::format("a list of {} entries is missing", size));
  return json;
}

const Json::array_t& list(const Json& json) {
  if (!json.is_array()) refuse("a list is missing");
  return json.get_ref<const Json::array_t&>();
}

std::uint64_t count_from(const Json& json) {
  if (!json.is_number_unsigned()) refuse("a count is missing");
  return json.get<std::uint64_t>();
}

std::string text_from(const Json& json) {
  if (!json.is_string()) refuse("a text is missing");
  return json.get<std::string>();
}

// CBOR has no way to keep every bit of a double that is no number.
Json bits(double value) {
  return std::bit_cast<std::uint64_t>(value);
}

double double_from(const Json& json) {
  return std::bit_cast<double>(count_from(json));
}

Json to_json(const Candidate& candidate) {
  const PlanCosts& costs = candidate.costs;
  return Json::array({candidate.number, std::bit_cast<std::uint64_t>(candidate.nodes),
                      bits(costs.step_time_s), bits(costs.peak_memory_bytes),
                      bits(costs.peak_allocated_bytes), bits(costs.host_bytes),
                      bits(candidate.objective)});
}

Candidate candidate_from(const Json& json) {
  const Json& fields = array(json, 7);
  Candidate candidate;
  candidate.number = count_from(fields[0]);
  candidate.nodes = std::bit_cast<std::int64_t>(count_from(fields[1]));
  candidate.costs = {double_from(fields[2]), double_from(fields[3]), double_from(fields[4]),
                     double_from(fields[5])};
  candidate.objective = double_from(fields[6]);
  return candidate;
}

Json to_json(const std::vector<Candidate>& candidates) {
  Json json = Json::array();
  for (const Candidate& candidate : candidates) json.push_back(to_json(candidate));
  return json;
}

std::vector<Candidate> candidates_from(const Json& json) {
  std::vector<Candidate> candidates;
  for (const Json& candidate : list(json)) candidates.push_back(candidate_from(candidate));
  return candidates;
}

// Pairs in the map's order.
Json to_json(const std::map<std::string, std::uint64_t>& reasons) {
  Json json = Json::array();
  for (const auto& [reason, count] : reasons) json.push_back(Json::array({reason, count}));
  return json;
}

std::map<std::string, std::uint64_t> reasons_from(const Json& json) {
  std::map<std::string, std::uint64_t> reasons;
  for (const Json& pair : list(json)) {
    const Json& fields = array(pair, 2);
    if (!reasons.emplace(text_from(fields[0]), count_from(fields[1])).second)
      refuse("a reason comes twice");
  }
  return reasons;
}

Json to_json(const SearchCounts& counts) {
  return Json::array({counts.enumerated, to_json(counts.illegal), to_json(counts.infeasible),
                      counts.legal, counts.feasible, counts.too_slow});
}

SearchCounts counts_from(const Json& json) {
  const Json& fields = array(json, 6);
  SearchCounts counts;
  counts.enumerated = count_from(fields[0]);
  counts.illegal = reasons_from(fields[1]);
  counts.infeasible = reasons_from(fields[2]);
  counts.legal = count_from(fields[3]);
  counts.feasible = count_from(fields[4]);
  counts.too_slow = count_from(fields[5]);
  return counts;
}

Json to_json(const std::vector<RelaxedBest>& relaxed) {
  Json json = Json::array();
  for (const RelaxedBest& one : relaxed)
    json.push_back(Json::array({one.limit, to_json(one.best)}));
  return json;
}

std::vector<RelaxedBest> relaxed_from(const Json& json) {
  std::vector<RelaxedBest> relaxed;
  for (const Json& one : list(json)) {
    const Json& fields = array(one, 2);
    relaxed.push_back({count_from(fields[0]), candidate_from(fields[1])});
  }
  return relaxed;
}

SearchState state_from(const Json& json) {
  if (!json.is_array() || json.size() < 2 || json[0] != kind) refuse("they begin otherwise");
  if (json[1] != version) refuse("they are of another version of lockstep");
  const Json& fields = array(json, 8);
  SearchState state;
  state.counts = counts_from(fields[2]);
  const Json& effort = array(fields[3], 3);
  if (!effort[2].is_number_integer()) refuse("a count is missing");
  state.effort = {count_from(effort[0]), count_from(effort[1]), effort[2].get<int>()};
  state.best = candidates_from(fields[4]);
  state.memory_front = candidates_from(fields[5]);
  state.gpu_front = candidates_from(fields[6]);
  state.relaxed = relaxed_from(fields[7]);
  return state;
}

}  // namespace

std::string SearchState::to_bytes() const {
  const Json json = Json::array(
      {kind, version, to_json(counts), Json::array({effort.timed, effort.pruned, effort.threads}),
       to_json(best), to_json(memory_front), to_json(gpu_front), to_json(relaxed)});
  std::string bytes;
  Json::to_cbor(json, bytes);
  return bytes;
}

SearchState SearchState::from_bytes(const std::string& bytes) {
  Json json;
  try {
    json = Json::from_cbor(bytes);
  } catch (const Json::exception&) {
    refuse("they are damaged");
  }
  return state_from(json);
}

}  // namespace lockstep
