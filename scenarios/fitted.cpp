// The fitted parameters' files, and what a parameter does to a constant.
#include "scenarios/fitted.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <memory>
#include <optional>
#include <sstream>
#include <system_error>

#include "scenarios/fields.hpp"
#include "scenarios/scenario.hpp"
#include "scenarios/tree_reader.hpp"
#include "scenarios/utf8.hpp"
#include "scenarios/yaml_reader.hpp"

namespace lockstep {
namespace {

constexpr Range spread_range{0.0, 3.0, true};
constexpr Range factor_range{1e-3, 1e3};
// Share of the prior's variance above which a fit has taught nothing.
constexpr double still_unknown = 0.9;
constexpr double rounding = 1e-3;
constexpr const char* parameters_name = "parameters.yaml";
constexpr const char* result_name = "runs.yaml";

struct ParameterFile {
  std::vector<FittedParameter> parameters;
};

void describe(FieldVisitor& visitor, FittedParameter& parameter) {
  visitor.text({"name", "What constants of the catalog write after `fit`.", true}, parameter.name);
  visitor.text({"meaning", "What it is, physically.", true}, parameter.meaning);
  visitor.number({"prior_spread", "Standard deviation of the logarithm before the fit.", true},
                 parameter.prior_spread, spread_range);
  visitor.number({"low", "Smallest factor that is physical.", true}, parameter.low, factor_range);
  visitor.number({"high", "Largest factor that is physical.", true}, parameter.high, factor_range);
}

void describe(FieldVisitor& visitor, ParameterFile& file) {
  visitor.list(
      {"parameters", "What published runs may move.", true}, file.parameters.size(),
      [&](std::size_t size) { file.parameters.resize(size); },
      [&](FieldVisitor& inner, std::size_t i) { describe(inner, file.parameters[i]); });
}

struct FitResult {
  std::string name;
  double factor = 1.0;
  double spread = 0.0;
};

struct ResultFile {
  std::string source;
  std::vector<FitResult> results;
  std::string deviation;
};

void describe(FieldVisitor& visitor, FitResult& result) {
  visitor.text({"name", "The parameter.", true}, result.name);
  visitor.number({"factor", "Where the fit moved it.", true}, result.factor, factor_range);
  visitor.number({"spread", "Standard deviation of its logarithm.", true}, result.spread,
                 spread_range);
}

void describe(FieldVisitor& visitor, ResultFile& file) {
  visitor.text({"source", "What it was fitted to.", true}, file.source);
  visitor.list(
      {"parameters", "Factors, in the order of parameters.yaml.", true}, file.results.size(),
      [&](std::size_t size) { file.results.resize(size); },
      [&](FieldVisitor& inner, std::size_t i) { describe(inner, file.results[i]); });
  visitor.text({"deviation", "Rows of the Cholesky factor of the covariance.", true},
               file.deviation);
}

// Reads the file's tree into the struct; false where something is wrong with it.
template <class File>
bool read_file(const std::filesystem::path& path, File& file, std::optional<Node>& root,
               std::vector<Diagnostic>& problems) {
  const std::size_t before = problems.size();
  const std::optional<std::string> text = read_text_file(path, Origin::catalog, problems);
  if (!text) return false;
  const auto source = std::make_shared<const SourceText>(path.string(), *text, Origin::catalog);
  root = parse_yaml(source, problems);
  if (!root || problems.size() > before) return false;
  if (root->kind != Node::Kind::map) {
    problems.push_back(diagnose(root->where, "E204", "the file must be a map of keys",
                                "`lockstep calibrate --corpus runs` writes it"));
    return false;
  }
  NoEntries entries;
  ReadContext context{problems, entries};
  read_map(*root, Location{source, 0, 0, 1}, "", context,
           [&](FieldVisitor& visitor) { describe(visitor, file); });
  return problems.size() == before;
}

void check_parameters(const FittedParameters& fitted, const Node& root,
                      std::vector<Diagnostic>& problems) {
  const std::vector<Node>& items = root.find("parameters")->value.items;
  for (std::size_t i = 0; i < fitted.size(); ++i) {
    const FittedParameter& parameter = fitted.parameters[i];
    if (fitted.index(parameter.name) != i) {
      problems.push_back(
          diagnose(items[i].where, "E610",
                   fmt::format("the parameter '{}' is there twice", printable(parameter.name)),
                   "keep one of the two"));
    }
    if (!(parameter.low < 1.0 && 1.0 < parameter.high)) {
      problems.push_back(
          diagnose(items[i].where, "E610",
                   fmt::format("the range of '{}' does not hold 1", printable(parameter.name)),
                   "a factor of 1 is what was believed before the fit"));
    }
  }
}

void set_prior_deviation(FittedParameters& fitted) {
  const std::size_t n = fitted.size();
  fitted.deviation.assign(n * n, 0.0);
  for (std::size_t i = 0; i < n; ++i) {
    fitted.parameters[i].spread = fitted.parameters[i].prior_spread;
    fitted.deviation[i * n + i] = fitted.parameters[i].prior_spread;
  }
}

// A result of other parameters than those of today is refused whole: its spreads would be wrong.
void apply_result(const ResultFile& file, const Node& root, FittedParameters& fitted,
                  std::vector<Diagnostic>& problems) {
  const std::size_t n = fitted.size();
  const auto refuse = [&](const std::string& message) {
    problems.push_back(
        diagnose(root.where, "E611", message, "fit again: `lockstep calibrate --corpus runs`"));
  };
  if (file.results.size() != n) {
    return refuse(
        fmt::format("{} parameters, and {} has {}", file.results.size(), parameters_name, n));
  }
  for (std::size_t i = 0; i < n; ++i) {
    if (file.results[i].name != fitted.parameters[i].name) {
      return refuse(fmt::format("parameter {} is '{}', in {} it is '{}'", i + 1,
                                printable(file.results[i].name), parameters_name,
                                printable(fitted.parameters[i].name)));
    }
  }
  for (std::size_t i = 0; i < n; ++i) {
    const FittedParameter& parameter = fitted.parameters[i];
    const double factor = file.results[i].factor;
    if (factor < parameter.low * (1 - rounding) || factor > parameter.high * (1 + rounding)) {
      return refuse(fmt::format("the factor {:g} of '{}' is outside {:g} to {:g}", factor,
                                printable(parameter.name), parameter.low, parameter.high));
    }
  }
  std::vector<double> deviation(n * n, 0.0);
  std::istringstream numbers(file.deviation);
  numbers.imbue(std::locale::classic());
  for (std::size_t i = 0; i < n; ++i) {
    for (std::size_t j = 0; j <= i; ++j) {
      if (!(numbers >> deviation[i * n + j]) ||
          !(std::abs(deviation[i * n + j]) <= spread_range.high)) {
        return refuse(fmt::format("'deviation' must hold {} numbers of at most {:g}",
                                  n * (n + 1) / 2, spread_range.high));
      }
    }
  }
  fitted.deviation = std::move(deviation);
  fitted.source = file.source;
  for (std::size_t i = 0; i < n; ++i) {
    fitted.parameters[i].factor = file.results[i].factor;
    fitted.parameters[i].spread = file.results[i].spread;
  }
}

}  // namespace

std::size_t FittedParameters::index(std::string_view name) const {
  const auto found = std::find_if(parameters.begin(), parameters.end(),
                                  [&](const FittedParameter& one) { return one.name == name; });
  return static_cast<std::size_t>(found - parameters.begin());
}

FittedParameters load_fitted_parameters(const std::filesystem::path& folder,
                                        std::vector<Diagnostic>& problems) {
  FittedParameters fitted;
  std::error_code error;
  if (!std::filesystem::exists(folder / parameters_name, error)) return fitted;
  std::optional<Node> root;
  ParameterFile file;
  if (!read_file(folder / parameters_name, file, root, problems)) return fitted;
  fitted.parameters = std::move(file.parameters);
  check_parameters(fitted, *root, problems);
  set_prior_deviation(fitted);
  if (!std::filesystem::exists(folder / result_name, error)) return fitted;
  ResultFile result;
  if (read_file(folder / result_name, result, root, problems)) {
    apply_result(result, *root, fitted, problems);
  }
  return fitted;
}

std::string fitted_parameters_text(const FittedParameters& fitted, const std::string& heading) {
  std::string out = heading;
  out += fmt::format("source: \"{}\"\nparameters:\n", fitted.source);
  for (const FittedParameter& parameter : fitted.parameters) {
    out += fmt::format("  - {{name: {}, factor: {:.5g}, spread: {:.3g}}}\n", parameter.name,
                       parameter.factor, parameter.spread);
  }
  out += "deviation: |\n";
  const std::size_t n = fitted.size();
  for (std::size_t i = 0; i < n; ++i) {
    out += " ";
    for (std::size_t j = 0; j <= i; ++j) {
      const double value = fitted.deviation[i * n + j];
      out += std::abs(value) < 5e-5 ? " 0" : fmt::format(" {:.4f}", value);
    }
    out += '\n';
  }
  return out;
}

void set_fitted(ConstantBase& constant, const FittedParameters& fitted) {
  if (constant.fit.empty()) return;
  const std::size_t index = fitted.index(constant.fit);
  if (index == fitted.size()) return;
  const FittedParameter& parameter = fitted.parameters[index];
  constant.value = constant.prior * parameter.factor;
  constant.spread = std::hypot(parameter.spread, constant.own_spread);
  // What the runs did not narrow is still what it was.
  const double left = parameter.spread / parameter.prior_spread;
  if (!fitted.source.empty() && left * left < still_unknown) constant.kind = Provenance::fitted;
}

void set_fitted(Cluster& cluster, Plan& plan, const FittedParameters& fitted) {
  for_each_constant(cluster, plan, [&](const std::string& /*path*/, ConstantBase& constant) {
    set_fitted(constant, fitted);
  });
}

}  // namespace lockstep
