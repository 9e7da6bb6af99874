// `lockstep list scenarios`: the questions that the bundled scenarios answer, in every format.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include <nlohmann/json_fwd.hpp>

#include "scenarios/scenario_library.hpp"

namespace lockstep::cli {

// Under a heading for each group: name, question, and a line of model, GPUs and plans. At most 100 columns wide where
// no single name is wider. `folder` is what stands before the names in the command that runs one.
std::string scenarios_text(const std::vector<LibraryEntry>& library, const std::filesystem::path& folder);

// One object for each scenario; `error` is null where it can be read.
nlohmann::ordered_json scenarios_json(const std::vector<LibraryEntry>& library);

std::string scenarios_csv(const std::vector<LibraryEntry>& library);

// Every problem of every file, as other commands report them; "" where there is none.
std::string scenario_problems(const std::vector<LibraryEntry>& library);

// One line on a scenario: its question, without one its title, and why it cannot be read.
std::string scenario_summary(const LibraryEntry& entry);

}  // namespace lockstep::cli
