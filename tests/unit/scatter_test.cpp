// Fronts as drawings.
#include "sim/report/scatter.hpp"

#include <fmt/format.h>

#include <limits>

#include "tests/catch.hpp"

using namespace lockstep;

namespace {

std::string plain(double value) {
  return fmt::format("{:g}", value);
}

std::string drawing(const std::vector<ScatterPoint>& points, std::size_t rows = 3, int width = 26) {
  TextOptions options;
  options.width = width;
  return scatter(points, {"time", plain}, {"memory", plain}, rows, options);
}

}  // namespace

TEST_CASE("scatter: points lie where their values say") {
  // 26 columns less 2 of margin, 1 of a label and 2 of the axis leave 21: 10 to 30, one each. Three
  // rows: 9, 6 or 7, 5.
  CHECK(drawing({{10, 9, "", true}, {20, 7, "", false}, {30, 5, "", false}}) ==
        "  memory over time\n"
        "  9 │●\n"
        "    │          ○\n"
        "  5 │                    ○\n"
        "    └─────────────────────\n"
        "     10                 30\n");
}

TEST_CASE("scatter: labels stand beside their points, where there is room") {
  CHECK(drawing({{10, 9, "left", true}, {20, 7, "mid", false}, {30, 5, "right", false}}) ==
        "  memory over time\n"
        "  9 │● left\n"
        "    │          ○ mid\n"
        "  5 │              right ○\n"
        "    └─────────────────────\n"
        "     10                 30\n");
  // Neither side has 21 cells.
  CHECK(drawing({{10, 9, "a label of 21 columns", true}, {30, 5, "", false}}, 2) ==
        "  memory over time\n"
        "  9 │●\n"
        "  5 │                    ○\n"
        "    └─────────────────────\n"
        "     10                 30\n");
}

TEST_CASE("scatter: a strong point is seen above another, one point alone has no range") {
  CHECK(drawing({{10, 9, "", true}, {10, 9, "", false}}, 1) ==
        "  memory over time\n"
        "  9 │●\n"
        "    └─────────────────────\n"
        "     10\n");
}

TEST_CASE("scatter: what is not finite is left out, nothing is nothing") {
  constexpr double endless = std::numeric_limits<double>::infinity();
  CHECK(drawing({}).empty());
  CHECK(drawing({{endless, 1, "", true}}).empty());
  CHECK(drawing({{10, 9, "", true}, {endless, 100, "", true}}, 1) ==
        "  memory over time\n"
        "  9 │●\n"
        "    └─────────────────────\n"
        "     10\n");
}
