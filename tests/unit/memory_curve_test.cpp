// Does the curve rise and fall where tensors come and go?
#include "sim/engine/memory_curve.hpp"

#include "tests/catch.hpp"

using namespace lockstep;

namespace {

Slice pass(SliceKind kind, int micro_batch, double start, double end, int chunk = 0) {
  return {0, Stream::compute, kind, chunk, micro_batch, start, end};
}

// Weights 100, gradients 30 from the second half of the first backward pass on, 10 a micro-batch,
// 5 beside a forward pass, 7 beside a backward pass and 6 at its end, 3 beside the optimizer.
StageMemoryProfile round_numbers() {
  StageMemoryProfile profile;
  profile.always = {{"weights", 100}};
  profile.gradients = {{"gradients", 30}};
  profile.activations = {10};
  profile.forward = {{"workspace", 5}};
  profile.backward = {{"workspace", 7}};
  profile.backward_end = {{"workspace", 6}};
  profile.optimizer = {{"gradient norm", 3}};
  return profile;
}

StageMemoryCurve curve_of(const StageMemoryProfile& profile, const std::vector<Slice>& slices,
                          bool splits_backward = false, std::size_t most_points = 100) {
  const std::vector<StageMemoryProfile> profiles{profile};
  MemoryCurves curves(profiles, splits_backward, most_points);
  for (const Slice& slice : slices) curves.add(slice);
  return curves.take().front();
}

std::vector<std::pair<double, double>> points_of(const StageMemoryCurve& curve) {
  std::vector<std::pair<double, double>> points;
  for (const MemoryPoint& point : curve.points) points.emplace_back(point.time, point.bytes);
  return points;
}

using Points = std::vector<std::pair<double, double>>;

}  // namespace

TEST_CASE("memory curve: activations from forward start to backward end", "[unit][memory_curve]") {
  // F1 [1, 2), idle, B1 [3, 5), the optimizer [6, 7): 100; 115 in the forward pass; 110 held; 117
  // in the backward pass; in its second half the activation has gone and gradients have come,
  // 100 + 30 + 6; 130 after it, 133 in the optimizer.
  const StageMemoryCurve curve = curve_of(
      round_numbers(), {pass(SliceKind::forward, 0, 1, 2), pass(SliceKind::backward, 0, 3, 5),
                        pass(SliceKind::optimizer, -1, 6, 7, -1)});
  CHECK(points_of(curve) ==
        Points{{0, 100}, {1, 115}, {2, 110}, {3, 117}, {4, 136}, {5, 130}, {6, 133}, {7, 130}});
  CHECK(curve.peak.bytes == 136);
  CHECK(curve.peak.time == 4);
  CHECK(curve.peak.kind == SliceKind::backward);
  CHECK(curve.peak.pass_end);
  CHECK(curve.peak.passes_held == 0);
  double sum = 0;
  for (const MemoryShare& share : curve.peak.holders) sum += share.bytes;
  CHECK(sum == 136);
}

TEST_CASE("memory curve: what one pass frees as the next begins is not alive beside it",
          "[unit][memory_curve]") {
  // Two micro-batches back to back: the second forward pass reuses what B1 freed at 3.
  const StageMemoryCurve curve = curve_of(
      round_numbers(), {pass(SliceKind::forward, 0, 0, 1), pass(SliceKind::backward, 0, 1, 3),
                        pass(SliceKind::forward, 1, 3, 4), pass(SliceKind::backward, 1, 4, 6)});
  CHECK(points_of(curve) == Points{{0, 115}, {1, 117}, {2, 136}, {3, 145}, {4, 147}, {6, 130}});
  CHECK(curve.peak.time == 4);
  CHECK(curve.peak.micro_batch == 1);
}

TEST_CASE("memory curve: split backward passes hold activations to the weight gradients",
          "[unit][memory_curve]") {
  const StageMemoryCurve curve =
      curve_of(round_numbers(),
               {pass(SliceKind::forward, 0, 0, 1), pass(SliceKind::backward, 0, 1, 2),
                pass(SliceKind::weight_gradient, 0, 4, 5)},
               true);
  // 140 between 2 and 4: weights, gradients, the activation that the weight gradient needs. In the
  // second half of the backward pass, 6 beside that.
  CHECK(points_of(curve) == Points{{0, 115}, {1, 117}, {1.5, 146}, {2, 140}, {4, 147}, {5, 130}});
}

TEST_CASE("memory curve: the loss takes the forward workspace's place on its chunk",
          "[unit][memory_curve]") {
  StageMemoryProfile profile = round_numbers();
  profile.activations = {10, 20};
  profile.loss = {{"logits and loss", 50}};
  profile.loss_chunk = 1;
  const StageMemoryCurve curve = curve_of(
      profile, {pass(SliceKind::forward, 0, 0, 1, 0), pass(SliceKind::forward, 0, 1, 2, 1),
                pass(SliceKind::backward, 0, 2, 3, 1), pass(SliceKind::backward, 0, 3, 4, 0)});
  // 100 + 10 + 5; 100 + 30 + 5, then 100 + 30 + 50; 100 + 30 + 7; 100 + 30 + 10 + 6; 100 + 30 + 10 + 7; 130.
  CHECK(points_of(curve) == Points{{0, 115}, {1, 135}, {1.5, 180}, {2, 137}, {2.5, 146}, {3, 147}, {4, 130}});
  CHECK(curve.peak.loss);
  CHECK(curve.peak.holders.size() == 3);
  CHECK(curve.peak.holders[2].name == "logits and loss");
  CHECK(curve.peak.holders[2].bytes == 50);
}

TEST_CASE("memory curve: without passes it is what is there all along", "[unit][memory_curve]") {
  const StageMemoryCurve curve = curve_of(round_numbers(), {});
  CHECK(points_of(curve) == Points{{0, 100}});
  CHECK(curve.peak.bytes == 100);
  CHECK_FALSE(curve.peak.in_pass);
}

TEST_CASE("memory curve: thinned, it stays above the whole one and keeps its maximum",
          "[unit][memory_curve]") {
  std::vector<Slice> slices;
  double time = 0;
  for (int m = 0; m < 50; ++m) {
    slices.push_back(pass(SliceKind::forward, m, time, time + 1));
    time += 1;
  }
  for (int m = 0; m < 50; ++m) {
    slices.push_back(pass(SliceKind::backward, m, time, time + 2));
    time += 2;
  }
  const StageMemoryCurve whole = curve_of(round_numbers(), slices, false, 1000);
  const StageMemoryCurve thin = curve_of(round_numbers(), slices, false, 8);
  CHECK(whole.points.size() == 102);
  CHECK(thin.points.size() <= 8);
  CHECK(thin.peak.bytes == whole.peak.bytes);
  // 49 are held when the second backward pass begins, and gradients are there by then.
  CHECK(whole.peak.bytes == 100 + 30 + 490 + 7);
  double most = 0;
  for (const MemoryPoint& point : thin.points) most = std::max(most, point.bytes);
  CHECK(most == whole.peak.bytes);
  const auto at = [](const StageMemoryCurve& curve, double t) {
    double bytes = 0;
    for (const MemoryPoint& point : curve.points) {
      if (point.time <= t) bytes = point.bytes;
    }
    return bytes;
  };
  for (double t = 0.5; t < 150; t += 1) CHECK(at(thin, t) >= at(whole, t));
}
