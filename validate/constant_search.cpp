#include "validate/constant_search.hpp"

#include <algorithm>
#include <cmath>
#include <map>

#include "scenarios/fields.hpp"
#include "validate/kernel_fit.hpp"
#include "validate/statistics.hpp"

namespace lockstep {
namespace {

constexpr std::size_t folds = 5;
constexpr double well_below = 0.7;          // of the catalog's spread: then the shapes tell it
constexpr double normal_quartile = 0.6745;  // standard deviations at which |x| has its median

class Finder final : public FieldVisitor {
 public:
  explicit Finder(const std::string& key) : key_(key) {}
  void text(const FieldInfo&, std::string&) override {}
  void flag(const FieldInfo&, bool&) override {}
  void count(const FieldInfo&, std::int64_t&, std::int64_t, std::int64_t) override {}
  void number(const FieldInfo&, double&, Range) override {}
  void choice(const FieldInfo&, int&, std::span<const Choice>) override {}
  void constant(const FieldInfo& field, ConstantBase& value, Dimension, Range) override {
    if (key_ == field.key) found = &value;
  }
  void group(const FieldInfo&, const std::function<void(FieldVisitor&)>& members) override {
    members(*this);
  }
  void entry(const FieldInfo&, const char*, std::string&,
             const std::function<void(FieldVisitor&)>&) override {}
  ConstantBase* found = nullptr;

 private:
  const std::string& key_;
};

// Which samples a fit sees.
using Chosen = std::vector<std::size_t>;

std::vector<double> fit(const Gpu& gpu, const std::vector<FreeConstant>& free,
                        const std::vector<double>& start, const Chosen& chosen,
                        const GpuResidual& residual) {
  Gpu at = gpu;
  std::vector<ConstantBase*> constants;
  std::vector<double> low, high;
  for (const FreeConstant& one : free) {
    constants.push_back(constant_of(at, one.key));
    low.push_back(one.low);
    high.push_back(one.high);
  }
  const LogResiduals residuals = [&](const std::vector<double>& p, std::vector<double>& out) {
    for (std::size_t i = 0; i < p.size(); ++i) constants[i]->value = p[i];
    out.resize(chosen.size());
    for (std::size_t i = 0; i < chosen.size(); ++i) out[i] = residual(at, chosen[i]);
  };
  return robust_minimum(residuals, start, low, high).parameters;
}

struct Jackknife {
  std::vector<double> values;
  std::vector<double> deviations;
};

Jackknife jackknife(const Gpu& gpu, const std::vector<FreeConstant>& free,
                    const std::vector<std::string>& shapes, const GpuResidual& residual) {
  std::map<std::string, std::size_t> fold_of;
  for (const std::string& shape : shapes) fold_of.emplace(shape, 0);
  std::size_t next = 0;
  for (auto& [shape, fold] : fold_of) fold = next++ % folds;
  std::vector<double> start;
  for (const FreeConstant& one : free) start.push_back(one.start);
  Chosen all;
  for (std::size_t i = 0; i < shapes.size(); ++i) all.push_back(i);
  Jackknife result;
  result.values = fit(gpu, free, start, all, residual);
  std::vector<double> squares(free.size(), 0.0);
  const std::size_t used = std::min(folds, fold_of.size());
  for (std::size_t fold = 0; used > 1 && fold < used; ++fold) {
    Chosen kept;
    for (const std::size_t i : all) {
      if (fold_of[shapes[i]] != fold) kept.push_back(i);
    }
    const std::vector<double> without = fit(gpu, free, result.values, kept, residual);
    for (std::size_t k = 0; k < free.size(); ++k)
      squares[k] += std::pow(std::log(without[k] / result.values[k]), 2);
  }
  const auto n = static_cast<double>(used);
  for (const double square : squares)
    result.deviations.push_back(used > 1 ? std::sqrt(square * (n - 1) / n) : 0.0);
  return result;
}

// The constant that the samples tell least of what the catalog leaves open; free.size() where they
// tell all well.
std::size_t least_told(const std::vector<FreeConstant>& free, const Jackknife& found) {
  std::size_t worst = free.size();
  double largest = well_below;
  for (std::size_t k = 0; k < free.size(); ++k) {
    if (free[k].catalog_spread <= 0) continue;
    // At the end of its range it stands for something else.
    const bool at_end =
        found.values[k] <= 1.01 * free[k].low || found.values[k] >= 0.99 * free[k].high;
    const double ratio = at_end ? 1e9 : found.deviations[k] / free[k].catalog_spread;
    if (ratio <= largest) continue;
    largest = ratio;
    worst = k;
  }
  return worst;
}

}  // namespace

ConstantBase* constant_of(Gpu& gpu, const std::string& key) {
  Finder finder(key);
  describe(finder, gpu);
  return finder.found;
}

ConstantSearch search_constants(const Gpu& gpu, std::vector<FreeConstant> free,
                                const std::vector<std::string>& shapes,
                                const GpuResidual& residual) {
  Jackknife found = jackknife(gpu, free, shapes, residual);
  for (std::size_t worst = least_told(free, found); worst < free.size();
       worst = least_told(free, found)) {
    free.erase(free.begin() + static_cast<std::ptrdiff_t>(worst));
    found = jackknife(gpu, free, shapes, residual);
  }
  ConstantSearch result;
  result.gpu = gpu;
  for (std::size_t k = 0; k < free.size(); ++k) {
    constant_of(result.gpu, free[k].key)->value = found.values[k];
    result.constants.push_back({free[k].key, found.values[k], found.deviations[k]});
  }
  std::vector<double> sizes;
  for (std::size_t i = 0; i < shapes.size(); ++i)
    sizes.push_back(std::fabs(residual(result.gpu, i)));
  result.median = median(sizes);
  result.scatter = result.median / normal_quartile;
  return result;
}

}  // namespace lockstep
