// --html of the commands that have a page.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "sim/cli/commands.hpp"
#include "sim/report/html/page.hpp"

namespace lockstep::cli {

inline const Option page_option{
    "html",
    "FILE",
    "also write the report as one HTML page that works offline, with charts; with - the page is "
    "all that is printed",
    {},
    false};

// What goes together with --html, before anything is computed or written. Throws UsageError.
void check_page_option(const Arguments& arguments);

// The command line again, but for what changes only where and how its result is shown.
PageOrigin page_origin(const std::string& command, const Arguments& arguments);

// Writes the page of a document, which has "page", to the file of --html and says so in the
// remark, or puts it in the place of the output. Nothing without --html.
void add_page(const nlohmann::ordered_json& document, const Arguments& arguments,
              Outcome& outcome);

}  // namespace lockstep::cli
