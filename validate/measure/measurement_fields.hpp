// The keys of a measurement's JSON: one table for its writer and its reader. An archive is either
// of them; what it offers is in measurement_json.cpp. Every key is written and must be there; an
// optional one may be null.
#pragma once

#include <limits>

#include "validate/measure/measurement.hpp"

namespace lockstep::measurement_fields {

// The smallest value that a number can have.
inline constexpr double any = -std::numeric_limits<double>::infinity();
inline constexpr double not_negative = 0.0;
inline constexpr std::int64_t count_from_0 = 0;
inline constexpr std::int64_t count_from_1 = 1;

template <class Archive>
void describe(Archive& archive, MeasuredGpu& gpu) {
  archive.text("host", gpu.host);
  archive.whole("device", gpu.device, count_from_0);
  archive.text("name", gpu.name);
  archive.text("bus_id", gpu.bus_id);
  archive.whole("memory_bytes", gpu.memory_bytes, count_from_0);
  archive.number("power_limit_w", gpu.power_limit_w, not_negative);
}

template <class Archive>
void describe(Archive& archive, MachineFacts& machine) {
  archive.date("date", machine.date);
  archive.text("system", machine.system);
  archive.texts("hosts", machine.hosts);
  archive.text("driver", machine.driver);
  archive.text("cuda", machine.cuda);
  archive.text("cublas", machine.cublas);
  archive.text("nccl", machine.nccl);
  archive.text("mpi", machine.mpi);
  archive.text("command", machine.command);
  archive.list("gpus", machine.gpus);
}

template <class Archive>
void describe(Archive& archive, RepeatedTime& time) {
  archive.number("median_s", time.median_s, not_negative);
  archive.number("low_s", time.low_s, not_negative);
  archive.number("high_s", time.high_s, not_negative);
  archive.number("spread", time.spread, not_negative);
  archive.whole("repeats", time.repeats, count_from_1);
  archive.whole("iterations", time.iterations, count_from_1);
  archive.check(time.low_s <= time.median_s && time.median_s <= time.high_s, "median_s",
                "the median lies outside of low_s and high_s");
}

template <class Archive>
void describe(Archive& archive, CollectiveSide& side) {
  archive.object("time", side.time);
  archive.whole("wrong", side.wrong, count_from_0);
}

template <class Archive>
void describe(Archive& archive, CollectivePoint& point) {
  archive.whole("size_bytes", point.size_bytes, count_from_1);
  archive.whole("count", point.count, count_from_1);
  archive.object("out_of_place", point.out_of_place);
  archive.object("in_place", point.in_place);
  archive.number("nccl_estimate_s", point.nccl_estimate_s, not_negative);
  archive.number("predicted_s", point.predicted_s, not_negative);
}

template <class Archive>
void describe(Archive& archive, CollectiveSweep& sweep) {
  constexpr double as_fast_as_the_fastest = 1.0;
  archive.collective("collective", sweep.collective);
  archive.text("backend", sweep.backend);
  archive.text("type", sweep.type);
  archive.text("redop", sweep.redop);
  archive.text("group", sweep.group);
  archive.whole("ranks", sweep.ranks, count_from_1);
  archive.whole("nodes", sweep.nodes, count_from_1);
  archive.whole("groups", sweep.groups, count_from_1);
  archive.flag("registered", sweep.registered);
  archive.list("points", sweep.points);
  archive.numbers("rank_slowness", sweep.rank_slowness, as_fast_as_the_fastest);
  archive.check(sweep.nodes <= sweep.ranks, "nodes", "a group has more nodes than ranks");
}

template <class Archive>
void describe(Archive& archive, MeasuredGemm& gemm) {
  archive.text("op", gemm.op);
  archive.text("dtype", gemm.dtype);
  archive.whole("m", gemm.m, count_from_1);
  archive.whole("n", gemm.n, count_from_1);
  archive.whole("k", gemm.k, count_from_1);
  archive.whole("batch", gemm.batch, count_from_1);
  archive.whole("device", gemm.device, count_from_0);
  archive.object("time", gemm.time);
  archive.number("flops_per_s", gemm.flops_per_s, not_negative);
  archive.number("peak_share", gemm.peak_share, not_negative);
  archive.number("predicted_s", gemm.predicted_s, not_negative);
  archive.number("second_path_s", gemm.second_path_s, not_negative);
}

template <class Archive>
void describe(Archive& archive, MeasuredMemoryOp& op) {
  archive.text("op", op.op);
  archive.number("bytes", op.bytes, not_negative);
  archive.whole("device", op.device, count_from_0);
  archive.object("time", op.time);
  archive.number("bytes_per_s", op.bytes_per_s, not_negative);
  archive.number("peak_share", op.peak_share, not_negative);
  archive.number("predicted_s", op.predicted_s, not_negative);
}

template <class Archive>
void describe(Archive& archive, MeasuredCopy& copy) {
  archive.text("direction", copy.direction);
  archive.flag("pinned", copy.pinned);
  archive.number("bytes", copy.bytes, not_negative);
  archive.whole("device", copy.device, count_from_0);
  archive.object("time", copy.time);
  archive.number("bytes_per_s", copy.bytes_per_s, not_negative);
  archive.number("second_path_s", copy.second_path_s, not_negative);
}

template <class Archive>
void describe(Archive& archive, MeasuredLaunch& launch) {
  archive.text("what", launch.what);
  archive.whole("device", launch.device, count_from_0);
  archive.object("time", launch.time);
}

// Noise may make the slowdown negative.
template <class Archive>
void describe(Archive& archive, MeasuredOverlap& overlap) {
  archive.text("beside", overlap.beside);
  archive.text("dtype", overlap.dtype);
  archive.whole("m", overlap.m, count_from_1);
  archive.whole("n", overlap.n, count_from_1);
  archive.whole("k", overlap.k, count_from_1);
  archive.number("gemm_alone_s", overlap.gemm_alone_s, not_negative);
  archive.number("gemm_beside_s", overlap.gemm_beside_s, not_negative);
  archive.number("other_alone_s", overlap.other_alone_s, not_negative);
  archive.number("other_beside_s", overlap.other_beside_s, not_negative);
  archive.number("slowdown", overlap.slowdown, any);
}

// A term may be what is left of a difference.
template <class Archive>
void describe(Archive& archive, MeasuredTerm& term) {
  archive.text("name", term.name);
  archive.number("predicted_s", term.predicted_s, any);
  archive.number("measured_s", term.measured_s, any);
}

template <class Archive>
void describe(Archive& archive, MeasuredStep& step) {
  archive.text("scenario", step.scenario);
  archive.text("plan", step.plan);
  archive.whole("layers", step.layers, count_from_0);
  archive.whole("micro_batches", step.micro_batches, count_from_1);
  archive.object("time", step.time);
  archive.number("predicted_s", step.predicted_s, not_negative);
  archive.list("terms", step.terms);
  archive.texts("not_run", step.not_run);
}

template <class Archive>
void describe(Archive& archive, Measurement& measurement) {
  archive.text("functional_only", measurement.functional_only);
  archive.object("machine", measurement.machine);
  archive.list("collectives", measurement.collectives);
  archive.list("gemms", measurement.gemms);
  archive.list("memory_ops", measurement.memory_ops);
  archive.list("copies", measurement.copies);
  archive.list("launches", measurement.launches);
  archive.list("overlaps", measurement.overlaps);
  archive.list("steps", measurement.steps);
}

}  // namespace lockstep::measurement_fields
