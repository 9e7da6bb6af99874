#include "sim/report/timeline_json.hpp"

namespace lockstep {

namespace {

using Json = nlohmann::ordered_json;

// Of the memory curve.
constexpr std::size_t most_points = 128;

Json stages(const TimelineReport& timeline, const TimelineSummary& summary) {
  Json list = Json::array();
  for (std::size_t i = 0; i < summary.stages.size(); ++i) {
    const StageSummary& stage = summary.stages[i];
    list.push_back({{"stage", i},
                    {"busy_s", stage.busy_s},
                    {"bubble_s", stage.bubble_s},
                    {"bubble_fraction", stage.bubble_fraction},
                    {"most_in_flight", static_cast<double>(stage.most_passes_held) /
                                           static_cast<double>(timeline.interleave)},
                    {"peak_allocated_bytes",
                     summary.memory.empty() ? Json(nullptr) : Json(stage.peak_allocated_bytes)}});
  }
  return list;
}

Json critical_path(const TimelineReport& timeline) {
  Json list = Json::array();
  for (const CriticalPart& part : timeline.critical_path) {
    list.push_back({{"kind", part.name}, {"seconds", part.seconds}});
  }
  return list;
}

Json memory_curve(const TimelineReport& timeline, const TimelineSummary& summary) {
  if (summary.memory.empty()) return nullptr;
  const StageMemoryCurve& curve = summary.memory[summary.worst_stage];
  Json times = Json::array();
  Json bytes = Json::array();
  for (const MemoryPoint& point : curve.points) {
    times.push_back(point.time);
    bytes.push_back(point.bytes);
  }
  Json holders = Json::array();
  for (const MemoryShare& share : curve.peak.holders) {
    holders.push_back({{"name", share.name}, {"bytes", share.bytes}});
  }
  return {{"stage", summary.worst_stage},
          {"time_s", std::move(times)},
          {"bytes", std::move(bytes)},
          {"peak",
           {{"time_s", curve.peak.time},
            {"bytes", curve.peak.bytes},
            {"instant", instant_name(curve.peak, timeline)},
            {"memory", std::move(holders)}}}};
}

}  // namespace

Json timeline_json(const TimelineReport& timeline) {
  const TimelineSummary summary = summarize(timeline, most_points);
  return {{"step_s", timeline.step_s},
          {"first_pass_s", summary.first_pass_s},
          {"last_pass_s", summary.last_pass_s},
          {"stages", stages(timeline, summary)},
          {"critical_path", critical_path(timeline)},
          {"closed_form_bubble", timeline.formula ? Json{{"equation", timeline.formula->equation},
                                                         {"seconds", timeline.formula->seconds}}
                                                  : Json(nullptr)},
          {"memory_curve", memory_curve(timeline, summary)}};
}

}  // namespace lockstep
