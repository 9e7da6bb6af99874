// list and schema.
#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "scenarios/utf8.hpp"
#include "sim/cli/catalog_folder.hpp"
#include "sim/cli/commands.hpp"
#include "sim/report/display.hpp"
#include "strategies/pipeline/schedule.hpp"

namespace lockstep::cli {

namespace {

struct Entry {
  std::string kind;
  std::string name;
  std::string description;
};

std::string description_of(const Catalog& catalog, const std::string& kind, const std::string& name) {
  if (kind == "gpus") return catalog.gpu(name).description;
  if (kind == "systems") return catalog.system(name).description;
  if (kind == "models") return catalog.model(name).description;
  return catalog.software(name).description;
}

std::vector<Entry> entries_of(const Catalog& catalog, const std::string& kind) {
  std::vector<Entry> entries;
  if (kind == "schedules") {
    for (const Schedule& schedule : schedules()) entries.push_back({kind, schedule.name, schedule.description});
    return entries;
  }
  for (const std::string& name : catalog.names(kind)) {
    entries.push_back({kind, name, description_of(catalog, kind, name)});
  }
  return entries;
}

std::string as_text(const std::vector<std::string>& kinds, const std::vector<Entry>& entries) {
  std::string text;
  for (const std::string& kind : kinds) {
    Table table({{kind, Align::left, 0, 0}, {"", Align::left, 20, 2}});
    for (const Entry& entry : entries) {
      if (entry.kind == kind) table.add({{entry.name, Tone::plain}, {printable(entry.description), Tone::plain}});
    }
    text += (text.empty() ? "" : "\n") + table.render(100, "", false);
  }
  return text;
}

std::string as_json(const std::vector<std::string>& kinds, const std::vector<Entry>& entries) {
  nlohmann::ordered_json json = {{"schema_version", 1}, {"command", "list"}};
  for (const std::string& kind : kinds) {
    json[kind] = nlohmann::ordered_json::array();
    for (const Entry& entry : entries) {
      if (entry.kind == kind) json[kind].push_back({{"name", entry.name}, {"description", entry.description}});
    }
  }
  return json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
}

std::string as_csv(const std::vector<Entry>& entries) {
  std::string text = "kind,name,description\n";
  for (const Entry& entry : entries) {
    std::string quoted;
    for (const char c : entry.description) quoted += c == '"' ? "\"\"" : std::string(1, c);
    text += fmt::format("{},{},\"{}\"\n", entry.kind, entry.name, quoted);
  }
  return text;
}

}  // namespace

Outcome run_list(const Arguments& arguments, const Environment& environment) {
  const Catalog catalog = open_catalog(arguments, environment, {});
  std::vector<std::string> kinds = arguments.positionals();
  if (kinds.empty()) kinds = {"gpus", "systems", "models", "software", "schedules"};
  std::vector<Entry> entries;
  for (const std::string& kind : kinds) {
    for (Entry& entry : entries_of(catalog, kind)) entries.push_back(std::move(entry));
  }
  const std::string format = arguments.value("format", "text");
  if (format == "json") return {as_json(kinds, entries), exit_ok};
  if (format == "csv") return {as_csv(entries), exit_ok};
  return {as_text(kinds, entries), exit_ok};
}

Outcome run_schema(const Arguments& arguments, const Environment& environment) {
  std::string text = arguments.has("reference") ? scenario_reference()
                                                : scenario_json_schema(open_catalog(arguments, environment, {}));
  if (text.empty() || text.back() != '\n') text += '\n';
  return {std::move(text), exit_ok};
}

}  // namespace lockstep::cli
