// Is a trace what viewers expect: processes, tracks, slices that don't overlap, paired arrows?
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <sstream>

#include "tests/catch.hpp"
#include "tests/support/hand_timeline.hpp"

using namespace lockstep;
using namespace lockstep::test;

namespace {

std::string trace_of(const TimelineReport& timeline) {
  std::ostringstream out;
  write_trace(timeline, out);
  return out.str();
}

nlohmann::json events_of(const TimelineReport& timeline) {
  return nlohmann::json::parse(trace_of(timeline))["traceEvents"];
}

std::vector<nlohmann::json> of_phase(const nlohmann::json& events, const std::string& phase) {
  std::vector<nlohmann::json> found;
  for (const auto& event : events) {
    if (event["ph"] == phase) found.push_back(event);
  }
  return found;
}

TimelineReport two_stages(int micro_batches) {
  HandTimes times;
  times.transfer = 0.5;
  times.reduce = 0.25;
  times.optimizer = 0.25;
  return hand_timeline(one_forward_one_backward(2, micro_batches), 1, micro_batches, times);
}

}  // namespace

TEST_CASE("trace: a step of two stages and one micro-batch, event by event", "[unit][trace]") {
  TimelineReport timeline = two_stages(1);
  timeline.facts = [](const Slice& slice) {
    SliceFacts facts;
    if (slice.kind == SliceKind::transfer) facts = {0, 1024, "", "simple", "NIC"};
    if (slice.kind == SliceKind::forward) facts.flops = 2e12;
    return facts;
  };
  // F1 [0, 1) on stage 1, half a second of transfer, F1 [1.5, 2.5) and B1 [2.5, 4.5) on stage 2,
  // a transfer, B1 [5, 7) on stage 1; reductions of 0.25 s; the optimizer from 7.25 s on.
  CHECK(
      trace_of(timeline) ==
      R"({"displayTimeUnit":"ms","otherData":{"scenario":"by hand","plan":"plan","schedule":"1f1b","stages":2,"interleave":1,"micro_batches":1,"step_s":7.5,"names":"F forward, B backward, W weight gradient; the micro-batch; .2 the second model chunk of the stage","args":"of every slice","arrows":"of every transfer"},
"traceEvents":[
{"ph":"X","pid":1,"tid":10,"ts":0,"dur":1000000,"name":"F 1","cname":"rail_response","args":{"micro-batch":1,"FLOPs":2e+12}},
{"ph":"X","pid":1,"tid":11,"ts":1000000,"dur":500000,"name":"send 1","cname":"grey","args":{"micro-batch":1,"bytes":1024,"protocol":"simple","bound":"NIC"}},
{"ph":"s","id":2,"pid":1,"tid":11,"ts":1000000,"name":"activation","cat":"p2p"},
{"ph":"X","pid":2,"tid":20,"ts":1500000,"dur":1000000,"name":"F 1","cname":"rail_response","args":{"micro-batch":1,"FLOPs":2e+12}},
{"ph":"f","bp":"e","id":2,"pid":2,"tid":20,"ts":1500000,"name":"activation","cat":"p2p"},
{"ph":"X","pid":2,"tid":20,"ts":2500000,"dur":2000000,"name":"B 1","cname":"rail_load","args":{"micro-batch":1}},
{"ph":"X","pid":2,"tid":22,"ts":4500000,"dur":500000,"name":"send 1","cname":"grey","args":{"micro-batch":1,"bytes":1024,"protocol":"simple","bound":"NIC"}},
{"ph":"s","id":1,"pid":2,"tid":22,"ts":4500000,"name":"gradient","cat":"p2p"},
{"ph":"X","pid":1,"tid":10,"ts":5000000,"dur":2000000,"name":"B 1","cname":"rail_load","args":{"micro-batch":1}},
{"ph":"f","bp":"e","id":1,"pid":1,"tid":10,"ts":5000000,"name":"gradient","cat":"p2p"},
{"ph":"X","pid":1,"tid":13,"ts":7000000,"dur":250000,"name":"reduce","cname":"bad"},
{"ph":"X","pid":2,"tid":23,"ts":5000000,"dur":250000,"name":"reduce","cname":"bad"},
{"ph":"X","pid":1,"tid":10,"ts":7250000,"dur":250000,"name":"optimizer","cname":"terrible"},
{"ph":"X","pid":2,"tid":20,"ts":7250000,"dur":250000,"name":"optimizer","cname":"terrible"},
{"ph":"M","pid":1,"name":"process_name","args":{"name":"stage 1"}},
{"ph":"M","pid":1,"name":"process_sort_index","args":{"sort_index":0}},
{"ph":"M","pid":1,"tid":10,"name":"thread_name","args":{"name":"compute"}},
{"ph":"M","pid":1,"tid":10,"name":"thread_sort_index","args":{"sort_index":0}},
{"ph":"M","pid":1,"tid":11,"name":"thread_name","args":{"name":"send activations"}},
{"ph":"M","pid":1,"tid":11,"name":"thread_sort_index","args":{"sort_index":1}},
{"ph":"M","pid":1,"tid":13,"name":"thread_name","args":{"name":"data parallel"}},
{"ph":"M","pid":1,"tid":13,"name":"thread_sort_index","args":{"sort_index":3}},
{"ph":"M","pid":2,"name":"process_name","args":{"name":"stage 2"}},
{"ph":"M","pid":2,"name":"process_sort_index","args":{"sort_index":1}},
{"ph":"M","pid":2,"tid":20,"name":"thread_name","args":{"name":"compute"}},
{"ph":"M","pid":2,"tid":20,"name":"thread_sort_index","args":{"sort_index":0}},
{"ph":"M","pid":2,"tid":22,"name":"thread_name","args":{"name":"send gradients"}},
{"ph":"M","pid":2,"tid":22,"name":"thread_sort_index","args":{"sort_index":2}},
{"ph":"M","pid":2,"tid":23,"name":"thread_name","args":{"name":"data parallel"}},
{"ph":"M","pid":2,"tid":23,"name":"thread_sort_index","args":{"sort_index":3}}
]}
)");
}

TEST_CASE("trace: times keep nanoseconds, and what touches touches", "[unit][trace]") {
  TimelineReport timeline = hand_timeline({{}}, 1, 1, {});
  timeline.play = [](SliceSink& sink) {
    sink.add({0, Stream::compute, SliceKind::forward, 0, 0, 0.1, 0.1000000016});
    sink.add({0, Stream::compute, SliceKind::backward, 0, 0, 0.1000000016, 0.2});
    sink.add({0, Stream::compute, SliceKind::optimizer, -1, -1, 0.2, 0.2});  // takes no time
  };
  const std::string text = trace_of(timeline);
  CHECK_THAT(text, Matchers::Contains(R"("ts":100000,"dur":0.002,"name":"F 1")"));
  CHECK_THAT(text, Matchers::Contains(R"("ts":100000.002,"dur":99999.998,"name":"B 1")"));
  CHECK_THAT(text, !Matchers::Contains(R"("name":"optimizer")"));
}

TEST_CASE("trace: slices of a track in order and apart, arrows in pairs", "[unit][trace]") {
  for (const int stages : {1, 3, 5}) {
    HandTimes times;
    times.forward = 0.1 / 3;
    times.backward = 0.2 / 3;
    times.transfer = 0.01 / 7;
    const TimelineReport timeline = hand_timeline(one_forward_one_backward(stages, 9), 1, 9, times);
    const nlohmann::json events = events_of(timeline);
    std::map<int, double> free;
    for (const auto& event : of_phase(events, "X")) {
      const int track = event["tid"];
      CHECK(event["ts"].get<double>() >= free[track] - 1e-6);
      free[track] = event["ts"].get<double>() + event["dur"].get<double>();
    }
    std::map<int, double> begun;
    for (const auto& event : of_phase(events, "s")) {
      CHECK(begun.emplace(event["id"], event["ts"]).second);
    }
    // Nine micro-batches over every boundary, both ways.
    CHECK(begun.size() == static_cast<std::size_t>(2 * 9 * (stages - 1)));
    for (const auto& event : of_phase(events, "f")) {
      REQUIRE(begun.count(event["id"]) == 1);
      CHECK(event["ts"].get<double>() >= begun[event["id"]]);
      begun.erase(event["id"]);
    }
    CHECK(begun.empty());
    CHECK(trace_of(timeline) == trace_of(timeline));
  }
}

TEST_CASE("trace: chunks wrap around, or turn in the V", "[unit][trace]") {
  TimelineReport timeline = hand_timeline({{}, {}}, 2, 1, {});
  const auto arrow = [&](ChunkLayout layout, int sender_stage, int receiver_stage) {
    timeline.layout = layout;
    timeline.play = [=](SliceSink& sink) {
      sink.add({sender_stage, Stream::send_forward, SliceKind::transfer, 0, 0, 0, 1});
      sink.add({receiver_stage, Stream::compute, SliceKind::forward, 1, 0, 1, 2});
    };
    return of_phase(events_of(timeline), "f").size();
  };
  CHECK(arrow(ChunkLayout::round_robin, 1, 0) == 1);  // virtual stage 1 to 2
  CHECK(arrow(ChunkLayout::round_robin, 1, 1) == 0);
  CHECK(arrow(ChunkLayout::v_shape, 1, 1) == 1);
  CHECK(arrow(ChunkLayout::v_shape, 1, 0) == 0);
}

TEST_CASE("trace: the memory of every stage as a counter, and one layer below", "[unit][trace]") {
  TimelineReport timeline = two_stages(1);
  StageMemoryProfile profile;
  profile.always = {{"weights", 8 * 0x1p30}};
  profile.activations = {2 * 0x1p30};
  timeline.memory = {profile, profile};
  timeline.layer = {{"QKV", "compute", 0, 1e-3, 0, 1e12, ""},
                    {"all-gather", "tensor parallel", 0, 5e-4, 1e6, 0, "ring simple"},
                    {"attention", "compute", 1e-3, 2e-3, 0, 0, ""}};
  const nlohmann::json events = events_of(timeline);
  // Stage 1: 8 and 2 more from 0 to 7 s; stage 2: 8 to 1.5 s, 10 to 4.5 s.
  const auto counters = of_phase(events, "C");
  std::vector<std::tuple<int, double, double>> seen;
  for (const auto& event : counters) {
    seen.emplace_back(event["pid"], event["ts"], event["args"]["GiB"]);
  }
  CHECK(seen == std::vector<std::tuple<int, double, double>>{
                    {1, 0, 10}, {1, 7e6, 8}, {2, 0, 8}, {2, 1.5e6, 10}, {2, 4.5e6, 8}});
  std::vector<std::string> layer;
  for (const auto& event : of_phase(events, "X")) {
    if (event["pid"] == 3)
      layer.push_back(event["name"].get<std::string>() + " on " + event["tid"].dump());
  }
  CHECK(layer == std::vector<std::string>{"QKV on 30", "all-gather on 31", "attention on 30"});
  std::set<std::string> processes;
  for (const auto& event : of_phase(events, "M")) {
    if (event["name"] == "process_name") processes.insert(event["args"]["name"]);
  }
  CHECK(processes == std::set<std::string>{"stage 1", "stage 2", "one layer"});
}

TEST_CASE("trace: a long step has its arguments once and arrows at its ends", "[unit][trace]") {
  // 4 stages, 4000 micro-batches: 4000 (8 + 6) = 56 000 slices, beyond 50 000.
  HandTimes times;
  times.transfer = 0.1;
  TimelineReport timeline = hand_timeline(one_forward_one_backward(4, 4000), 1, 4000, times);
  timeline.facts = [](const Slice&) { return SliceFacts{1e12, 0, "", "", "tensor cores"}; };
  const nlohmann::json trace = nlohmann::json::parse(trace_of(timeline));
  CHECK(trace["otherData"]["args"] ==
        "of the first slice of a kind and chunk on each track; all others of it are alike");
  CHECK(trace["otherData"]["arrows"] == "of the first and last 4 micro-batches");
  const nlohmann::json& events = trace["traceEvents"];
  CHECK(of_phase(events, "X").size() == 56'000);
  std::size_t explained = 0;
  for (const auto& event : of_phase(events, "X")) explained += event.count("args");
  CHECK(explained ==
        4 * 2 + 2 * 3);  // forward and backward of each stage, two ways over 3 boundaries
  CHECK(of_phase(events, "s").size() == 8 * 6);
  CHECK(of_phase(events, "f").size() == 8 * 6);
}
