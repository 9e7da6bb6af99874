// The closed forms against the simulated schedule, one body for both, on random pipelines.
#include <algorithm>
#include <random>

#include "sim/engine/pipeline_time.hpp"
#include "tests/catch.hpp"

using namespace lockstep;

namespace {

// Both are sums of the same doubles in different order.
constexpr double rounding = 1e-9;

struct Draw {
  std::vector<StageCost> stages;
  std::int64_t interleave = 1;
  std::int64_t micro_batches = 1;
};

class Draws {
 public:
  std::int64_t between(std::int64_t low, std::int64_t high) {
    return std::uniform_int_distribution<std::int64_t>(low, high)(engine_);
  }
  // Micro-batches as the schedule takes them: a multiple of the stages where it interleaves.
  std::int64_t micro_batches(std::int64_t stages, std::int64_t interleave, std::int64_t most) {
    if (interleave == 1) return between(1, most);
    return stages * between(1, std::max<std::int64_t>(1, most / stages));
  }
  double factor() { return std::uniform_real_distribution<double>(0.5, 2.0)(engine_); }

  std::vector<StageCost> equal_stages(std::int64_t count) {
    return std::vector<StageCost>(static_cast<std::size_t>(count),
                                  StageCost{Seconds{factor()}, Seconds{factor()}});
  }
  std::vector<StageCost> uneven_stages(std::int64_t count) {
    std::vector<StageCost> stages;
    for (std::int64_t i = 0; i < count; ++i)
      stages.push_back({Seconds{factor()}, Seconds{factor()}});
    return stages;
  }

 private:
  std::mt19937 engine_{20260101};
};

double simulated(const char* schedule, const Draw& draw) {
  return pipeline_time_simulated(*find_schedule(schedule), draw.stages, draw.interleave,
                                 draw.micro_batches)
      .value();
}

double predicted(const char* schedule, const Draw& draw) {
  return pipeline_time(*find_schedule(schedule), draw.stages, draw.interleave, draw.micro_batches)
      .value();
}

}  // namespace

TEST_CASE("pipeline: the closed form is the simulated time wherever it claims to be exact") {
  Draws draws;
  int exact = 0;
  for (int i = 0; i < 3000; ++i) {
    Draw draw;
    const std::int64_t stages = draws.between(1, 12);
    draw.stages = i % 2 == 0 ? draws.equal_stages(stages) : draws.uneven_stages(stages);
    draw.interleave = stages > 1 ? draws.between(1, 4) : 1;
    draw.micro_batches = draws.micro_batches(stages, draw.interleave, 40);
    if (!closed_form_is_exact(draw.stages, draw.interleave, draw.micro_batches)) continue;
    ++exact;
    CHECK(pipeline_closed_form(draw.stages, draw.interleave, draw.micro_batches).value() ==
          Approx(simulated("1f1b", draw)).epsilon(rounding));
  }
  CHECK(exact > 800);
}

TEST_CASE("pipeline: GPipe's two flow shops are the simulated time for any stages") {
  Draws draws;
  for (int i = 0; i < 1000; ++i) {
    const Draw draw{draws.uneven_stages(draws.between(1, 12)), 1, draws.between(1, 40)};
    CHECK(predicted("gpipe", draw) == Approx(simulated("gpipe", draw)).epsilon(rounding));
  }
}

TEST_CASE("pipeline: skipping the steady state loses nothing") {
  Draws draws;
  for (int i = 0; i < 400; ++i) {
    const std::int64_t stages = draws.between(2, 8);
    const std::int64_t interleave = draws.between(1, 3);
    const Draw draw{draws.uneven_stages(stages), interleave,
                    draws.micro_batches(stages, interleave, 120)};
    // Stages that are nearly as slow as the slowest take long to settle: a hundredth of a per cent is left then,
    // and with interleaving, where every chunk wraps around, half a per cent.
    const double tolerance = draw.interleave == 1 ? 0.001 : 0.01;
    CHECK(predicted("1f1b", draw) == Approx(simulated("1f1b", draw)).epsilon(tolerance));
  }
}

TEST_CASE("pipeline: no schedule blocks itself, and none beats its slowest stage") {
  Draws draws;
  for (int i = 0; i < 1500; ++i) {
    const std::int64_t stages = draws.between(1, 10);
    const std::int64_t interleave = stages > 1 ? draws.between(1, 5) : 1;
    const Draw draw{draws.uneven_stages(stages), interleave,
                    draws.micro_batches(stages, interleave, 30)};
    double slowest = 0;
    double all = 0;
    for (const StageCost& stage : draw.stages) {
      slowest = std::max(slowest, stage.total().value());
      all += stage.total().value();
    }
    const double time = simulated("1f1b", draw);
    CHECK(time >= static_cast<double>(draw.micro_batches) * slowest * (1 - rounding));
    CHECK(time >=
          all *
              (1 - rounding));  // one micro-batch passes every chunk of every stage, there and back
  }
}

TEST_CASE("pipeline: a slow first stage fills its waiting with work") {
  // Stage 0 takes 2 s + 2 s, stage 1 takes 1 s + 1 s, 3 micro-batches. Stage 0: F0 0-2, F1 2-4 (B0
  // is ready at 4), B0 4-6, F2 6-8, B1 8-10, B2 after stage 1's F2 8-9 and B2 9-10: 10-12. The
  // closed form would say 3 x 4 + 2 = 14.
  const Draw draw{{{Seconds{2}, Seconds{2}}, {Seconds{1}, Seconds{1}}}, 1, 3};
  CHECK(predicted("1f1b", draw) == Approx(12.0));
}
