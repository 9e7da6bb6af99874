// What the scenarios of a catalog folder ask: the heads of its files, without a prediction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"

namespace lockstep {

struct LibraryEntry {
  std::string name;      // of the file, without ".yaml"
  std::string title;     // its key `name`; without it the file's name
  std::string question;  // "": it has none
  ScenarioGroup group = ScenarioGroup::none;
  std::string model;
  std::vector<std::string> systems;  // that its plans run on, each once, in the order of the plans
  std::vector<std::int64_t> gpus;    // how many of them its plans take, each number once, ascending
  std::size_t plans = 0;  // 0: a search alone
  bool searched = false;  // it has `search:`
  // Why it cannot be read. What could be read of it stands above all the same.
  std::vector<Diagnostic> problems;
};

// The scenarios beside gpus/, systems/ …: in the order of their groups, those without one last; in a group by name.
// Of each file only its beginning is checked, the keys up to the cluster; a file that breaks there is an entry with
// problems, no exception. Settings of the catalog do not count.
std::vector<LibraryEntry> scenario_library(const Catalog& catalog);

}  // namespace lockstep
