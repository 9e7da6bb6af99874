// Every schedule's orders against rules of their own: this file reads nothing of a schedule but the
// passes that it gives, and what its table entry promises about them.
#include <algorithm>
#include <string>
#include <vector>

#include <fmt/format.h>

#include "strategies/pipeline/schedule.hpp"
#include "tests/catch.hpp"

using namespace lockstep;

namespace {

struct Shape {
  std::int64_t stages;
  std::int64_t interleave;
  std::int64_t micro_batches;
};

// The passes of all stages, and what is done of them.
class Validator {
 public:
  Validator(const Schedule& schedule, Shape shape)
      : schedule_(schedule),
        shape_(shape),
        kinds_(schedule.splits_backward ? 3 : 2),
        done_(static_cast<std::size_t>(kinds_ * virtual_stages() * shape.micro_batches), 0) {
    for (std::int64_t i = 0; i < shape.stages; ++i) {
      const auto order = schedule.order({i, shape.stages, shape.interleave, shape.micro_batches});
      std::vector<ChunkPass>& passes = orders_.emplace_back();
      const auto all = static_cast<std::size_t>(kinds_ * shape.interleave * shape.micro_batches);
      ChunkPass pass;
      while (passes.size() <= all && order->next(pass)) passes.push_back(pass);
    }
  }

  // The first rule that is broken, or "".
  std::string problem() {
    for (std::int64_t i = 0; i < shape_.stages; ++i) {
      std::string found = count_problem(i);
      if (found.empty()) found = order_problem(i);
      if (found.empty()) found = in_flight_problem(i);
      if (!found.empty()) return fmt::format("stage {}: {}", i, found);
    }
    return runs_through() ? "" : "the stages wait for each other";
  }

 private:
  std::int64_t virtual_stages() const { return shape_.stages * shape_.interleave; }
  const std::vector<ChunkPass>& order(std::int64_t stage) const {
    return orders_[static_cast<std::size_t>(stage)];
  }

  bool in_range(const ChunkPass& pass) const {
    return pass.chunk >= 0 && pass.chunk < shape_.interleave && pass.micro_batch >= 0 &&
           pass.micro_batch < shape_.micro_batches && static_cast<std::int64_t>(pass.kind) < kinds_;
  }

  // Every pass once.
  std::string count_problem(std::int64_t stage) const {
    std::vector<int> seen(
        static_cast<std::size_t>(kinds_ * shape_.interleave * shape_.micro_batches), 0);
    for (const ChunkPass& pass : order(stage)) {
      if (!in_range(pass)) return "a pass that does not exist";
      const auto at = (static_cast<std::int64_t>(pass.kind) * shape_.interleave + pass.chunk) *
                          shape_.micro_batches +
                      pass.micro_batch;
      if (++seen[static_cast<std::size_t>(at)] > 1) return "a pass twice";
    }
    const bool complete = std::all_of(seen.begin(), seen.end(), [](int n) { return n == 1; });
    return complete ? "" : "a pass is missing";
  }

  // Per chunk: micro-batches ascending in every kind, and no kind ahead of the one before it.
  std::string order_problem(std::int64_t stage) const {
    std::vector<std::vector<std::int64_t>> next(
        3, std::vector<std::int64_t>(static_cast<std::size_t>(shape_.interleave), 0));
    for (const ChunkPass& pass : order(stage)) {
      const auto kind = static_cast<std::size_t>(pass.kind);
      const auto chunk = static_cast<std::size_t>(pass.chunk);
      if (pass.micro_batch != next[kind][chunk]) return "micro-batches out of order";
      if (kind > 0 && next[kind - 1][chunk] <= pass.micro_batch) return "a pass before its input";
      ++next[kind][chunk];
    }
    return "";
  }

  std::string in_flight_problem(std::int64_t stage) const {
    const PassKind last =
        schedule_.splits_backward ? PassKind::weight_gradient : PassKind::backward;
    std::int64_t held = 0;
    std::int64_t most = 0;
    for (const ChunkPass& pass : order(stage)) {
      if (pass.kind == PassKind::forward) most = std::max(most, ++held);
      if (pass.kind == last) --held;
    }
    const double counted = static_cast<double>(most) / static_cast<double>(shape_.interleave);
    const double promised =
        schedule_.in_flight({stage, shape_.stages, shape_.interleave, shape_.micro_batches});
    if (counted == promised) return "";
    return fmt::format("{} in flight, {} promised", counted, promised);
  }

  // Virtual stage of a chunk, counted here again.
  std::int64_t place(std::int64_t stage, std::int64_t chunk) const {
    const bool back = schedule_.layout == ChunkLayout::v_shape && chunk % 2 == 1;
    return chunk * shape_.stages + (back ? shape_.stages - 1 - stage : stage);
  }

  char& done(PassKind kind, std::int64_t place, std::int64_t micro_batch) {
    const std::int64_t row = static_cast<std::int64_t>(kind) * virtual_stages() + place;
    return done_[static_cast<std::size_t>(row * shape_.micro_batches + micro_batch)];
  }

  bool ready(std::int64_t at, const ChunkPass& pass) {
    const std::int64_t last = virtual_stages() - 1;
    switch (pass.kind) {
      case PassKind::forward:
        return at == 0 || done(PassKind::forward, at - 1, pass.micro_batch) != 0;
      case PassKind::backward:
        return done(PassKind::forward, at, pass.micro_batch) != 0 &&
               (at == last || done(PassKind::backward, at + 1, pass.micro_batch) != 0);
      case PassKind::weight_gradient:
        return done(PassKind::backward, at, pass.micro_batch) != 0;
    }
    return false;
  }

  // Sweeps over the stages, each as far as it can, until nothing moves any more.
  bool runs_through() {
    std::vector<std::size_t> next(orders_.size(), 0);
    bool moved = true;
    while (moved) {
      moved = false;
      for (std::int64_t i = 0; i < shape_.stages; ++i) {
        std::size_t& at = next[static_cast<std::size_t>(i)];
        for (; at < order(i).size(); ++at) {
          const ChunkPass& pass = order(i)[at];
          const std::int64_t where = place(i, pass.chunk);
          if (!ready(where, pass)) break;
          done(pass.kind, where, pass.micro_batch) = 1;
          moved = true;
        }
      }
    }
    for (std::int64_t i = 0; i < shape_.stages; ++i) {
      if (next[static_cast<std::size_t>(i)] < order(i).size()) return false;
    }
    return true;
  }

  const Schedule& schedule_;
  Shape shape_;
  std::int64_t kinds_;
  std::vector<char> done_;
  std::vector<std::vector<ChunkPass>> orders_;
};

}  // namespace

TEST_CASE("schedules: legal for all stages, micro-batches and chunks up to 16 x 64 x 4") {
  for (const Schedule& schedule : schedules()) {
    std::int64_t shapes = 0;
    std::string first;
    for (std::int64_t p = 1; p <= 16; ++p) {
      for (std::int64_t v = 1; v <= 4; ++v) {
        if (!accepts_interleave(schedule, v)) continue;
        for (std::int64_t m = 1; m <= 64; ++m, ++shapes) {
          const std::string found = Validator(schedule, {p, v, m}).problem();
          if (first.empty() && !found.empty()) first = fmt::format("{} {} {}: {}", p, v, m, found);
        }
      }
    }
    INFO(schedule.name);
    CHECK(first == "");
    // 16 x 64 shapes for every number of chunks that the schedule takes.
    CHECK(shapes == (schedule.chunks == ChunkRule::any ? 4096 : 1024));
  }
}

TEST_CASE("schedules: an order that has ended stays ended") {
  for (const Schedule& schedule : schedules()) {
    const auto order = schedule.order({1, 3, schedule.chunks == ChunkRule::two ? 2 : 1, 4});
    ChunkPass pass;
    while (order->next(pass)) {
    }
    const ChunkPass before = pass;
    CHECK_FALSE(order->next(pass));
    CHECK(pass.micro_batch == before.micro_batch);
  }
}
