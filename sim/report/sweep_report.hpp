// Renderings of a SweepReport. Pure.
#pragma once

#include <string>
#include <vector>

#include "sim/report/render.hpp"
#include "sim/sweep.hpp"

namespace lockstep {

std::string sweep_text(const SweepReport& report, const TextOptions& options);
// Everything that the text says, in base units.
std::string sweep_json(const SweepReport& report);
// A row for each point and plan; a point without plans has one.
std::string sweep_csv(const SweepReport& report);

namespace sweeping {

// Words for points, which the parts of the text share.

// The last name of a path: "nic_bandwidth".
std::string short_name(const std::string& path);
// The value of the line's axis at a place of it: "8", "400 Gb/s".
const std::string& label_of(const SweepReport& report, const SweepLine& line, std::size_t place);
// "64 GPUs" on a curve of GPUs, else "nic_bandwidth 400 Gb/s".
std::string point_name(const SweepReport& report, const SweepLine& line, std::size_t place);
// Where that is, in as few words as the places allow: "at 64 GPUs", "at 64 to 256 GPUs", "from 64 GPUs
// on" (to the last place), "at nic_bandwidth 100 Gb/s and 400 Gb/s", "at every point".
std::string places_text(const SweepReport& report, const SweepLine& line,
                        const std::vector<std::size_t>& places);
// Whether the values of the line's axis only grow, or only fall.
bool in_order(const SweepReport& report, const SweepLine& line);

// What a curve shows: tokens per second and GPU where GPUs or tokens per step differ between
// points, else the step time.
bool shows_rate(const SweepReport& report);

// "tp8-pp2 wins from 64 GPUs on (a tie with fsdp at 64 GPUs)"; every range of a line.
std::string winners_text(const SweepReport& report, const SweepLine& line);

// sweep_chart.cpp: the curve of a line as a drawing of at most `width` columns: the best plan with
// its interval, the others as marks.
std::string chart(const SweepReport& report, const SweepLine& line, const TextOptions& options);

// sweep_notes.cpp: why plans are not legal or too big at some points, and which data degrees
// follow.
std::string notes(const SweepReport& report, const TextOptions& options);

}  // namespace sweeping

}  // namespace lockstep
