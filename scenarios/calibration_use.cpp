#include "scenarios/calibration_use.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <memory>
#include <set>
#include <utility>

#include "scenarios/utf8.hpp"

namespace lockstep {
namespace {

using Names = std::set<std::string>;

struct Used {
  Names systems;
  Names gpus;
  [[nodiscard]] bool has(const CalibratedConstant& constant) const {
    const Names& names = constant.folder() == "gpus" ? gpus : systems;
    return names.count(constant.entry()) > 0;
  }
};

// The last of a file's kind counts.
struct FromFile {
  CalibratedConstant constant;
  std::string file;
};

bool same_group(const CollectiveCalibration& a, const CollectiveCalibration& b) {
  return a.system == b.system && a.collective == b.collective && a.ranks == b.ranks &&
         a.nodes == b.nodes;
}

std::string names_of(const Names& names) {
  return fmt::format("{}", fmt::join(names, ", "));
}

void check_used(const std::string& file, const CalibrationContents& contents, const Used& used,
                std::vector<Diagnostic>& problems) {
  Names held;
  bool any = false;
  for (const CollectiveCalibration& entry : contents.collectives) {
    held.insert(entry.system);
    any = any || used.systems.count(entry.system) > 0;
  }
  for (const CalibratedConstant& constant : contents.constants) {
    held.insert(constant.entry());
    any = any || used.has(constant);
  }
  if (any) return;
  Diagnostic diagnostic;
  diagnostic.code = "E606";
  diagnostic.file = file;
  diagnostic.message = held.empty()
                           ? std::string("this calibration holds no collective and no constant")
                           : fmt::format("this calibration is of {}, which no cluster here is",
                                         printable(names_of(held)));
  Names here = used.systems;
  const bool of_gpus = std::any_of(contents.constants.begin(), contents.constants.end(),
                                   [](const auto& one) { return one.folder() == "gpus"; });
  if (of_gpus) here.insert(used.gpus.begin(), used.gpus.end());
  diagnostic.hint = used.systems.empty()
                        ? std::string("leave out --calibration")
                        : fmt::format("the systems here: {}", printable(names_of(here)));
  problems.push_back(std::move(diagnostic));
}

void keep_later(const CalibrationContents& contents, const std::string& file,
                std::vector<CollectiveCalibration>& collectives, std::vector<FromFile>& constants) {
  for (const CollectiveCalibration& entry : contents.collectives) {
    collectives.erase(
        std::remove_if(collectives.begin(), collectives.end(),
                       [&](const auto& earlier) { return same_group(earlier, entry); }),
        collectives.end());
    collectives.push_back(entry);
  }
  for (const CalibratedConstant& constant : contents.constants) {
    constants.erase(
        std::remove_if(constants.begin(), constants.end(),
                       [&](const FromFile& earlier) { return earlier.constant.of == constant.of; }),
        constants.end());
    constants.push_back({constant, file});
  }
}

bool belongs(const CalibratedConstant& constant, const Cluster& cluster) {
  return constant.entry() ==
         (constant.folder() == "gpus" ? cluster.system.gpu.name : cluster.system.name);
}

ConstantBase* find_constant(Cluster& cluster, const std::string& path) {
  ConstantBase* found = nullptr;
  for_each_constant(cluster, [&](const std::string& at, ConstantBase& constant) {
    if (at == path) found = &constant;
  });
  return found;
}

// Whether the scenario or --set has another value than the catalog.
bool as_in_catalog(const ConstantBase& a, const ConstantBase& b) {
  return a.value == b.value && a.spread == b.spread && a.kind == b.kind && a.source == b.source &&
         a.fit == b.fit && a.prior == b.prior && a.own_spread == b.own_spread;
}

class Machines {
 public:
  explicit Machines(const Catalog& catalog) : catalog_(catalog) {}

  // A cluster of the catalog's system, or with the catalog's GPU in any system.
  Cluster& of(const CalibratedConstant& constant) {
    const auto [found, fresh] = known_.try_emplace(constant.folder() + '.' + constant.entry());
    if (fresh && constant.folder() == "gpus")
      found->second.system.gpu = catalog_.gpu(constant.entry());
    if (fresh && constant.folder() == "systems")
      found->second.system = catalog_.system(constant.entry());
    return found->second;
  }

 private:
  const Catalog& catalog_;
  std::map<std::string, Cluster> known_;
};

AppliedConstant apply(const FromFile& from, Machines& machines,
                      const std::vector<Cluster*>& clusters) {
  const std::string path = from.constant.path();
  AppliedConstant applied;
  applied.measured = from.constant;
  applied.file = from.file;
  applied.before = *find_constant(machines.of(from.constant), path);
  const ConstantBase after =
      calibrated(applied.before, from.constant, constant_info(from.constant.of)->range);
  bool kept = false;
  bool changed = false;
  for (Cluster* cluster : clusters) {
    if (!belongs(from.constant, *cluster)) continue;
    ConstantBase& constant = *find_constant(*cluster, path);
    const bool own = !as_in_catalog(constant, applied.before);
    if (own) kept = true;
    if (own) continue;
    constant = after;
    changed = true;
  }
  applied.overruled = kept && !changed;
  applied.after = applied.overruled ? applied.before : after;
  return applied;
}

// The system as it was measured, with its own constants as they were measured.
System measured_system(const std::string& name, const Catalog& as_measured,
                       const std::vector<AppliedConstant>& constants) {
  Cluster cluster;
  cluster.system = as_measured.system(name);
  for (const AppliedConstant& constant : constants) {
    if (constant.overruled || !belongs(constant.measured, cluster)) continue;
    *find_constant(cluster, constant.measured.path()) = constant.after;
  }
  return cluster.system;
}

void set_collectives(const AppliedCalibration& applied, const Catalog& as_measured,
                     const std::vector<Cluster*>& clusters) {
  std::map<std::string, std::shared_ptr<const Calibrations>> of_system;
  for (const CollectiveCalibration& entry : applied.collectives) {
    auto& calibrations = of_system[entry.system];
    if (calibrations) continue;
    calibrations = std::make_shared<const Calibrations>(
        measured_system(entry.system, as_measured, applied.constants), applied.collectives);
  }
  for (Cluster* cluster : clusters) {
    const auto found = of_system.find(cluster->system.name);
    if (found != of_system.end()) cluster->calibrations = found->second;
  }
}

}  // namespace

ConstantBase calibrated(const ConstantBase& constant, const CalibratedConstant& measured,
                        Range range) {
  ConstantBase result = constant;
  result.kind = Provenance::measured;
  result.source = measured.source.empty() ? "calibration" : "calibration: " + measured.source;
  if (constant.fit.empty()) {
    result.value = measured.value;
    result.spread = measured.spread;
    return result;
  }
  const double factor = constant.value / constant.prior;
  const double of_factor =
      std::max(0.0, constant.spread * constant.spread - constant.own_spread * constant.own_spread);
  result.prior = measured.value;
  result.own_spread = measured.spread;
  result.value = std::clamp(measured.value * factor, range.low, range.high);
  result.spread = std::hypot(std::sqrt(of_factor), measured.spread);
  result.source += fmt::format("; times {:.3g}: what a step makes of it", factor);
  return result;
}

AppliedCalibration apply_calibrations(const std::vector<std::string>& files, const Catalog& catalog,
                                      const std::vector<Cluster*>& clusters) {
  AppliedCalibration applied;
  if (files.empty()) return applied;
  const Catalog as_measured(catalog.folder());
  Used used;
  for (const Cluster* cluster : clusters) {
    used.systems.insert(cluster->system.name);
    used.gpus.insert(cluster->system.gpu.name);
  }
  std::vector<FromFile> constants;
  std::vector<Diagnostic> problems;
  for (const std::string& file : files) {
    const CalibrationContents contents = load_calibration(file, as_measured);
    check_used(file, contents, used, problems);
    keep_later(contents, file, applied.collectives, constants);
    applied.files.push_back(file);
    applied.machines.push_back(contents.machine);
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  Machines machines(as_measured);
  for (const FromFile& from : constants) {
    if (used.has(from.constant)) applied.constants.push_back(apply(from, machines, clusters));
  }
  auto& entries = applied.collectives;
  entries.erase(
      std::remove_if(entries.begin(), entries.end(),
                     [&](const auto& one) { return used.systems.count(one.system) == 0; }),
      entries.end());
  set_collectives(applied, as_measured, clusters);
  return applied;
}

std::vector<Cluster*> clusters_of(Scenario& scenario) {
  std::vector<Cluster*> clusters{&scenario.cluster};
  for (ScenarioPlan& plan : scenario.plans) clusters.push_back(&plan.cluster);
  return clusters;
}

}  // namespace lockstep
