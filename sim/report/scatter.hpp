// Points of two quantities as a drawing, for fronts of a search: step time against memory, GPUs or
// cost.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "sim/report/render.hpp"

namespace lockstep {

struct ScatterPoint {
  double x = 0;
  double y = 0;
  std::string label;  // beside the point, where there is room: "tp8-pp2"; may be empty
  bool strong = false;
};

struct ScatterAxis {
  std::string name;                         // "step time"
  std::function<std::string(double)> text;  // of a value: duration, memory
};

// `rows` lines of points between two axes, then the axis of x: at most options.width columns, of
// which the labels of y take what they need. The axes go from the least to the most value that is
// there, not from zero; points that are not finite are left out. A strong point is ●, another ○;
// where two meet, the strong one is seen. "" without points.
std::string scatter(const std::vector<ScatterPoint>& points, const ScatterAxis& x,
                    const ScatterAxis& y, std::size_t rows, const TextOptions& options);

}  // namespace lockstep
