#include "scenarios/calibration_file.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <utility>

#include "scenarios/catalog_trees.hpp"
#include "scenarios/fields.hpp"
#include "scenarios/tree_reader.hpp"
#include "scenarios/utf8.hpp"
#include "scenarios/yaml_reader.hpp"

namespace lockstep {
namespace {

constexpr std::int64_t calibration_version = 1;
constexpr std::size_t most_pieces = 8;
constexpr std::size_t most_entries = 10'000;
constexpr std::int64_t most_ranks = 10'000'000;
constexpr double never_zero = 1e-300;

constexpr Choice collective_choices[] = {
    {"all_reduce", static_cast<int>(Collective::all_reduce), ""},
    {"all_gather", static_cast<int>(Collective::all_gather), ""},
    {"reduce_scatter", static_cast<int>(Collective::reduce_scatter), ""},
    {"broadcast", static_cast<int>(Collective::broadcast), ""},
    {"reduce", static_cast<int>(Collective::reduce), ""},
    {"all_to_all", static_cast<int>(Collective::all_to_all), ""},
    {"send_recv", static_cast<int>(Collective::send_recv), ""},
};

constexpr Choice version_choices[] = {{"1", 1, ""}};

// A quantity with its unit, no constant with provenance.
double quantity(FieldVisitor& visitor, const FieldInfo& field, Dimension dimension, Range range) {
  ConstantBase value;
  visitor.constant(field, value, dimension, range);
  return value.value;
}

CalibrationPiece piece_of(FieldVisitor& visitor) {
  CalibrationPiece piece;
  piece.from = Bytes{quantity(visitor, {"from", "The size from which the line holds.", true},
                              Dimension::bytes, {0, 1e18})};
  piece.latency = Seconds{
      quantity(visitor, {"latency", "Time at no bytes.", true}, Dimension::seconds, {0, 1e4})};
  const double bandwidth = quantity(
      visitor, {"bandwidth", "Bytes of the buffer per second; left out: the time is flat."},
      Dimension::bytes_per_second, {1.0, 1e18});
  piece.seconds_per_byte = bandwidth > 0 ? 1.0 / bandwidth : 0.0;
  return piece;
}

struct CalibrationFile {
  int version = calibration_version;
  std::vector<CollectiveCalibration> entries;
};

void describe(FieldVisitor& visitor, CollectiveCalibration& entry) {
  visitor.text({"system", "The system of the catalog that was measured.", true}, entry.system);
  visit_choice(visitor, {"collective", "Which collective.", true}, entry.collective,
               collective_choices);
  visitor.count({"ranks", "GPUs of the group.", true}, entry.ranks, 2, most_ranks);
  visitor.count({"nodes", "Nodes that they were spread over.", true}, entry.nodes, 1, most_ranks);
  visitor.number({"spread", "Relative standard deviation of the residuals."}, entry.spread,
                 {0.0, 10.0});
  visitor.count({"points", "Sizes that were measured."}, entry.points, 0, 1'000'000'000);
  entry.smallest =
      Bytes{quantity(visitor, {"smallest", "The smallest of them."}, Dimension::bytes, {0, 1e18})};
  entry.largest =
      Bytes{quantity(visitor, {"largest", "The largest of them."}, Dimension::bytes, {0, 1e18})};
  visitor.text({"source", "Where the measurement is."}, entry.source);
  visitor.text({"date", "When it was measured."}, entry.date);
  visitor.text({"nccl_version", "NCCL's version."}, entry.nccl_version);
  visitor.list(
      {"pieces", "Lines of the measured curve, from small sizes to large ones.", true},
      entry.pieces.size(),
      [&](std::size_t size) { entry.pieces.resize(std::min(size, most_pieces + 1)); },
      [&](FieldVisitor& inner, std::size_t index) {
        CalibrationPiece piece = piece_of(inner);
        if (index < entry.pieces.size()) entry.pieces[index] = piece;
      });
}

void describe(FieldVisitor& visitor, CalibrationFile& file) {
  visitor.choice({"calibration", "The version of the format: 1.", true}, file.version,
                 version_choices);
  visitor.list(
      {"collectives", "One entry for each measured collective and group.", true},
      file.entries.size(), [&](std::size_t size) { file.entries.resize(size); },
      [&](FieldVisitor& inner, std::size_t index) { describe(inner, file.entries[index]); });
}

const Location& place(const Node& item, const char* key) {
  const Entry* entry = item.find(key);
  return entry == nullptr ? item.where : entry->value.where;
}

void check_pieces(const CollectiveCalibration& entry, const Node& item,
                  std::vector<Diagnostic>& problems) {
  const Location& where = place(item, "pieces");
  if (entry.pieces.empty() || entry.pieces.size() > most_pieces) {
    problems.push_back(diagnose(where, "E601",
                                fmt::format("{} pieces", item.find("pieces")->value.items.size()),
                                fmt::format("a curve has 1 to {}", most_pieces)));
    return;
  }
  const std::vector<Node>& nodes = item.find("pieces")->value.items;
  for (std::size_t i = 0; i < entry.pieces.size(); ++i) {
    const CalibrationPiece& piece = entry.pieces[i];
    if (i > 0 && !(piece.from > entry.pieces[i - 1].from)) {
      problems.push_back(diagnose(place(nodes[i], "from"), "E602",
                                  "this piece does not begin above the one before it",
                                  "sort the pieces by their sizes, each size once"));
    }
    if (!(piece.latency.value() > 0) && !(piece.seconds_per_byte > 0)) {
      problems.push_back(diagnose(nodes[i].where, "E602", "this piece takes no time at all",
                                  "give it a latency above 0, or a bandwidth"));
    }
  }
}

void check_entry(const CollectiveCalibration& entry, const Node& item, const Catalog& catalog,
                 const std::vector<std::string>& systems, std::vector<Diagnostic>& problems) {
  check_pieces(entry, item, problems);
  if (std::find(systems.begin(), systems.end(), entry.system) == systems.end()) {
    const std::string near = nearest_name(entry.system, systems);
    problems.push_back(
        diagnose(place(item, "system"), "E605",
                 fmt::format("there is no system '{}' in the catalog", printable(entry.system)),
                 near.empty() ? "`lockstep list systems` shows the names"
                              : fmt::format("did you mean '{}'?", near)));
    return;
  }
  const std::int64_t in_node = catalog.system(entry.system).gpus_per_node;
  const std::int64_t used = (entry.ranks + entry.nodes - 1) / entry.nodes;
  if (entry.nodes > entry.ranks || used > in_node) {
    problems.push_back(diagnose(
        place(item, "nodes"), "E604",
        fmt::format("{} ranks cannot be on {} {} of {}", entry.ranks, entry.nodes,
                    entry.nodes == 1 ? "node" : "nodes", entry.system),
        fmt::format("a node has {} GPUs, and each of the nodes at least one rank", in_node)));
  }
}

void check_meaning(const CalibrationFile& file, const Node& root, const Catalog& catalog,
                   std::vector<Diagnostic>& problems) {
  const std::vector<std::string> systems = catalog.names("systems");
  std::set<std::tuple<std::string, Collective, std::int64_t, std::int64_t>> groups;
  const std::vector<Node>& items = root.find("collectives")->value.items;
  for (std::size_t i = 0; i < file.entries.size(); ++i) {
    const CollectiveCalibration& entry = file.entries[i];
    check_entry(entry, items[i], catalog, systems, problems);
    if (!groups.emplace(entry.system, entry.collective, entry.ranks, entry.nodes).second) {
      problems.push_back(diagnose(items[i].where, "E603",
                                  fmt::format("{} of {} ranks on {} nodes of {} is there twice",
                                              to_string(entry.collective), entry.ranks, entry.nodes,
                                              printable(entry.system)),
                                  "keep one of the two"));
    }
  }
}

// Double quotes and what a YAML scalar between them escapes.
std::string quoted(const std::string& text) {
  std::string out = "\"";
  for (const char c : printable(text)) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out + '"';
}

std::string entry_text(const CollectiveCalibration& entry) {
  std::string out = fmt::format(
      "  - system: {}\n    collective: {}\n    ranks: {}\n    nodes: {}\n    spread: {:.4g}\n    "
      "points: {}\n"
      "    smallest: {:.0f} B\n    largest: {:.0f} B\n",
      entry.system, to_string(entry.collective), entry.ranks, entry.nodes, entry.spread,
      entry.points, entry.smallest.value(), entry.largest.value());
  if (!entry.source.empty()) out += fmt::format("    source: {}\n", quoted(entry.source));
  if (!entry.date.empty()) out += fmt::format("    date: {}\n", quoted(entry.date));
  if (!entry.nccl_version.empty())
    out += fmt::format("    nccl_version: {}\n", quoted(entry.nccl_version));
  out += "    pieces:\n";
  for (const CalibrationPiece& piece : entry.pieces) {
    out += fmt::format("      - {{from: {:.0f} B, latency: {:.6g} us", piece.from.value(),
                       piece.latency.value() * 1e6);
    if (piece.seconds_per_byte > never_zero)
      out += fmt::format(", bandwidth: {:.6g} GB/s", 1e-9 / piece.seconds_per_byte);
    out += "}\n";
  }
  return out;
}

bool same_group(const CollectiveCalibration& a, const CollectiveCalibration& b) {
  return a.system == b.system && a.collective == b.collective && a.ranks == b.ranks &&
         a.nodes == b.nodes;
}

std::string names_of(const std::set<std::string>& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

void check_used(const std::string& file, const std::vector<CollectiveCalibration>& entries,
                const std::set<std::string>& used, std::vector<Diagnostic>& problems) {
  std::set<std::string> held;
  for (const CollectiveCalibration& entry : entries) held.insert(entry.system);
  if (std::any_of(held.begin(), held.end(),
                  [&](const std::string& name) { return used.count(name) > 0; }))
    return;
  Diagnostic diagnostic;
  diagnostic.code = "E606";
  diagnostic.file = file;
  diagnostic.message =
      held.empty()
          ? std::string("this calibration holds no collective")
          : fmt::format("this calibration is of {}, which no cluster here is", names_of(held));
  diagnostic.hint = used.empty() ? std::string("leave out --calibration")
                                 : fmt::format("the systems here: {}", printable(names_of(used)));
  problems.push_back(std::move(diagnostic));
}

}  // namespace

std::vector<Cluster*> clusters_of(Scenario& scenario) {
  std::vector<Cluster*> clusters{&scenario.cluster};
  for (ScenarioPlan& plan : scenario.plans) clusters.push_back(&plan.cluster);
  return clusters;
}

void apply_calibrations(const std::vector<std::string>& files, const Catalog& catalog,
                        const std::vector<Cluster*>& clusters) {
  if (files.empty()) return;
  const Catalog as_measured(catalog.folder());
  std::set<std::string> used;
  for (const Cluster* cluster : clusters) used.insert(cluster->system.name);
  std::vector<CollectiveCalibration> all;
  std::vector<Diagnostic> problems;
  for (const std::string& file : files) {
    const std::vector<CollectiveCalibration> entries = load_calibrations(file, as_measured);
    check_used(file, entries, used, problems);
    for (const CollectiveCalibration& entry : entries) {
      all.erase(std::remove_if(all.begin(), all.end(),
                               [&](const CollectiveCalibration& earlier) {
                                 return same_group(earlier, entry);
                               }),
                all.end());
      all.push_back(entry);
    }
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  std::map<std::string, std::shared_ptr<const Calibrations>> of_system;
  for (const CollectiveCalibration& entry : all) {
    auto& calibrations = of_system[entry.system];
    if (calibrations || used.count(entry.system) == 0) continue;
    calibrations = std::make_shared<const Calibrations>(as_measured.system(entry.system), all);
  }
  for (Cluster* cluster : clusters) {
    const auto found = of_system.find(cluster->system.name);
    if (found != of_system.end()) cluster->calibrations = found->second;
  }
}

std::vector<CollectiveCalibration> parse_calibrations(const std::string& yaml_text,
                                                      const std::string& file_name,
                                                      const Catalog& catalog) {
  std::vector<Diagnostic> problems;
  const auto source = std::make_shared<const SourceText>(file_name, yaml_text, Origin::scenario);
  const std::optional<Node> root = parse_yaml(source, problems);
  if (root && root->kind != Node::Kind::map) {
    problems.push_back(diagnose(root->where, "E201", "a calibration must be a map of keys",
                                "`lockstep calibrate LOG -o FILE` writes one"));
  }
  CalibrationFile file;
  if (problems.empty() && root) {
    CatalogEntrySource entries(catalog.trees(), problems);
    ReadContext context{problems, entries};
    read_map(*root, Location{source, 0, 0, 1}, "", context,
             [&](FieldVisitor& visitor) { describe(visitor, file); });
    if (problems.empty()) check_meaning(file, *root, catalog, problems);
  }
  if (!problems.empty()) throw InputError(without_repeats(std::move(problems)));
  return file.entries;
}

std::vector<CollectiveCalibration> load_calibrations(const std::string& file,
                                                     const Catalog& catalog) {
  std::vector<Diagnostic> problems;
  const std::optional<std::string> text = read_text_file(file, Origin::scenario, problems);
  if (!text) throw InputError(std::move(problems));
  return parse_calibrations(*text, file, catalog);
}

std::string calibration_file_text(const std::vector<CollectiveCalibration>& entries) {
  std::string out =
      "# Measured collectives, fitted by `lockstep calibrate`; --calibration reads "
      "it.\ncalibration: 1\n"
      "collectives:\n";
  for (const CollectiveCalibration& entry : entries) out += entry_text(entry);
  return out;
}

}  // namespace lockstep
