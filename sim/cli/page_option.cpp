#include "sim/cli/page_option.hpp"

#include <fmt/format.h>

#include <filesystem>
#include <ostream>
#include <system_error>

#include "lockstep_build_info.hpp"
#include "scenarios/utf8.hpp"
#include "sim/cli/output_file.hpp"
#include "sim/cli/shell_words.hpp"

namespace lockstep::cli {

namespace {

namespace fs = std::filesystem;

bool same_file(const std::string& a, const std::string& b) {
  std::error_code unknown;
  if (a.empty() || b.empty() || a == "-" || b == "-") return false;
  return fs::equivalent(a, b, unknown) ||
         fs::weakly_canonical(a, unknown) == fs::weakly_canonical(b, unknown);
}

}  // namespace

void check_page_option(const Arguments& arguments) {
  if (!arguments.has("html")) return;
  const std::string path = arguments.value("html");
  if (same_file(path, arguments.positionals().front())) {
    throw UsageError("--html would overwrite the scenario", "name another file");
  }
  for (const char* other : {"trace", "write"}) {
    if (same_file(path, arguments.value(other))) {
      throw UsageError(fmt::format("--html and --{} name the same file", other),
                       "name another file for one of them");
    }
  }
  if (path != "-") return;
  for (const char* other : {"timeline", "format", "ascii"}) {
    if (arguments.has(other)) {
      throw UsageError(fmt::format("--html - leaves no room for --{}", other),
                       "--html FILE writes the page beside the report");
    }
  }
  if (arguments.value("trace") == "-") {
    throw UsageError("--html - leaves no room for --trace -", "name a file for one of them");
  }
}

PageOrigin page_origin(const std::string& command, const Arguments& arguments) {
  const std::vector<std::string> words = command_words(
      command, arguments,
      {"html", "format", "color", "progress", "write", "trace", "timeline", "ops", "ascii"});
  return {join(words, " "), std::string(build_info::version)};
}

void add_page(const nlohmann::ordered_json& document, const Arguments& arguments,
              Outcome& outcome) {
  if (!arguments.has("html")) return;
  const std::string path = arguments.value("html");
  const std::string page = html_page(document);
  if (path == "-") {
    outcome.output = page;
    return;
  }
  write_file(path, "--html", [&](std::ostream& out) { out << page; });
  outcome.remark += fmt::format("lockstep: note: the page is in {}\n", printable(path));
}

}  // namespace lockstep::cli
