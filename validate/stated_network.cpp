#include "validate/stated_network.hpp"

#include <algorithm>
#include <array>
#include <cctype>
#include <cstdlib>
#include <regex>
#include <vector>

namespace lockstep {
namespace {

constexpr std::size_t longest_text = 512;
constexpr double bits_per_byte = 8.0;

// Port rates of InfiniBand generations, Gb/s per direction with four lanes.
struct Generation {
  const char* word;
  double gigabits;
};
constexpr std::array<Generation, 5> generations{{{"XDR", 800}, {"NDR", 400}, {"HDR", 200}, {"EDR", 100}, {"FDR", 56}}};

std::vector<std::string> phrases(const std::string& text) {
  std::vector<std::string> out(1);
  for (const char c : text.substr(0, longest_text)) {
    if (c == ',' || c == ';' || c == '+' || c == '(' || c == ')') {
      out.emplace_back();
    } else {
      out.back() += c;
    }
  }
  return out;
}

bool contains(const std::string& text, const char* pattern) {
  return std::regex_search(text, std::regex(pattern, std::regex::ECMAScript | std::regex::icase));
}

// The rate of one port or of all, in bytes per second.
std::optional<double> rate(const std::string& phrase) {
  static const std::regex stated(R"((\d+(?:\.\d+)?)\s*([GT])(B/s|Bps|b/s|bps|bit/s|bE|b\b|ps\b|\b))");
  std::smatch found;
  if (std::regex_search(phrase, found, stated)) {
    const double scale = found[2].str() == "T" ? 1e12 : 1e9;
    const bool bytes = found[3].str() == "B/s" || found[3].str() == "Bps";
    return std::strtod(found[1].str().c_str(), nullptr) * scale / (bytes ? 1.0 : bits_per_byte);
  }
  for (const Generation& generation : generations) {
    if (phrase.find(generation.word) != std::string::npos) return generation.gigabits * 1e9 / bits_per_byte;
  }
  return std::nullopt;
}

std::int64_t port_count(const std::string& phrase) {
  static const std::regex stated(R"((?:^|[^\d.])(\d{1,3})\s*[xX]\s*[A-Za-z0-9])");
  std::smatch found;
  return std::regex_search(phrase, found, stated) ? std::strtol(found[1].str().c_str(), nullptr, 10) : 0;
}

}  // namespace

std::optional<StatedNetwork> stated_network(const std::string& text, std::int64_t gpus_per_node) {
  std::optional<StatedNetwork> best;
  for (const std::string& phrase : phrases(text)) {
    const bool elsewhere = contains(phrase, "storage|management|in-band|out-of-band") && !contains(phrase, "compute");
    if (elsewhere || contains(phrase, "pcie|nvlink|nvswitch|aggregated")) continue;
    const std::optional<double> bandwidth = rate(phrase);
    if (!bandwidth || *bandwidth <= 0.0) continue;
    const std::int64_t nics = port_count(phrase);
    StatedNetwork network;
    network.nics = nics;
    if (contains(phrase, "per gpu|/gpu|a gpu")) {
      network.per_node = BytesPerSecond{*bandwidth * static_cast<double>(gpus_per_node)};
      network.nics = 0;
    } else if (nics > 0) {
      network.per_node = BytesPerSecond{*bandwidth * static_cast<double>(nics)};
    } else if (contains(phrase, "per node|/node|a node|per host|per server")) {
      network.per_node = BytesPerSecond{*bandwidth};
    } else {
      continue;
    }
    if (!best || network.per_node > best->per_node) best = network;
  }
  return best;
}

}  // namespace lockstep
