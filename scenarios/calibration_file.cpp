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
constexpr std::int64_t most_ranks = 10'000'000;

constexpr Choice collective_choices[] = {
    {"all_reduce", static_cast<int>(Collective::all_reduce), ""},
    {"all_gather", static_cast<int>(Collective::all_gather), ""},
    {"reduce_scatter", static_cast<int>(Collective::reduce_scatter), ""},
    {"broadcast", static_cast<int>(Collective::broadcast), ""},
    {"reduce", static_cast<int>(Collective::reduce), ""},
    {"all_to_all", static_cast<int>(Collective::all_to_all), ""},
    {"send_recv", static_cast<int>(Collective::send_recv), ""},
};

constexpr Choice confidence_choices[] = {
    {"low", static_cast<int>(Confidence::low), ""},
    {"medium", static_cast<int>(Confidence::medium), ""},
    {"high", static_cast<int>(Confidence::high), ""},
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
  CalibrationContents contents;
};

void describe(FieldVisitor& visitor, CalibratedMachine& machine) {
  visitor.text({"date", "When it was measured."}, machine.date);
  visitor.text({"driver", "The driver's version."}, machine.driver);
  visitor.text({"cuda", "The CUDA runtime's version."}, machine.cuda);
  visitor.text({"nccl", "NCCL's version."}, machine.nccl);
  visitor.texts({"hosts", "The names of the hosts."}, machine.hosts);
  visitor.texts({"gpus", "The GPUs, as the driver names them."}, machine.gpus);
}

void describe(FieldVisitor& visitor, CalibratedConstant& constant) {
  visitor.text({"of", "The constant: gpus.NAME.KEY or systems.NAME.KEY.", true}, constant.of);
  const FieldInfo value{"value", "What was measured, with the constant's unit.", true};
  if (const ConstantInfo* info = constant_info(constant.of)) {
    constant.value = quantity(visitor, value, info->dimension, info->range);
  } else {
    std::string unread;  // of what, is not known: check_constants() says so
    visitor.text(value, unread);
  }
  visitor.number({"spread", "Relative standard deviation.", true}, constant.spread, {0.0, 2.0});
  visit_choice(visitor, {"confidence", "How far to trust it."}, constant.confidence,
               confidence_choices);
  visitor.count({"points", "Times that were measured."}, constant.points, 0, 1'000'000'000);
  visitor.text({"source", "Where the measurement is."}, constant.source);
}

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
  visit_choice(visitor, {"confidence", "How far to trust the fit."}, entry.confidence,
               confidence_choices);
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
  visitor.group({"machine", "What was measured."},
                [&](FieldVisitor& inner) { describe(inner, file.contents.machine); });
  std::vector<CollectiveCalibration>& entries = file.contents.collectives;
  visitor.list(
      {"collectives", "One entry for each measured collective and group."}, entries.size(),
      [&](std::size_t size) { entries.resize(size); },
      [&](FieldVisitor& inner, std::size_t index) { describe(inner, entries[index]); });
  std::vector<CalibratedConstant>& constants = file.contents.constants;
  visitor.list(
      {"constants", "One entry for each measured constant of a GPU or a system."}, constants.size(),
      [&](std::size_t size) { constants.resize(size); },
      [&](FieldVisitor& inner, std::size_t index) { describe(inner, constants[index]); });
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

const std::vector<Node>& items_of(const Node& root, const char* key) {
  static const std::vector<Node> none;
  const Entry* entry = root.find(key);
  return entry == nullptr ? none : entry->value.items;
}

void check_collectives(const std::vector<CollectiveCalibration>& entries, const Node& root,
                       const Catalog& catalog, std::vector<Diagnostic>& problems) {
  const std::vector<std::string> systems = catalog.names("systems");
  std::set<std::tuple<std::string, Collective, std::int64_t, std::int64_t>> groups;
  const std::vector<Node>& items = items_of(root, "collectives");
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const CollectiveCalibration& entry = entries[i];
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

std::string nearest_hint(const std::string& name, const std::vector<std::string>& names,
                         const std::string& otherwise) {
  const std::string near = nearest_name(name, names);
  return near.empty() ? otherwise : fmt::format("did you mean '{}'?", near);
}

// Keys of the constants of a folder's entries.
std::vector<std::string> keys_of(const std::string& folder) {
  const std::string prefix = folder == "gpus" ? "gpu." : "system.";
  std::vector<std::string> keys;
  for (const auto& [path, info] : constant_table()) {
    if (path.rfind(prefix, 0) == 0) keys.push_back(path.substr(prefix.size()));
  }
  return keys;
}

void check_constants(const std::vector<CalibratedConstant>& constants, const Node& root,
                     const Catalog& catalog, std::vector<Diagnostic>& problems) {
  std::set<std::string> seen;
  const std::vector<Node>& items = items_of(root, "constants");
  for (std::size_t i = 0; i < constants.size(); ++i) {
    const CalibratedConstant& constant = constants[i];
    const Location& where = place(items[i], "of");
    const std::string folder = constant.folder();
    if (folder != "gpus" && folder != "systems") {
      problems.push_back(diagnose(where, "E607",
                                  fmt::format("'{}' is no constant", printable(constant.of)),
                                  "write gpus.NAME.KEY or systems.NAME.KEY"));
      continue;
    }
    if (constant_info(constant.of) == nullptr) {
      problems.push_back(diagnose(
          where, "E607",
          fmt::format("there is no constant '{}' of {}", printable(constant.key()), folder),
          nearest_hint(constant.key(), keys_of(folder),
                       fmt::format("`lockstep list {} NAME` shows them", folder))));
      continue;
    }
    const std::vector<std::string> names = catalog.names(folder);
    if (std::find(names.begin(), names.end(), constant.entry()) == names.end()) {
      problems.push_back(
          diagnose(where, "E608",
                   fmt::format("there is no '{}' among the {} of the catalog",
                               printable(constant.entry()), folder),
                   nearest_hint(constant.entry(), names,
                                fmt::format("`lockstep list {}` shows the names", folder))));
    }
    if (!seen.insert(constant.of).second) {
      problems.push_back(diagnose(items[i].where, "E609",
                                  fmt::format("{} is there twice", printable(constant.of)),
                                  "keep one of the two"));
    }
  }
}

// "a.b.c" -> the part between its first and its last dot for 1, and what is beside it for 0 and 2.
std::string part_of(const std::string& of, int index) {
  const std::size_t first = of.find('.');
  const std::size_t last = of.rfind('.');
  if (first == std::string::npos || last == first) return index == 0 ? of.substr(0, first) : "";
  if (index == 0) return of.substr(0, first);
  return index == 1 ? of.substr(first + 1, last - first - 1) : of.substr(last + 1);
}

}  // namespace

bool CalibratedMachine::stated() const {
  return !date.empty() || !driver.empty() || !cuda.empty() || !nccl.empty() || !hosts.empty() ||
         !gpus.empty();
}

std::string CalibratedConstant::folder() const {
  return part_of(of, 0);
}
std::string CalibratedConstant::entry() const {
  return part_of(of, 1);
}
std::string CalibratedConstant::key() const {
  return part_of(of, 2);
}
std::string CalibratedConstant::path() const {
  return (folder() == "gpus" ? "gpu." : "system.") + key();
}

const ConstantInfo* constant_info(const std::string& of) {
  static const ConstantTable table = constant_table();
  const std::string folder = part_of(of, 0);
  if (folder != "gpus" && folder != "systems") return nullptr;
  const auto found = table.find((folder == "gpus" ? "gpu." : "system.") + part_of(of, 2));
  return found == table.end() ? nullptr : &found->second;
}

CalibrationContents parse_calibration(const std::string& yaml_text, const std::string& file_name,
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
    if (problems.empty()) {
      check_collectives(file.contents.collectives, *root, catalog, problems);
      check_constants(file.contents.constants, *root, catalog, problems);
    }
  }
  if (!problems.empty()) throw InputError(without_repeats(std::move(problems)));
  return file.contents;
}

CalibrationContents load_calibration(const std::string& file, const Catalog& catalog) {
  std::vector<Diagnostic> problems;
  const std::optional<std::string> text = read_text_file(file, Origin::scenario, problems);
  if (!text) throw InputError(std::move(problems));
  if (text->find("\"lockstep_measurement\"") != std::string::npos) {
    const auto source = std::make_shared<const SourceText>(file, *text, Origin::scenario);
    throw InputError({diagnose(Location{source, 0, 0, 1}, "E613",
                               "this is a measurement, no calibration",
                               "`lockstep calibrate FILE -o CALIBRATION.yaml` makes one of it")});
  }
  return parse_calibration(*text, file, catalog);
}

}  // namespace lockstep
