// A scenario as its file says it, before plans are resolved: the struct whose field table is the file format.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/fields.hpp"
#include "scenarios/scenario.hpp"

namespace lockstep {

inline constexpr std::int64_t scenario_version = 1;

struct ScenarioFile {
  std::int64_t version = scenario_version;  // key `lockstep`
  std::string name;
  std::string description;
  Model model;
  Cluster cluster;
  Training training;
  Software software;
  SearchRequest search;
  Price price;
  std::vector<ScenarioPlan> plans;
};

void describe(FieldVisitor& visitor, ScenarioFile& file);

}  // namespace lockstep
