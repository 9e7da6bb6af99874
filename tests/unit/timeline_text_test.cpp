// Is the schedule drawn as papers draw it, and does it stay within the terminal?
#include "sim/report/ascii.hpp"
#include "sim/report/display.hpp"
#include "sim/report/timeline_drawing.hpp"
#include "sim/report/timeline_report.hpp"
#include "tests/catch.hpp"
#include "tests/support/hand_timeline.hpp"

#include <sstream>

using namespace lockstep;
using namespace lockstep::test;

namespace {

std::string plain_rows(const TimelineReport& timeline, std::size_t columns) {
  const TimelineSummary summary = summarize(timeline);
  const drawing::TimeAxis axis = drawing::make_axis(summary, columns);
  std::vector<std::size_t> stages;
  for (std::size_t i = 0; i < summary.stages.size(); ++i) stages.push_back(i);
  std::string text;
  for (const drawing::Row& row : drawing::draw(timeline, axis, stages, false)) {
    text += drawing::text_of(row, false) + "\n";
  }
  return text;
}

TimelineReport with_memory(TimelineReport timeline) {
  for (std::int64_t stage = 0; stage < timeline.stages; ++stage) {
    StageMemoryProfile profile;
    profile.always = {{"weights", 10 * 0x1p30}, {"optimizer state", 20 * 0x1p30}};
    profile.activations.assign(static_cast<std::size_t>(timeline.interleave), 2 * 0x1p30);
    profile.backward = {{"backward workspace", 0x1p30}};
    timeline.memory.push_back(profile);
  }
  timeline.capacity_bytes = 40 * 0x1p30;
  return timeline;
}

std::size_t widest_line(const std::string& text) {
  std::istringstream lines(text);
  std::size_t widest = 0;
  for (std::string line; std::getline(lines, line);) widest = std::max(widest, display_width(line));
  return widest;
}

std::string without_escapes(const std::string& text) {
  std::string plain;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = text.find('m', i);
    } else {
      plain += text[i];
    }
  }
  return plain;
}

}  // namespace

TEST_CASE("drawing: 1F1B of two stages, two columns a forward pass", "[unit][timeline]") {
  // F = 1, B = 2, three micro-batches: stage 1 is F1 F2, waits for B1, and so on, 3 * 3 + 3 = 12
  // long. 24 columns are two for each unit; both passes have room for number and filling.
  CHECK(plain_rows(hand_timeline(one_forward_one_backward(2, 3), 1, 3, {}), 24) ==
        "1─2─    1━━━3─2━━━  3━━━\n"
        "  1─1━━━2─2━━━3─3━━━\n");
}

TEST_CASE("drawing: one column a forward pass where no more fits", "[unit][timeline]") {
  CHECK(plain_rows(hand_timeline(one_forward_one_backward(2, 3), 1, 3, {}), 20) ==
        "12  1━32━ 3━\n"
        " 11━22━33━\n");
}

TEST_CASE("drawing: numbers in full only where all of them fit", "[unit][timeline]") {
  // Ten micro-batches on one stage, 30 units. 90 columns: three a forward pass, so "10" has room.
  CHECK(plain_rows(hand_timeline(one_forward_one_backward(1, 10), 1, 10, {}), 90) ==
        "1──1━━━━━2──2━━━━━3──3━━━━━4──4━━━━━5──5━━━━━6──6━━━━━7──7━━━━━8──8━━━━━9──9━━━━━10─10━━━━"
        "\n");
  CHECK(plain_rows(hand_timeline(one_forward_one_backward(1, 10), 1, 10, {}), 60) ==
        "1─1━━━2─2━━━3─3━━━4─4━━━5─5━━━6─6━━━7─7━━━8─8━━━9─9━━━0─0━━━\n");
}

TEST_CASE("drawing: passes of one length have a column for what tells them apart",
          "[unit][timeline]") {
  HandTimes times;
  times.backward = 1;
  const HandOrders orders{{{SliceKind::forward, 0, 0},
                           {SliceKind::backward, 0, 0},
                           {SliceKind::weight_gradient, 0, 0}}};
  CHECK(plain_rows(hand_timeline(orders, 1, 1, times), 6) == "1─1━1╌\n");
}

TEST_CASE("drawing: the steady state is cut out where the step is too long", "[unit][timeline]") {
  // 12 micro-batches on two stages: 39 units do not fit into 25 columns. Twelve show the first six
  // units, in which the pipeline fills, twelve the last six: at 33 s stage 1 begins F12, and B12
  // runs from 37 to 39.
  CHECK(plain_rows(hand_timeline(one_forward_one_backward(2, 12), 1, 12, {}), 25) ==
        "1─2─    1━━━⋯2─1━━━  2━━━\n"
        "  1─1━━━2─2━⋯1━2─2━━━\n");
}

TEST_CASE("drawing: reductions and the optimizer behind the passes have a scale of their own",
          "[unit][timeline]") {
  HandTimes times;
  times.reduce = 0.25;
  times.optimizer = 0.25;
  // Half a unit at the end is drawn three columns wide, the least; 12 units before it at two each.
  // Stage 2 has done its last pass at 10 and reduces in [10, 10.25), in a column of its own.
  CHECK(plain_rows(hand_timeline(one_forward_one_backward(2, 3), 1, 3, times), 30) ==
        "1─2─    1━━━3─2━━━  3━━━┊RRO\n"
        "  1─1━━━2─2━━━3─3━━━R   ┊  O\n");
}

TEST_CASE("drawing: model chunks have raised and lowered digits", "[unit][timeline]") {
  HandTimes times;
  const HandOrders orders{{{SliceKind::forward, 0, 0},
                           {SliceKind::forward, 1, 0},
                           {SliceKind::forward, 2, 0},
                           {SliceKind::backward, 2, 0},
                           {SliceKind::backward, 1, 0},
                           {SliceKind::backward, 0, 0}}};
  const std::string rows = plain_rows(hand_timeline(orders, 3, 1, times), 9);
  CHECK(rows == "1¹₁₁━¹━1━\n");
  CHECK(to_ascii(rows) == "1bBB=b=1=\n");
}

TEST_CASE("drawing: shades where a pass has no column", "[unit][timeline]") {
  // GPipe, 2 stages, 60 micro-batches: 183 units, 18.3 to a column. The fourth begins at 54.9;
  // stage 1 turns to backward passes at 63 and stage 2 at 61, so both are mixed there.
  HandOrders orders(2);
  for (int m = 0; m < 60; ++m) {
    for (auto& order : orders) order.push_back({SliceKind::forward, 0, m});
  }
  for (int m = 0; m < 60; ++m) {
    for (auto& order : orders) order.push_back({SliceKind::backward, 0, m});
  }
  CHECK(plain_rows(hand_timeline(orders, 1, 60, {}), 10) == "░░░▒▓▓▓▓▓▓\n░░░▒▓▓▓▓▓▓\n");
}

TEST_CASE("drawing: colour fills the cells instead of lines", "[unit][timeline]") {
  const TimelineReport timeline = hand_timeline(one_forward_one_backward(1, 1), 1, 1, {});
  const drawing::TimeAxis axis = drawing::make_axis(summarize(timeline), 6);
  CHECK(drawing::text_of(drawing::draw(timeline, axis, {0}, true).front(), true) ==
        "\x1b[97;44m1 \x1b[0m\x1b[30;42m1   \x1b[0m");
}

TEST_CASE("timeline: the whole text of a small step", "[unit][timeline]") {
  HandTimes times;
  times.reduce = 0.25;
  times.optimizer = 0.25;
  TimelineReport timeline = with_memory(hand_timeline(one_forward_one_backward(2, 2), 1, 2, times));
  timeline.formula = BubbleFormula{"(p − 1)(F + B)", 3};
  timeline.critical_path = {{"forward", 3}, {"backward", 6}, {"optimizer", 0.25}};
  // 2 * 3 + 3 = 9 s of passes, 6 of them busy. Stage 1 holds both micro-batches at its first
  // backward pass, from 4 s on: 10 + 20 + 2 * 2 + 1 GiB.
  CHECK(timeline_text(timeline, {}) == R"(
  the pipeline over the step  2 stages × 2 micro-batches, 1f1b
  1 1─────────2─────────                    1━━━━━━━━━━━━━━━━━━━          2━━━━━━━━━━━━━━━━━━━┊RRROO
  2           1─────────1━━━━━━━━━━━━━━━━━━━2─────────2━━━━━━━━━━━━━━━━━━━RRR                 ┊   OO
    0 s                                                                                 9.00 s
  1── forward   1━━ backward   R gradient reduction   O optimizer
  Numbers are micro-batches. Behind ┊ time has its own scale.

  stage    busy  bubble  of the passes' time  most in flight  peak allocated
      1  6.00 s  3.00 s                 33 %               2        35.0 GiB
      2  6.00 s  3.00 s                 33 %               1        33.0 GiB
  By (p − 1)(F + B), the bubble of 1f1b with equal stages and free transfers is 3.00 s; here a stage
  idles up to 3.00 s between its first and its last pass.
  Along the critical path of 9.25 s: backward 6.00 s (65 %), forward 3.00 s (32 %),
  optimizer 250 ms (2.7 %).

  allocated memory on stage 1, which needs most  ─ 40.0 GiB is the limit
    ────────────────────────────────────────▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁▁──────────────────────────────┊─────
    ▅▅▅▅▅▅▅▅▅▅██████████████████████████████████████████████████▅▅▅▅▅▅▅▅▅▅▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆▆┊▂▂▂▂▂
    ██████████████████████████████████████████████████████████████████████████████████████████┊█████
    ██████████████████████████████████████████████████████████████████████████████████████████┊█████
    ██████████████████████████████████████████████████████████████████████████████████████████┊█████
    ██████████████████████████████████████████████████████████████████████████████████████████┊█████
    ██████████████████████████████████████████████████████████████████████████████████████████┊█████
                                            ▲
  ▲ 35.0 GiB first at the backward pass of micro-batch 1, 4.00 s into the step, 2 micro-batches in
  flight: optimizer state 20.0 GiB, weights 10.0 GiB, activations 4.0 GiB,
  backward workspace 1.0 GiB.
)");
}

TEST_CASE("timeline: no line is wider than the terminal", "[unit][timeline]") {
  HandTimes times;
  times.backward = 2.1;
  times.transfer = 0.03;
  times.reduce = 0.7;
  times.optimizer = 0.4;
  for (const int stages : {1, 2, 3, 8, 13, 40}) {
    for (const int micro_batches : {1, 2, 7, 33, 130}) {
      CAPTURE(stages, micro_batches);
      const TimelineReport timeline = with_memory(
          hand_timeline(one_forward_one_backward(stages, micro_batches), 1, micro_batches, times));
      const std::string text = timeline_text(timeline, {});
      CHECK(widest_line(text) <= 100);
      CHECK(timeline_text(timeline, {}) == text);
      TextOptions color;
      color.color = true;
      CHECK(widest_line(without_escapes(timeline_text(timeline, color))) <= 100);
      const std::string ascii = to_ascii(text);
      CHECK(std::all_of(ascii.begin(), ascii.end(), [](char c) { return c > 0; }));
      CHECK(ascii.find('?') == std::string::npos);
      CHECK(widest_line(ascii) == widest_line(text));
    }
  }
}

TEST_CASE("timeline: what lies beyond the memory is hatched, and the limit is named",
          "[unit][timeline]") {
  // Stage 1 needs 35 GiB at most, in rows of 5; 12 may be allocated.
  TimelineReport timeline = with_memory(hand_timeline(one_forward_one_backward(2, 2), 1, 2, {}));
  timeline.capacity_bytes = 12 * 0x1p30;
  const std::string text = timeline_text(timeline, {});
  CHECK_THAT(text,
             Matchers::Contains("which needs most  ─ 12.0 GiB is the limit, ▒ beyond\n"));
  CHECK_THAT(text, Matchers::Contains("\n    ▒▒▒▒"));
  timeline.capacity_bytes = 71 * 0x1p30;  // more than twice the peak: too far away to be drawn
  CHECK_THAT(timeline_text(timeline, {}),
             Matchers::Contains("which needs most  71.0 GiB is the limit\n"));
}

TEST_CASE("timeline: bubbles, passes held and the instant of the peak", "[unit][timeline]") {
  // 1F1B on four stages with F = 1, B = 2 and eight micro-batches: 3 (8 + 3) = 33 s, 24 busy, on
  // every stage; stage i holds 4 - i micro-batches.
  const TimelineReport timeline =
      with_memory(hand_timeline(one_forward_one_backward(4, 8), 1, 8, {}));
  const TimelineSummary summary = summarize(timeline);
  CHECK(summary.last_pass_s == 33);
  for (std::size_t i = 0; i < 4; ++i) {
    CHECK(summary.stages[i].busy_s == 24);
    CHECK(summary.stages[i].bubble_s == 9);
    CHECK(summary.stages[i].bubble_fraction == Approx(9.0 / 33));
    CHECK(summary.stages[i].most_passes_held == 4 - static_cast<std::int64_t>(i));
  }
  CHECK(summary.stages[0].idle_between_s == 9);
  CHECK(summary.stages[3].idle_between_s == 0);
  CHECK(summary.worst_stage == 0);
  const MemoryPeak& peak = summary.memory[0].peak;
  CHECK(peak.bytes == (10 + 20 + 4 * 2 + 1) * 0x1p30);
  CHECK(peak.time == 10);  // four forward passes down, three backward passes back
  CHECK(instant_name(peak, timeline) == "at the backward pass of micro-batch 1");
}

TEST_CASE("ASCII keeps the columns and marks what it cannot show", "[unit][timeline]") {
  CHECK(to_ascii("├─ 3 × 4 · 5 µs … ± 2 %") == "|- 3 x 4 . 5 us - ~ 2 %");
  CHECK(to_ascii("模") == "??");
  CHECK(to_ascii("\x1b[2m▁█\x1b[0m") == "\x1b[2m_#\x1b[0m");
}
