#include <algorithm>
#include <cmath>

#include "sim/engine/step_timeline.hpp"

namespace lockstep {

namespace {

// Groups of `stages` micro-batches in the first of the runs that are compared: by then 1F1B with
// stages alike has settled.
constexpr std::int64_t first_groups = 4;

// Two runs' growths that differ by less, relative to the step's growth, are the same: sums of the
// same doubles in different order.
constexpr double same = 1e-9;

// A step of so few tasks is placed as a whole sooner than its steady state is found.
constexpr double tasks_worth_skipping = 20000;

// Calls visit(number) for every number of a result that depends on the micro-batches.
template <class Result, class Visit>
void visit_numbers(Result& result, Visit visit) {
  visit(result.passes);
  visit(result.total);
  for (auto& stage : result.stages) {
    for (auto* number :
         {&stage.busy, &stage.sending, &stage.idle, &stage.first_start, &stage.end_of_passes,
          &stage.waiting, &stage.gather_exposed, &stage.reduce_exposed}) {
      visit(*number);
    }
  }
  for (auto& number : result.path.by_kind) visit(number);
}

std::vector<double> numbers_of(const StepResult& result) {
  std::vector<double> numbers;
  visit_numbers(result, [&](const Seconds& number) { numbers.push_back(number.value()); });
  for (const StageResult& stage : result.stages) {
    numbers.push_back(static_cast<double>(stage.most_in_flight_chunks));
  }
  return numbers;
}

std::vector<double> difference(const std::vector<double>& a, const std::vector<double>& b) {
  std::vector<double> result(a.size());
  for (std::size_t i = 0; i < a.size(); ++i) result[i] = a[i] - b[i];
  return result;
}

// The least by which the step grows per micro-batch.
double busiest_stage(const StepResult& result, std::int64_t micro_batches) {
  Seconds most;
  for (const StageResult& stage : result.stages) most = std::max(most, stage.busy + stage.sending);
  return most.value() / static_cast<double>(micro_batches);
}

// `result` with `growth` added so many times.
StepResult grown(StepResult result, const std::vector<double>& growth, std::int64_t times) {
  std::size_t i = 0;
  const auto factor = static_cast<double>(times);
  visit_numbers(result, [&](Seconds& number) { number += Seconds{factor * growth[i++]}; });
  for (StageResult& stage : result.stages) {
    stage.most_in_flight_chunks += times * std::llround(growth[i++]);
  }
  return result;
}

bool all_close(const std::vector<double>& a, const std::vector<double>& b) {
  for (std::size_t i = 0; i < a.size(); ++i) {
    if (std::abs(a[i] - b[i]) > same * b.front()) return false;
  }
  return true;
}

// Passes and transfers of the whole step.
double tasks_of(const StepWork& work) {
  constexpr double kinds = 4;  // forward, backward, a transfer each
  return kinds * static_cast<double>(work.stages.size()) * static_cast<double>(work.interleave) *
         static_cast<double>(work.micro_batches);
}

bool settled(const std::vector<double>& before, const std::vector<double>& growth, double least) {
  const double passes = growth.front();
  if (passes < least * (1 - same)) return false;
  for (std::size_t i = 0; i < growth.size(); ++i) {
    if (std::abs(growth[i] - before[i]) > same * passes) return false;
  }
  return true;
}

}  // namespace

StepResult run_step_settled(const StepWork& work) {
  const auto group = static_cast<std::int64_t>(work.stages.size());
  const std::int64_t whole_groups = work.micro_batches / group;
  StepWork shorter = work;
  const auto run = [&](std::int64_t groups) {
    shorter.micro_batches = work.micro_batches - (whole_groups - groups) * group;
    return run_step(shorter);
  };
  if (tasks_of(work) <= tasks_worth_skipping) return run_step(work);
  // What is longer than half of the whole saves nothing any more.
  for (std::int64_t groups = first_groups; 2 * (groups + 2) <= whole_groups; groups *= 2) {
    const std::vector<double> first = numbers_of(run(groups));
    const std::vector<double> second = numbers_of(run(groups + 1));
    const StepResult last = run(groups + 2);
    const std::vector<double> growth = difference(numbers_of(last), second);
    const double least = busiest_stage(last, shorter.micro_batches) * static_cast<double>(group);
    if (!settled(difference(second, first), growth, least)) continue;
    // A slower stage can still be catching up: a run twice as long must be what growth says.
    const std::int64_t twice = 2 * (groups + 2);
    const std::vector<double> longer = numbers_of(run(twice));
    const std::vector<double> expected = numbers_of(grown(last, growth, groups + 2));
    if (all_close(longer, expected)) return grown(last, growth, whole_groups - groups - 2);
  }
  return run_step(work);
}

}  // namespace lockstep
