#include "sim/residual.hpp"

#include <algorithm>
#include <cmath>
#include <map>
#include <string>
#include <tuple>
#include <utility>

#include "sim/evidence_distance.hpp"

namespace lockstep {

namespace {

// Half the width of a central 90 % interval of a normal distribution, in standard deviations.
constexpr double ninety_percent = 1.6448536269514722;
constexpr double reach = 0.8;        // h: distance by which a run's say falls to 1/e
constexpr double prior_weight = 1.0; // k: runs at distance 0 that weigh as much as the law
constexpr double least_weight = 1e-4;
constexpr double outlier = 4.0;      // robust standard deviations beyond which an error counts no more
constexpr double mad_to_deviation = 1.4826;
constexpr double largest_factor = 6.0;
constexpr double least_law = 0.3;    // of the calibration's factors
constexpr double largest_law = 4.0;
constexpr std::size_t least_rows = 5;  // of a class that says something

struct Point {
  const EvidenceRow* row = nullptr;
  double error = 0;
  double spread = 0;
  double new_source = 0;
  double thinned = 1;  // 1 / sqrt(runs of its group)
  double source_weight = 0;
};

auto group_of(const EvidenceRow& row) {
  return std::tie(row.source, row.model, row.gpu, row.software);
}

bool measured(const EvidenceRow& row, Subject subject) {
  return (subject == Subject::step_time ? row.step_time_s : row.peak_memory_bytes) > 0;
}

std::vector<Point> points_of(const std::vector<EvidenceRow>& rows, Subject subject) {
  std::vector<Point> points;
  for (const EvidenceRow& row : rows) {
    if (!measured(row, subject)) continue;
    Point point{&row, row.step_error, row.step_spread, row.step_error_new_source};
    if (subject == Subject::peak_memory) {
      point.error = row.memory_error;
      point.spread = row.memory_spread;
      point.new_source = 0;
    }
    points.push_back(point);
  }
  return points;
}

// Rows of a group follow each other (evidence_text() sorts them so).
void thin(std::vector<Point>& points) {
  for (std::size_t first = 0; first < points.size();) {
    std::size_t end = first + 1;
    while (end < points.size() && group_of(*points[end].row) == group_of(*points[first].row)) ++end;
    const double thinned = 1.0 / std::sqrt(static_cast<double>(end - first));
    for (; first < end; ++first) points[first].thinned = thinned;
  }
}

void weigh_sources(std::vector<Point>& points) {
  std::map<std::string, double> runs;
  for (const Point& point : points) ++runs[point.row->source];
  for (Point& point : points) {
    point.source_weight = 1.0 / runs[point.row->source];
  }
}

double class_factor(const ResidualLaw& law, const EvidenceRow& row) {
  if (row.experts) return law.experts;
  return (row.context > 1 ? law.context : 1.0) * (is_narrow(row.precision) ? law.narrow : 1.0);
}

// How runs near the plan fared, below and above.
struct Local {
  double lower = 1;
  double upper = 1;
  bool unknown = true;
};

template <class Skip>
Local local_at(const ResidualLaw& law, const std::vector<Point>& points, const EvidenceRow& plan,
               Skip skip) {
  double below = prior_weight;
  double above = prior_weight;
  double all = prior_weight;
  bool unknown = true;
  for (const Point& point : points) {
    if (skip(*point.row)) continue;
    unknown = unknown && !same_setting(*point.row, plan);
    const double weight = std::exp(-distance(*point.row, plan) / reach) * point.thinned;
    if (weight < least_weight) continue;
    const double scale = law.scale * class_factor(law, *point.row);
    const double squared =
        2.0 * point.error * point.error / (scale * scale + point.spread * point.spread);
    (point.error > 0 ? above : below) += weight * squared;
    all += weight;
  }
  return {std::sqrt(below / all), std::sqrt(above / all), unknown};
}

Residual residual_of(const ResidualLaw& law, const Local& local, const EvidenceRow& plan) {
  const double scale =
      law.scale * class_factor(law, plan) * (local.unknown ? law.unknown : 1.0);
  return {scale * law.lower * local.lower, scale * law.upper * local.upper, law.peculiar,
          local.unknown};
}

// The value below which this share of the weight lies; 0 without any.
double weighted_quantile(std::vector<std::pair<double, double>> values, double share) {
  std::sort(values.begin(), values.end());
  double all = 0;
  for (const auto& [value, weight] : values) all += weight;
  double sum = 0;
  for (const auto& [value, weight] : values) {
    sum += weight;
    if (sum >= share * all && weight > 0) return value;
  }
  return 0;
}

template <class Number>
double median(const std::vector<const Point*>& points, Number number) {
  std::vector<std::pair<double, double>> values;
  for (const Point* point : points) {
    values.emplace_back(std::abs(number(*point)), point->source_weight);
  }
  return weighted_quantile(std::move(values), 0.5);
}

// Root of the mean square beyond what the constants explain, outliers clipped.
double deviation(const std::vector<const Point*>& points) {
  const double clip =
      outlier * mad_to_deviation * median(points, [](const Point& p) { return p.error; });
  double squares = 0;
  double explained = 0;
  double weight = 0;
  for (const Point* point : points) {
    const double error = std::min(std::abs(point->error), clip);
    squares += point->source_weight * error * error;
    explained += point->source_weight * point->spread * point->spread;
    weight += point->source_weight;
  }
  if (weight <= 0) return 0;
  return std::sqrt(std::max(squares - explained, 0.25 * squares) / weight);
}

template <class Which>
std::vector<const Point*> pick(const std::vector<Point>& points, Which which) {
  std::vector<const Point*> picked;
  for (const Point& point : points) {
    if (point.source_weight > 0 && which(*point.row)) picked.push_back(&point);
  }
  return picked;
}

void learn_classes(const std::vector<Point>& points, ResidualLaw& law) {
  const auto plain = pick(points, [](const EvidenceRow& row) {
    return !row.experts && row.context <= 1 && !is_narrow(row.precision);
  });
  if (plain.size() < least_rows) return;
  const double scale = deviation(plain);
  if (scale <= 0) return;
  law.scale = scale;
  const auto factor = [&](double& value, const std::vector<const Point*>& of) {
    if (of.size() >= least_rows) value = std::clamp(deviation(of) / scale, 1.0, largest_factor);
  };
  factor(law.experts, pick(points, [](const EvidenceRow& row) { return row.experts; }));
  factor(law.narrow, pick(points, [](const EvidenceRow& row) {
           return !row.experts && row.context <= 1 && is_narrow(row.precision);
         }));
  factor(law.context, pick(points, [](const EvidenceRow& row) {
           return !row.experts && row.context > 1 && !is_narrow(row.precision);
         }));
}

// How much larger errors are where the whole source was left out.
void learn_unknown(const std::vector<Point>& points, ResidualLaw& law) {
  std::vector<const Point*> known;
  for (const Point& point : points) {
    if (point.source_weight > 0 && point.new_source != 0) known.push_back(&point);
  }
  const double with = median(known, [](const Point& p) { return p.error; });
  if (known.size() < least_rows || with <= 0) return;
  const double without = median(known, [](const Point& p) { return p.new_source; });
  law.unknown = std::clamp(without / with, 1.0, largest_factor);
}

// Scatter inside groups of one source, model, GPU and software against all scatter.
void learn_peculiar(const std::vector<Point>& points, ResidualLaw& law) {
  std::map<std::tuple<std::string, std::string, std::string, std::string>, std::vector<const Point*>>
      groups;
  for (const Point& point : points) {
    if (point.source_weight > 0) groups[group_of(*point.row)].push_back(&point);
  }
  std::vector<std::pair<double, double>> within;
  std::vector<std::pair<double, double>> all;
  for (const auto& [name, group] : groups) {
    if (group.size() < 3) continue;
    std::vector<std::pair<double, double>> errors;
    for (const Point* point : group) errors.emplace_back(point->error, 1.0);
    const double middle = weighted_quantile(errors, 0.5);
    for (const Point* point : group) {
      within.emplace_back(std::abs(point->error - middle), point->source_weight);
      all.emplace_back(std::abs(point->error), point->source_weight);
    }
  }
  const double whole = weighted_quantile(all, 0.5);
  if (within.size() < least_rows || whole <= 0) return;
  const double share = weighted_quantile(within, 0.5) / whole;
  law.peculiar = std::clamp(share * share, 0.05, 1.0);
}

struct LeftOut {
  double error = 0;
  double lower = 0;  // residual with factors l = u = 1
  double upper = 0;
  double spread = 0;
  double weight = 0;
};

// The factor at which 95 % of the weight lies within; `outside` says whether a row does not.
template <class Outside>
double calibrated(const std::vector<LeftOut>& rows, Outside outside) {
  double low = least_law;
  double high = largest_law;
  for (int i = 0; i < 40; ++i) {
    const double factor = 0.5 * (low + high);
    double out = 0;
    double all = 0;
    for (const LeftOut& row : rows) {
      all += row.weight;
      if (outside(row, factor)) out += row.weight;
    }
    (out > 0.05 * all ? low : high) = factor;
  }
  return high;
}

void calibrate(const std::vector<Point>& points, ResidualLaw& law) {
  law.lower = law.upper = 1.0;
  std::vector<LeftOut> rows;
  for (const Point& point : points) {
    if (point.source_weight <= 0) continue;
    const Local local = local_at(law, points, *point.row, [&](const EvidenceRow& other) {
      return other.model == point.row->model;
    });
    const Residual at = residual_of(law, local, *point.row);
    rows.push_back({point.error, at.lower, at.upper, point.spread, point.source_weight});
  }
  if (rows.size() < least_rows) return;
  const auto half_width = [](double residual, double spread) {
    return ninety_percent * std::sqrt(residual * residual + spread * spread);
  };
  law.lower = calibrated(rows, [&](const LeftOut& row, double factor) {
    return -row.error > half_width(factor * row.lower, row.spread);
  });
  law.upper = calibrated(rows, [&](const LeftOut& row, double factor) {
    return row.error > half_width(factor * row.upper, row.spread);
  });
}

}  // namespace

Residual residual_at(const ResidualLaw& law, const std::vector<EvidenceRow>& rows, Subject subject,
                     const EvidenceRow& plan) {
  std::vector<Point> points = points_of(rows, subject);
  thin(points);
  return residual_of(law, local_at(law, points, plan, [](const EvidenceRow&) { return false; }),
                     plan);
}

ResidualLaw learn_residual(const std::vector<EvidenceRow>& rows, Subject subject,
                           const ResidualLaw& start) {
  std::vector<Point> points = points_of(rows, subject);
  std::stable_sort(points.begin(), points.end(), [](const Point& a, const Point& b) {
    return group_of(*a.row) < group_of(*b.row);
  });
  thin(points);
  weigh_sources(points);
  ResidualLaw law = start;
  if (points.empty()) return law;
  learn_classes(points, law);
  learn_unknown(points, law);
  learn_peculiar(points, law);
  calibrate(points, law);
  return law;
}

Evidence without_model(const Evidence& evidence, const std::string& model) {
  Evidence rest;
  rest.fitted = evidence.fitted;
  rest.step = evidence.step;
  rest.memory = evidence.memory;
  for (const EvidenceRow& row : evidence.rows) {
    if (row.model != model) rest.rows.push_back(row);
  }
  return rest;
}

}  // namespace lockstep
