#include "sim/engine/pipeline_work.hpp"

#include "sim/engine/pass_sweep.hpp"
#include "sim/engine/pass_table.hpp"
#include "sim/engine/pipeline_view.hpp"
#include "sim/engine/step_least.hpp"

namespace lockstep {

namespace {

// A table is some 10 to 500 KB; a search of one model uses some hundreds.
constexpr std::size_t most_table_bytes = 24'000'000;

// Of the whole process: tables depend on nothing but their shape.
PassTables& tables() {
  static PassTables kept(most_table_bytes);
  return kept;
}

PassTableShape shape_of(const PipelineView& work) {
  return {work.schedule, static_cast<std::int64_t>(work.stages.size()), work.interleave,
          work.micro_batches};
}

}  // namespace

StepWork expanded(const PipelineWork& work) {
  PipelineView view;
  view.look_at(work);
  return expanded(view);
}

struct PipelineDurations::Parts {
  PipelineView view;
  PassSweep sweep;
  PassTableShape shape;
  std::shared_ptr<const PassTable> table;  // of `shape`

  StepLeast bound;

  const PassTable* table_now() {
    if (const PassTableShape now = shape_of(view); !table || now != shape) {
      shape = now;
      table = tables().get(shape);
    }
    return table.get();
  }

  Seconds total() {
    if (const std::optional<Seconds> closed = closed_form(view)) return *closed;
    const PassTable* const passes = table_now();
    if (passes == nullptr) return run_step(expanded(view)).total;
    return Seconds{sweep.end_of_reductions(view, *passes)} + ends_of_step(view);
  }

  Seconds least() {
    if (const std::optional<Seconds> closed = closed_form(view)) return *closed;
    return Seconds{bound.end_of_reductions(view, table_now())} + ends_of_step(view);
  }
};

PipelineDurations::PipelineDurations() : parts_(std::make_unique<Parts>()) {}
PipelineDurations::~PipelineDurations() = default;

Seconds PipelineDurations::total(const PipelineWork& work) {
  parts_->view.look_at(work);
  return parts_->total();
}

Seconds PipelineDurations::total(const StepWork& work) {
  parts_->view.look_at(work);
  return parts_->total();
}

Seconds PipelineDurations::least(const PipelineWork& work) {
  parts_->view.look_at(work);
  return parts_->least();
}

}  // namespace lockstep
