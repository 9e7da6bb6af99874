#include "validate/kernel_report.hpp"

#include <fmt/format.h>

#include <nlohmann/json.hpp>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "sim/report/numbers.hpp"

namespace lockstep {
namespace {

// Three significant digits, as a file reads them back.
std::string plain(double value) {
  return fmt::format("{:.3g}", value);
}

std::string shown(const KernelConstant& constant) {
  const bool time = constant.name.find("time") != std::string::npos;
  return time ? duration(constant.value) : three_digits(constant.value);
}

}  // namespace

std::string kernel_fit_text(const KernelFit& fit) {
  Table errors({{"kernels", Align::left, 20, 0},
                {"device", Align::left, 0, 2},
                {"samples", Align::right, 0, 2},
                {"median error", Align::right, 0, 2},
                {"90 %", Align::right, 0, 2},
                {"shape left out", Align::right, 0, 2}});
  for (const KernelErrors& e : fit.errors) {
    errors.add({{printable(e.what), Tone::plain},
                {e.device.empty() ? "all" : printable(e.device), Tone::plain},
                {std::to_string(e.samples), Tone::plain},
                {percent(e.median), Tone::plain},
                {percent(e.p90), Tone::plain},
                {e.left_out_median > 0 ? percent(e.left_out_median) : "", Tone::plain}});
  }
  Table constants({{"constant", Align::left, 20, 0},
                   {"device", Align::left, 0, 2},
                   {"value", Align::right, 0, 2},
                   {"spread", Align::right, 0, 2},
                   {"samples", Align::right, 0, 2}});
  for (const KernelConstant& c : fit.constants) {
    constants.add({{printable(c.name), Tone::plain},
                   {c.device.empty() ? "all" : printable(c.device), Tone::plain},
                   {shown(c), Tone::plain},
                   {percent(c.spread), Tone::plain},
                   {std::to_string(c.samples), Tone::plain}});
  }
  return errors.render(100, "", false) + "\n" + constants.render(100, "", false);
}

std::string kernel_fit_yaml(const KernelFit& fit) {
  std::string text =
      "# Shapes of single kernels, as `lockstep calibrate --corpus kernels` fits them to\n"
      "# validate/corpus/kernels. The catalog's constants of kernel shapes start from these; "
      "published\n"
      "# training runs move them. Times in seconds.\n"
      "kernels:\n";
  for (const KernelConstant& c : fit.constants) {
    text += fmt::format(
        "  - {{name: \"{}\", device: \"{}\", value: {}, spread: {}, n: {}, source: \"{}\"}}\n",
        c.name, c.device.empty() ? "all" : c.device, plain(c.value),
        fmt::format("{:.2g}", c.spread), c.samples, c.source);
  }
  return text;
}

std::string kernel_fit_json(const KernelFit& fit) {
  using Json = nlohmann::ordered_json;
  Json json = {{"schema_version", 1}, {"command", "calibrate"}, {"corpus", "kernels"}};
  json["errors"] = Json::array();
  for (const KernelErrors& e : fit.errors) {
    json["errors"].push_back({{"kernels", e.what},
                              {"device", e.device},
                              {"samples", e.samples},
                              {"median_abs_error", e.median},
                              {"p90_abs_error", e.p90},
                              {"left_out_median_abs_error",
                               e.left_out_median > 0 ? Json(e.left_out_median) : Json(nullptr)}});
  }
  json["constants"] = Json::array();
  for (const KernelConstant& c : fit.constants) {
    json["constants"].push_back({{"name", c.name},
                                 {"device", c.device},
                                 {"value", c.value},
                                 {"spread", c.spread},
                                 {"samples", c.samples},
                                 {"source", c.source}});
  }
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + '\n';
}

}  // namespace lockstep
