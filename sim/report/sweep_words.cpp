// Words for the points of a sweep.
#include <fmt/format.h>

#include <algorithm>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "sim/report/sweep_report.hpp"

namespace lockstep::sweeping {

namespace {

const SweepPoint& point_at(const SweepReport& report, const SweepLine& line, std::size_t place) {
  return report.points[line.points[place]];
}

// "a, b and c".
std::string listed(const std::vector<std::string>& words) {
  std::string text;
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? " and " : ", ";
    text += words[i];
  }
  return text;
}

// Whether points go by their GPUs: on a curve of GPUs whose every point has a number of them.
bool by_gpus(const SweepReport& report, const SweepLine& line) {
  return report.scaling != Scaling::none &&
         std::all_of(line.points.begin(), line.points.end(),
                     [&](std::size_t point) { return report.points[point].gpus > 0; });
}

// The value alone, without what it is of.
std::string value_name(const SweepReport& report, const SweepLine& line, std::size_t place) {
  if (by_gpus(report, line)) return std::to_string(point_at(report, line, place).gpus);
  return unbroken(printable(label_of(report, line, place)));
}

// Around a value: "64" -> "64 GPUs", "400 Gb/s" -> "nic_bandwidth 400 Gb/s".
std::string with_name(const SweepReport& report, const SweepLine& line, const std::string& values) {
  if (by_gpus(report, line)) return values + unbroken(values == "1" ? " GPU" : " GPUs");
  return short_name(report.request.axes[report.along].path) + unbroken(" ") + values;
}

// Of the plans that tie somewhere in a range: "tp4 at 64 GPUs".
std::string ties_text(const SweepReport& report, const SweepLine& line, const WinnerRange& range) {
  std::vector<std::string> names;
  for (const std::size_t place : range.tied) {
    const SweepPoint& point = point_at(report, line, place);
    for (const std::size_t plan : point.ties) {
      const std::string& name = point.plans[plan].shape;
      if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    }
  }
  if (names.empty()) return {};
  std::vector<std::string> words;
  for (const std::string& name : names) {
    std::vector<std::size_t> places;
    for (const std::size_t place : range.tied) {
      const SweepPoint& point = point_at(report, line, place);
      const bool ties = std::any_of(point.ties.begin(), point.ties.end(), [&](std::size_t plan) {
        return point.plans[plan].shape == name;
      });
      if (ties) places.push_back(place);
    }
    const bool throughout = places.size() == range.last - range.first + 1;
    words.push_back(unbroken(printable(name)) +
                    (throughout ? "" : " " + places_text(report, line, places)));
  }
  return fmt::format(" (a tie with {})", listed(words));
}

std::vector<std::size_t> places_of(const WinnerRange& range) {
  std::vector<std::size_t> places;
  for (std::size_t place = range.first; place <= range.last; ++place) places.push_back(place);
  return places;
}

}  // namespace

std::string short_name(const std::string& path) {
  return printable(path.substr(path.rfind('.') + 1));
}

const std::string& label_of(const SweepReport& report, const SweepLine& line, std::size_t place) {
  return point_at(report, line, place).values[report.along];
}

bool in_order(const SweepReport& report, const SweepLine& line) {
  bool grows = true;
  bool falls = true;
  for (std::size_t place = 0; place < line.points.size(); ++place) {
    const std::optional<double>& value = point_at(report, line, place).numbers[report.along];
    if (!value) return false;
    if (place == 0) continue;
    const double before = *point_at(report, line, place - 1).numbers[report.along];
    grows = grows && *value > before;
    falls = falls && *value < before;
  }
  return grows || falls;
}

std::string point_name(const SweepReport& report, const SweepLine& line, std::size_t place) {
  return with_name(report, line, value_name(report, line, place));
}

std::string places_text(const SweepReport& report, const SweepLine& line,
                        const std::vector<std::size_t>& places) {
  const std::size_t count = places.size();
  if (count > 1 && count == line.points.size()) return "at every point";
  const bool range = places.back() - places.front() + 1 == count && in_order(report, line);
  const std::string first = value_name(report, line, places.front());
  if (count > 1 && range && places.back() + 1 == line.points.size()) {
    return fmt::format("from {} on", with_name(report, line, first));
  }
  if (count > 2 && range) {
    const std::string values = first + " to " + value_name(report, line, places.back());
    return "at " + with_name(report, line, values);
  }
  std::vector<std::string> values;
  values.reserve(count);
  for (const std::size_t place : places) values.push_back(value_name(report, line, place));
  return "at " + with_name(report, line, listed(values));
}

bool shows_rate(const SweepReport& report) {
  const SweepPoint* first = nullptr;
  for (const SweepPoint& point : report.points) {
    if (point.plans.empty()) continue;
    if (first == nullptr) first = &point;
    if (point.gpus != first->gpus || point.global_batch != first->global_batch ||
        point.sequence_length != first->sequence_length) {
      return true;
    }
  }
  return false;
}

std::string winners_text(const SweepReport& report, const SweepLine& line) {
  std::string text;
  for (const WinnerRange& range : line.winners) {
    text += text.empty() ? "" : "; ";
    const std::string where = " " + places_text(report, line, places_of(range));
    if (range.winner.empty()) {
      text += "no plan fits" + where;
    } else {
      text += unbroken(printable(range.winner)) + " wins" + where + ties_text(report, line, range);
    }
  }
  return text + ".";
}

}  // namespace lockstep::sweeping
