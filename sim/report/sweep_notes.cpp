// Why plans of a sweep are not legal or too big, and what follows the swept values.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>
#include <vector>

#include "scenarios/utf8.hpp"
#include "sim/report/sweep_report.hpp"
#include "sim/report/text.hpp"

namespace lockstep::sweeping {

namespace {

enum class Fate { fits, too_big, no_route, not_legal };

Fate fate_of(const SweepPlan& plan) {
  if (!plan.legal) return Fate::not_legal;
  if (!std::isfinite(plan.step_time_s.value)) return Fate::no_route;
  return plan.feasible ? Fate::fits : Fate::too_big;
}

const char* words_of(Fate fate) {
  switch (fate) {
    case Fate::not_legal:
      return "is not legal";
    case Fate::no_route:
      return "does not run";
    case Fate::too_big:
      return "is too big";
    case Fate::fits:
      break;
  }
  return "fits";
}

// "not legal: data 3 x …" says it twice.
std::string reason_of(const SweepPlan& plan) {
  constexpr std::string_view said = "not legal: ";
  const std::string& reason = plan.infeasible_reason;
  return printable(reason.rfind(said, 0) == 0 ? reason.substr(said.size()) : reason);
}

// Names of all plans, in the order in which they come up.
std::vector<std::string> names_of(const SweepReport& report) {
  std::vector<std::string> names;
  for (const SweepPoint& point : report.points) {
    for (const SweepPlan& plan : point.plans) {
      if (std::find(names.begin(), names.end(), plan.shape) == names.end()) {
        names.push_back(plan.shape);
      }
    }
  }
  return names;
}

const SweepPlan* plan_at(const SweepReport& report, const SweepLine& line, std::size_t place,
                         const std::string& name) {
  for (const SweepPlan& plan : report.points[line.points[place]].plans) {
    if (plan.shape == name) return &plan;
  }
  return nullptr;
}

// " (nic_bandwidth = 100 Gb/s)" where there are several lines.
std::string of_line(const SweepReport& report, const SweepLine& line) {
  if (report.lines.size() < 2) return {};
  const std::size_t other = 1 - report.along;
  return fmt::format(" with {} = {}", short_name(report.request.axes[other].path),
                     unbroken(printable(report.points[line.points.front()].values[other])));
}

std::vector<std::size_t> places_with(const SweepReport& report, const SweepLine& line,
                                     const std::string& name, Fate fate) {
  std::vector<std::size_t> places;
  for (std::size_t place = 0; place < line.points.size(); ++place) {
    const SweepPlan* plan = plan_at(report, line, place, name);
    if (plan != nullptr && fate_of(*plan) == fate) places.push_back(place);
  }
  return places;
}

// "hsdp8 is too big at 64 to 512 GPUs; at 64 GPUs: needs 168 GiB, …"; `which`: the line where it is
// not so on all.
std::string fate_note(const SweepReport& report, const SweepLine& line, const std::string& name,
                      Fate fate, const std::string& which) {
  const std::vector<std::size_t> places = places_with(report, line, name, fate);
  if (places.empty()) return {};
  const std::string who = unbroken(printable(name)) + " " + words_of(fate);
  const std::string where = places_text(report, line, places) + which;
  const std::string reason = reason_of(*plan_at(report, line, places.front(), name));
  if (places.size() == 1) return fmt::format("{} {}: {}.", who, where, reason);
  return fmt::format("{} {}; at {}: {}.", who, where, point_name(report, line, places.front()),
                     reason);
}

// Of a plan on every line; once where it is the same on all.
std::string fate_notes(const SweepReport& report, const std::string& name, Fate fate,
                       const TextOptions& options) {
  const std::vector<SweepLine>& lines = report.lines;
  const std::vector<std::size_t> first = places_with(report, lines.front(), name, fate);
  const bool same = std::all_of(lines.begin(), lines.end(), [&](const SweepLine& line) {
    return places_with(report, line, name, fate) == first;
  });
  std::string text;
  for (const SweepLine& line : lines) {
    const std::string which = same ? std::string{} : of_line(report, line);
    const std::string note = fate_note(report, line, name, fate, which);
    if (!note.empty()) text += text::paragraph(note, options);
    if (same) break;
  }
  return text;
}

// Data degrees that are not those of the file.
std::string degrees_note(const SweepReport& report, const TextOptions& options) {
  std::vector<std::string> names;
  for (const SweepPoint& point : report.points) {
    for (const SweepPlan& plan : point.plans) {
      const std::string name = unbroken(printable(plan.name));
      if (plan.data_follows && std::find(names.begin(), names.end(), name) == names.end()) {
        names.push_back(name);
      }
    }
  }
  if (names.empty()) return {};
  return text::paragraph(
      fmt::format("The data degree that the scenario states for {} does not fill the cluster at "
                  "every point: there it is what the other degrees leave of the GPUs.",
                  fmt::join(names, ", ")),
      options);
}

}  // namespace

std::string notes(const SweepReport& report, const TextOptions& options) {
  std::string text;
  for (const SweepLine& line : report.lines) {
    for (std::size_t place = 0; place < line.points.size(); ++place) {
      const SweepPoint& point = report.points[line.points[place]];
      if (point.problem.empty()) continue;
      text += text::paragraph(fmt::format("At {}{}: {}.", point_name(report, line, place),
                                          of_line(report, line), printable(point.problem)),
                              options);
    }
  }
  for (const std::string& name : names_of(report)) {
    for (const Fate fate : {Fate::too_big, Fate::no_route, Fate::not_legal}) {
      text += fate_notes(report, name, fate, options);
    }
  }
  return text + degrees_note(report, options);
}

}  // namespace lockstep::sweeping
