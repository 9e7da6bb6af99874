// Whether the numbers of a text for people occur in the JSON beside it.
#pragma once

#include <cmath>
#include <map>
#include <nlohmann/json.hpp>
#include <regex>
#include <set>
#include <string>
#include <vector>

namespace lockstep::test {

struct TextNumber {
  double value = 0;
  double last_digit = 1;  // what one step of its last digit is
  std::string unit;
  std::string text;       // with what stands around it, for messages
  std::string token;
};

// Spaces that only keep things together, and typographic minus signs, as plain characters.
inline std::string plainly(std::string text) {
  const std::map<std::string, std::string> as{{"\u00a0", " "}, {"\u202f", " "}, {"\u2009", " "}, {"−", "-"}};
  for (const auto& [special, plain] : as) {
    for (std::size_t at = 0; (at = text.find(special, at)) != std::string::npos;) {
      text.replace(at, special.size(), plain);
    }
  }
  return text;
}

inline std::vector<TextNumber> numbers_of(const std::string& raw) {
  // Digits in groups of three, decimals, a unit; not inside a word ("h100", "pp2", "node0").
  static const std::regex number(
      R"((^|[^A-Za-z0-9_.\-])([0-9]{1,3}(?: [0-9]{3})+(?![0-9])|[0-9]+)(\.[0-9]+)?(?:\s+)?)"
      R"((%|ms|µs|TiB|GiB|MiB|KiB|TFLOP/s|PFLOP/s|GFLOP/s|TB/s|GB/s|Gb/s|years|days|GB|[skMTPWGBhσ](?![A-Za-z0-9]))?)");
  std::vector<TextNumber> list;
  const std::string text = plainly(raw);
  for (std::sregex_iterator it(text.begin(), text.end(), number), end; it != end; ++it) {
    const std::smatch& m = *it;
    std::string digits = m[2].str();
    const std::size_t groups = digits.find(' ') == std::string::npos ? 0 : 1;
    digits.erase(std::remove(digits.begin(), digits.end(), ' '), digits.end());
    TextNumber one;
    one.token = digits + m[3].str();
    one.value = std::stod(one.token);
    one.last_digit = m[3].matched ? std::pow(10.0, -static_cast<double>(m[3].length() - 1)) : 1.0;
    // Three significant digits are shown of large numbers.
    if (groups > 0) one.last_digit = std::pow(10.0, static_cast<double>(digits.size()) - 3.0);
    one.unit = m[4].str();
    const auto from = static_cast<std::size_t>(m.position(0));
    const std::size_t begin = from > 40 ? from - 40 : 0;
    one.text = text.substr(begin, 80);
    list.push_back(std::move(one));
  }
  return list;
}

class JsonNumbers {
 public:
  explicit JsonNumbers(const nlohmann::json& json) { add(json); }

  [[nodiscard]] bool has(const TextNumber& number) const {
    if (tokens_.count(number.token) > 0) return true;
    for (const double scale : scales(number.unit)) {
      const double low = (number.value - number.last_digit) * scale;
      const double high = (number.value + number.last_digit) * scale;
      for (const auto& [from, to] : {std::pair{low, high}, std::pair{-high, -low}}) {
        const auto found = numbers_.lower_bound(from - 1e-12 * std::abs(from));
        if (found != numbers_.end() && *found <= to + 1e-12 * std::abs(to)) return true;
      }
    }
    return false;
  }

 private:
  void add(const nlohmann::json& json) {
    if (json.is_number()) {
      numbers_.insert(json.get<double>());
    } else if (json.is_string()) {
      for (const TextNumber& one : numbers_of(json.get<std::string>())) tokens_.insert(one.token);
    } else if (json.is_structured()) {
      for (const auto& item : json) add(item);
    }
  }

  static std::vector<double> scales(const std::string& unit) {
    static const std::map<std::string, std::vector<double>> known{
        {"%", {0.01}},       {"s", {1}},           {"ms", {1e-3}},       {"µs", {1e-6}},
        {"h", {3600}},       {"days", {86400, 1}}, {"years", {365.25 * 86400, 365 * 86400}},
        {"TiB", {0x1p40}},   {"GiB", {0x1p30}},    {"MiB", {0x1p20}},    {"KiB", {0x1p10}},
        {"GB", {1e9}},       {"B", {1}},           {"TB/s", {1e12}},     {"GB/s", {1e9}},
        {"Gb/s", {1e9 / 8}}, {"TFLOP/s", {1e12}},  {"PFLOP/s", {1e15}},  {"GFLOP/s", {1e9}},
        {"k", {1e3}},        {"M", {1e6}},         {"G", {1e9}},         {"T", {1e12}},
        {"P", {1e15}},       {"W", {1}},           {"σ", {1}}};
    const auto found = known.find(unit);
    if (found != known.end()) return found->second;
    // A bare number, or one of an interval whose unit stands before it.
    return {1, 0.01, 1e-3, 1e-6, 3600, 86400, 365.25 * 86400, 0x1p30, 0x1p20, 1e9};
  }

  std::set<double> numbers_;
  std::set<std::string> tokens_;
};

// Numbers of the text that the JSON has nowhere, with what stands around them.
inline std::vector<std::string> missing_numbers(const std::string& text, const std::string& json) {
  const JsonNumbers known(nlohmann::json::parse(json));
  std::vector<std::string> missing;
  for (const TextNumber& one : numbers_of(text)) {
    if (!known.has(one)) missing.push_back(one.token + " " + one.unit + ": …" + one.text + "…");
  }
  return missing;
}

}  // namespace lockstep::test
