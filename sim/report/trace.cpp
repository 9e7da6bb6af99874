// Chrome-trace JSON: docs.google.com/document/d/1CvAClvFfyA5R-PhYUmn5OOQtYMH4h6I0nSsKchNAySU
// ("Trace Event Format"), as Perfetto and chrome://tracing read it. Events are one to a line.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <nlohmann/json.hpp>
#include <ostream>
#include <set>

#include "sim/report/timeline_report.hpp"

namespace lockstep {

namespace {

using Json = nlohmann::ordered_json;

// Up to so many slices every one has its arguments and every transfer its arrow: about 10 MB.
// Beyond, only the first slice of a kind on each track has arguments, and only the first and the
// last micro-batches have arrows.
constexpr std::int64_t most_detailed_slices = 50'000;

// Bytes gathered before they are written.
constexpr std::size_t write_size = 1 << 16;

struct KindStyle {
  const char* name;   // with the micro-batch behind it
  const char* color;  // of the trace viewer's reserved names
};

// In the order of SliceKind. Papers draw forward passes blue and backward passes green.
constexpr std::array<KindStyle, static_cast<std::size_t>(SliceKind::count)> styles{{
    {"F", "rail_response"},
    {"B", "rail_load"},
    {"W", "rail_idle"},
    {"send", "grey"},
    {"gather", "olive"},
    {"reduce", "bad"},
    {"optimizer", "terrible"},
    {"host", "black"},
}};

constexpr std::array<const char*, static_cast<std::size_t>(Stream::count)> stream_names{
    "compute", "send activations", "send gradients", "data parallel"};

const KindStyle& style_of(SliceKind kind) {
  return styles.at(static_cast<std::size_t>(kind));
}

// Nanoseconds, so that two slices that touch touch in the file too.
std::int64_t nanoseconds(double seconds) {
  return std::llround(seconds * 1e9);
}

// Microseconds with up to three decimals: 1500 ns -> "1.5".
std::string microseconds(std::int64_t ns) {
  std::string text = fmt::format("{}.{:03}", ns / 1000, ns % 1000);
  while (text.back() == '0') text.pop_back();
  if (text.back() == '.') text.pop_back();
  return text;
}

std::string quoted(const std::string& text) {
  return Json(text).dump(-1, ' ', false, Json::error_handler_t::replace);
}

// A number with six digits: "1.5e+13", "0".
std::string number(double value) {
  return std::isfinite(value) ? fmt::format("{:.6g}", value) : "null";
}

class TraceWriter final : public SliceSink {
 public:
  TraceWriter(const TimelineReport& timeline, std::ostream& out)
      : timeline_(timeline),
        out_(out),
        detailed_(most_slices(timeline) <= most_detailed_slices),
        streams_(static_cast<std::size_t>(timeline.stages)),
        explained_(static_cast<std::size_t>(timeline.stages)) {
    text_ = "{\"displayTimeUnit\":\"ms\",\"otherData\":" + other_data() + ",\n\"traceEvents\":[\n";
  }

  void add(const Slice& slice) override {
    const std::int64_t start = nanoseconds(slice.start);
    const std::int64_t length = nanoseconds(slice.end) - start;
    if (length <= 0) return;
    const auto stage = static_cast<std::size_t>(slice.stage);
    streams_[stage][static_cast<std::size_t>(slice.stream)] = true;
    const KindStyle& style = style_of(slice.kind);
    std::string name = style.name;
    if (slice.micro_batch >= 0) name += fmt::format(" {}", slice.micro_batch + 1);
    if (slice.chunk > 0) name += fmt::format(".{}", slice.chunk + 1);
    event(fmt::format(R"("ph":"X",{},"ts":{},"dur":{},"name":"{}","cname":"{}"{})", track(slice),
                      microseconds(start), microseconds(length), name, style.color,
                      arguments(slice)));
    arrows(slice, start);
  }

  void counter(std::size_t stage, double time, double bytes) {
    event(fmt::format(R"("ph":"C","pid":{},"ts":{},"name":"allocated","args":{{"GiB":{}}})",
                      stage + 1, microseconds(nanoseconds(time)), number(bytes / 0x1p30)));
  }

  // Names of the processes and threads, the layer, the end of the file.
  void finish() {
    for (std::size_t stage = 0; stage < streams_.size(); ++stage) {
      process(stage, fmt::format("stage {}", stage + 1));
      for (std::size_t stream = 0; stream < streams_[stage].size(); ++stream) {
        if (streams_[stage][stream]) thread(stage, stream, stream_names.at(stream));
      }
    }
    layer();
    text_ += "\n]}\n";
    flush();
  }

  void flush() {
    out_.write(text_.data(), static_cast<std::streamsize>(text_.size()));
    text_.clear();
  }

 private:
  using Explained = std::set<std::array<std::int32_t, 3>>;  // stream, kind, chunk

  [[nodiscard]] std::string other_data() const {
    Json data = {{"scenario", timeline_.scenario},
                 {"plan", timeline_.plan},
                 {"schedule", timeline_.schedule},
                 {"stages", timeline_.stages},
                 {"interleave", timeline_.interleave},
                 {"micro_batches", timeline_.micro_batches},
                 {"step_s", timeline_.step_s},
                 {"names",
                  "F forward, B backward, W weight gradient; the micro-batch; .2 the "
                  "second model chunk of the stage"},
                 {"args", detailed_ ? "of every slice"
                                    : "of the first slice of a kind and chunk on each track; all "
                                      "others of it are alike"},
                 {"arrows", detailed_ ? "of every transfer"
                                      : fmt::format("of the first and last {} micro-batches",
                                                    timeline_.stages)}};
    return data.dump(-1, ' ', false, Json::error_handler_t::replace);
  }

  void event(const std::string& content) {
    if (!first_) text_ += ",\n";
    first_ = false;
    text_ += '{';
    text_ += content;
    text_ += '}';
    if (text_.size() >= write_size) flush();
  }

  // Viewers take process and thread 0 for the idle ones, and a thread's number for its own alone.
  static std::string track(std::size_t process, std::size_t thread) {
    return fmt::format(R"("pid":{},"tid":{})", process + 1, 10 * (process + 1) + thread);
  }
  static std::string track(const Slice& slice) {
    return track(static_cast<std::size_t>(slice.stage), static_cast<std::size_t>(slice.stream));
  }

  static std::string facts_text(const SliceFacts& facts) {
    std::string text;
    const auto add = [&](const char* name, const std::string& value) {
      text += fmt::format(R"({}"{}":{})", text.empty() ? "" : ",", name, value);
    };
    if (facts.flops > 0) add("FLOPs", number(facts.flops));
    if (facts.bytes > 0) add("bytes", fmt::format("{:.0f}", facts.bytes));
    if (!facts.algorithm.empty()) add("algorithm", quoted(facts.algorithm));
    if (!facts.protocol.empty()) add("protocol", quoted(facts.protocol));
    if (!facts.bound.empty()) add("bound", quoted(facts.bound));
    return text;
  }

  std::string arguments(const Slice& slice) {
    const std::array<std::int32_t, 3> key{static_cast<std::int32_t>(slice.stream),
                                          static_cast<std::int32_t>(slice.kind), slice.chunk};
    if (!detailed_ && !explained_[static_cast<std::size_t>(slice.stage)].insert(key).second) {
      return {};
    }
    std::string text;
    const auto add = [&](const std::string& more) {
      text += (text.empty() || more.empty() ? "" : ",") + more;
    };
    if (slice.micro_batch >= 0) add(fmt::format(R"("micro-batch":{})", slice.micro_batch + 1));
    if (timeline_.interleave > 1 && slice.chunk >= 0) {
      add(fmt::format(R"("chunk":{})", slice.chunk + 1));
    }
    if (timeline_.facts) add(facts_text(timeline_.facts(slice)));
    return text.empty() ? text : ",\"args\":{" + text + "}";
  }

  [[nodiscard]] std::int64_t virtual_stage(const Slice& slice) const {
    if (timeline_.layout == ChunkLayout::v_shape && slice.chunk % 2 == 1) {
      return timeline_.stages * (slice.chunk + 1) - 1 - slice.stage;
    }
    return timeline_.stages * slice.chunk + slice.stage;
  }

  // A transfer starts an arrow that ends at the pass it feeds. The arrow's number: the virtual
  // stage that receives, the micro-batch, the direction.
  void arrows(const Slice& slice, std::int64_t start) {
    const bool ends_only = !detailed_;
    if (slice.micro_batch < 0 || slice.chunk < 0) return;
    if (ends_only && slice.micro_batch >= timeline_.stages &&
        slice.micro_batch < timeline_.micro_batches - timeline_.stages) {
      return;
    }
    const bool transfer = slice.kind == SliceKind::transfer;
    if (!transfer && slice.kind > SliceKind::backward) return;
    // The second chunk of a V sends its activations to the stage before (of two stages: to the other).
    const bool down = timeline_.layout == ChunkLayout::v_shape && slice.chunk % 2 == 1 &&
                      timeline_.stages > 2;
    const bool onward = (slice.stream == Stream::send_forward) != down;
    const bool forward = transfer ? onward : slice.kind == SliceKind::forward;
    std::int64_t receiver = virtual_stage(slice);
    if (transfer) receiver += forward ? 1 : -1;
    const std::int64_t id = 2 * (receiver * timeline_.micro_batches + slice.micro_batch) +
                            static_cast<std::int64_t>(forward ? 0 : 1);
    if (!transfer && open_.erase(id) == 0) return;
    if (transfer) open_.insert(id);
    event(fmt::format(R"("ph":"{}",{}"id":{},{},"ts":{},"name":"{}","cat":"p2p")",
                      transfer ? "s" : "f", transfer ? "" : R"("bp":"e",)", id, track(slice),
                      microseconds(start), forward ? "activation" : "gradient"));
  }

  void process(std::size_t id, const std::string& name) {
    metadata(fmt::format(R"("pid":{})", id + 1), "process", name, id);
  }

  void thread(std::size_t process, std::size_t id, const std::string& name) {
    metadata(track(process, id), "thread", name, id);
  }

  void metadata(const std::string& of, const char* what, const std::string& name,
                std::size_t place) {
    event(fmt::format(R"("ph":"M",{},"name":"{}_name","args":{{"name":{}}})", of, what,
                      quoted(name)));
    event(fmt::format(R"("ph":"M",{},"name":"{}_sort_index","args":{{"sort_index":{}}})", of, what,
                      place));
  }

  // One layer, in a process of its own below the stages.
  void layer() {
    if (timeline_.layer.empty()) return;
    const std::size_t process_id = streams_.size();
    process(process_id, "one layer");
    std::vector<std::string> streams;
    for (const LayerSlice& slice : timeline_.layer) {
      auto stream = std::find(streams.begin(), streams.end(), slice.stream);
      if (stream == streams.end()) {
        streams.push_back(slice.stream);
        stream = streams.end() - 1;
        thread(process_id, streams.size() - 1, streams.back());
      }
      const std::int64_t start = nanoseconds(slice.start);
      const std::int64_t length = nanoseconds(slice.end) - start;
      if (length <= 0) continue;
      const std::string facts = facts_text({slice.flops, slice.bytes, slice.detail, "", ""});
      event(fmt::format(R"("ph":"X",{},"ts":{},"dur":{},"name":{}{})",
                        track(process_id, static_cast<std::size_t>(stream - streams.begin())),
                        microseconds(start), microseconds(length), quoted(slice.name),
                        facts.empty() ? "" : ",\"args\":{" + facts + "}"));
    }
  }

  const TimelineReport& timeline_;
  std::ostream& out_;
  bool detailed_;
  std::vector<std::array<bool, static_cast<std::size_t>(Stream::count)>> streams_;  // that are used
  std::vector<Explained> explained_;
  std::set<std::int64_t> open_;  // arrows that have started
  std::string text_;
  bool first_ = true;
};

}  // namespace

void write_trace(const TimelineReport& timeline, std::ostream& out) {
  TraceWriter writer(timeline, out);
  timeline.play(writer);
  const TimelineSummary summary = summarize(timeline);
  for (std::size_t stage = 0; stage < summary.memory.size(); ++stage) {
    for (const MemoryPoint& point : summary.memory[stage].points) {
      writer.counter(stage, point.time, point.bytes);
    }
  }
  writer.finish();
}

}  // namespace lockstep
