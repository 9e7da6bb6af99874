// A scenario as its file says it, before plans are resolved: the struct whose field table is the file format.
#pragma once

#include <cstdint>
#include <span>
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
  std::string question;
  ScenarioGroup group = ScenarioGroup::none;
  Model model;
  Cluster cluster;
  Training training;
  Software software;
  SearchRequest search;
  Price price;
  std::vector<ScenarioPlan> plans;
};

// The groups in the order in which they are shown, with what each is about.
std::span<const Choice> scenario_groups();

// The whole file; and its beginning, which says what it is about: all keys up to the cluster.
void describe(FieldVisitor& visitor, ScenarioFile& file);
void describe_head(FieldVisitor& visitor, ScenarioFile& file);

}  // namespace lockstep
