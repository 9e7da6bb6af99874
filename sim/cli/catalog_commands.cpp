// list and schema.
#include <fmt/format.h>

#include <cmath>
#include <filesystem>
#include <system_error>

#include <nlohmann/json.hpp>

#include "scenarios/utf8.hpp"
#include "sim/cli/catalog_folder.hpp"
#include "sim/cli/commands.hpp"
#include "sim/cli/scenario_list.hpp"
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
  if (kind == "scenarios") {
    for (const LibraryEntry& one : scenario_library(catalog)) entries.push_back({kind, one.name, scenario_summary(one)});
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

struct PeakColumn {
  const char* name;
  Constant<FlopsPerSecond> Gpu::*peak;
};
constexpr PeakColumn peak_columns[] = {{"fp32", &Gpu::peak_fp32}, {"tf32", &Gpu::peak_tf32},
                                       {"fp16", &Gpu::peak_fp16}, {"bf16", &Gpu::peak_bf16},
                                       {"fp8", &Gpu::peak_fp8},   {"fp4", &Gpu::peak_fp4}};

std::string tera(double per_second) {
  return per_second > 0 ? fmt::format("{:g}", std::round(per_second * 1e-10) / 100) : "—";
}

// Of dense matrix products, in TFLOP/s; fp8's holds for mxfp8, fp4's for nvfp4.
std::string peaks_text(const Catalog& catalog) {
  std::vector<Column> columns{{"TFLOP/s, dense", Align::left, 0, 0}};
  for (const PeakColumn& column : peak_columns) columns.push_back({column.name, Align::right, 0, 2});
  columns.push_back({"HBM TB/s", Align::right, 0, 2});
  columns.push_back({"bf16 FLOP/B", Align::right, 0, 2});
  columns.push_back({"power limit", Align::right, 0, 2});
  Table table(columns);
  for (const std::string& name : catalog.names("gpus")) {
    const Gpu gpu = catalog.gpu(name);
    std::vector<Cell> row{{name, Tone::plain}};
    for (const PeakColumn& column : peak_columns) row.push_back({tera((gpu.*column.peak).value), Tone::plain});
    row.push_back({tera(gpu.memory_bandwidth.value), Tone::plain});
    const double half = gpu.peak_bf16.value > 0 ? gpu.peak_bf16.value : gpu.peak_fp16.value;
    row.push_back({fmt::format("{:.0f}", half / gpu.memory_bandwidth.value), Tone::plain});
    row.push_back({gpu.power_limit.value > 0 ? fmt::format("{:g} W", gpu.power_limit.value) : "—", Tone::plain});
    table.add(std::move(row));
  }
  return table.render(100, "", false) +
         wrap("MFU and HFU are fractions of the peak of the type that the linears run in. mxfp8 has fp8's peak, nvfp4 "
              "fp4's. FLOP/B: below it an op in 16 bit waits for HBM; of a GPU without bf16, fp16's.",
              100, "", "") + '\n';
}

std::string peaks_json(const Catalog& catalog) {
  nlohmann::ordered_json json = {{"schema_version", 1}, {"command", "list"}};
  json["peaks"] = nlohmann::ordered_json::array();
  for (const std::string& name : catalog.names("gpus")) {
    const Gpu gpu = catalog.gpu(name);
    nlohmann::ordered_json one = {{"name", name}};
    for (const PeakColumn& column : peak_columns) {
      one[fmt::format("peak_{}_flops_per_s", column.name)] = (gpu.*column.peak).value;
    }
    one["memory_bandwidth_bytes_per_s"] = gpu.memory_bandwidth.value;
    one["power_limit_w"] = gpu.power_limit.value;
    json["peaks"].push_back(std::move(one));
  }
  return json.dump(2) + '\n';
}

std::string peaks_csv(const Catalog& catalog) {
  std::string text = "gpu";
  for (const PeakColumn& column : peak_columns) text += fmt::format(",peak_{}_flops_per_s", column.name);
  text += ",memory_bandwidth_bytes_per_s,power_limit_w\n";
  for (const std::string& name : catalog.names("gpus")) {
    const Gpu gpu = catalog.gpu(name);
    text += name;
    for (const PeakColumn& column : peak_columns) text += fmt::format(",{:g}", (gpu.*column.peak).value);
    text += fmt::format(",{:g},{:g}\n", gpu.memory_bandwidth.value, gpu.power_limit.value);
  }
  return text;
}

// Where the commands of a listing find the folder from here.
std::filesystem::path seen_from_here(const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::path here = std::filesystem::current_path(error);
  if (error) return folder;
  const std::filesystem::path relative = std::filesystem::absolute(folder, error).lexically_relative(here);
  return error || relative.empty() || *relative.begin() == ".." ? folder : relative.lexically_normal();
}

// Files that cannot be read are among the rows; what is wrong with them goes to stderr in full.
Outcome list_scenarios(const Catalog& catalog, const std::string& format) {
  const std::vector<LibraryEntry> library = scenario_library(catalog);
  Outcome outcome;
  outcome.remark = scenario_problems(library);
  if (!outcome.remark.empty()) outcome.code = exit_invalid_input;
  if (format == "json") {
    nlohmann::ordered_json json = {{"schema_version", 1}, {"command", "list"}};
    json["scenarios"] = scenarios_json(library);
    outcome.output = json.dump(2, ' ', false, nlohmann::ordered_json::error_handler_t::replace) + '\n';
  } else {
    outcome.output = format == "csv" ? scenarios_csv(library) : scenarios_text(library, seen_from_here(catalog.folder()));
  }
  return outcome;
}

}  // namespace

Outcome run_list(const Arguments& arguments, const Environment& environment) {
  const Catalog catalog = open_catalog(arguments, environment, {});
  std::vector<std::string> kinds = arguments.positionals();
  if (kinds.empty()) kinds = {"gpus", "systems", "models", "software", "schedules", "scenarios"};
  const std::string format = arguments.value("format", "text");
  if (kinds.front() == "scenarios") return list_scenarios(catalog, format);
  if (kinds.front() == "peaks") {
    if (format == "json") return {peaks_json(catalog), exit_ok};
    return {format == "csv" ? peaks_csv(catalog) : peaks_text(catalog), exit_ok};
  }
  std::vector<Entry> entries;
  for (const std::string& kind : kinds) {
    for (Entry& entry : entries_of(catalog, kind)) entries.push_back(std::move(entry));
  }
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
