// Options and beginnings that the measuring commands share.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "validate/arguments.hpp"
#include "validate/measure/measurement.hpp"

namespace lockstep::validation {

// --libraries DIR, --output FILE, --format text|json, --cluster CLUSTER, --catalog DIR.
std::vector<Option> with_measuring_options(std::vector<Option> own);

// The date, the hosts (this one) and the command line; the rest is the caller's.
MachineFacts machine_facts(const std::string& command_line);

// Today as "2026-11-23", of the machine's clock in UTC.
std::string today();

}  // namespace lockstep::validation
