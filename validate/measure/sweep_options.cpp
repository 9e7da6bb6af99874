#include "validate/measure/sweep_options.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>

#include "scenarios/diagnostics.hpp"
#include "scenarios/utf8.hpp"
#include "validate/nccl_log_line.hpp"

namespace lockstep::validation {
namespace {

constexpr std::int64_t largest_size = std::int64_t{1} << 50;

// "8", "64K", "1M", "16G" as nccl-tests reads them, powers of 1024; 0 where it is none.
std::int64_t size_in(std::string text) {
  if (text.empty()) return 0;
  constexpr std::string_view units = "KMGT";
  std::int64_t unit = 1;
  const auto power =
      units.find(static_cast<char>(std::toupper(static_cast<unsigned char>(text.back()))));
  if (power != std::string_view::npos) {
    unit = std::int64_t{1} << (10 * (power + 1));
    text.pop_back();
  }
  const std::int64_t number = whole_number(text).value_or(0);
  return number >= 1 && number <= largest_size / unit ? number * unit : 0;
}

std::string size_text(std::int64_t bytes) {
  for (const auto& [power, unit] : {std::pair{30, 'G'}, std::pair{20, 'M'}, std::pair{10, 'K'}})
    if (bytes % (std::int64_t{1} << power) == 0) return fmt::format("{}{}", bytes >> power, unit);
  return fmt::format("{}", bytes);
}

std::int64_t size_of(const Arguments& arguments, const char* option, const std::string& otherwise) {
  const std::string text = arguments.value(option, otherwise);
  const std::int64_t size = size_in(text);
  if (size > 0) return size;
  throw UsageError(fmt::format("--{} is '{}'", option, printable(text)),
                   "bytes, or a number with K, M, G or T: 8, 64K, 16G");
}

// A number within limits, of which the lower one is not allowed itself.
double number_of(const Arguments& arguments, const char* option, double otherwise, double above,
                 double most) {
  const std::string text = arguments.value(option);
  if (text.empty()) return otherwise;
  const bool percent = text.back() == '%';
  const std::optional<double> value =
      decimal_number(text.substr(0, text.size() - (percent ? 1 : 0)));
  const double number = value.value_or(above) * (percent ? 0.01 : 1.0);
  if (number > above && number <= most) return number;
  throw UsageError(fmt::format("--{} is '{}'", option, printable(text)),
                   fmt::format("a number above {:g}, at most {:g}", above, most));
}

std::vector<std::string> items_of(const std::string& list) {
  std::vector<std::string> items;
  std::size_t begin = 0;
  while (begin <= list.size()) {
    const std::size_t end = std::min(list.find(',', begin), list.size());
    items.push_back(list.substr(begin, end - begin));
    begin = end + 1;
  }
  return items;
}

Collective collective_of(const std::string& given) {
  std::string name = given;
  if (name == "alltoall") name = "all_to_all";
  if (name == "sendrecv") name = "send_recv";
  std::vector<std::string> names;
  for (const Collective one : all_collectives) {
    if (name == to_string(one)) return one;
    names.emplace_back(to_string(one));
  }
  const std::string near = nearest_name(name, names);
  throw UsageError(fmt::format("there is no collective '{}'", printable(given)),
                   near.empty() ? fmt::format("all, or some of {}", fmt::join(names, ","))
                                : fmt::format("did you mean {}?", near));
}

}  // namespace

std::vector<Option> sweep_options(const std::string& default_largest) {
  return {
      {"collectives",
       "LIST",
       "what is measured: all (default), or names between commas",
       {},
       false,
       'c'},
      {"smallest", "SIZE", "the first size of a sweep: bytes, or with K, M, G (default: 8)", {}},
      {"largest", "SIZE", fmt::format("the last size (default: {})", default_largest), {}},
      {"factor", "X", "from a size to the next (default: 2)", {}},
      {"groups",
       "LIST",
       "who communicates: world (default), blocks:N (neighbours), every:N (ranks N apart), rails; "
       "with + all such groups at once: world,blocks:2,blocks:2+",
       {}},
      {"interval",
       "X",
       "a size is repeated until the 90 % interval of its median is this narrow (default: 2%)",
       {}},
      {"seconds", "X", "but no longer than this (default: 2)", {}},
  };
}

SweepOptions sweep_of(const Arguments& arguments, const std::string& default_largest,
                      std::int64_t most_bytes) {
  SweepOptions options;
  options.smallest_bytes = size_of(arguments, "smallest", "8");
  options.largest_bytes = size_of(arguments, "largest", default_largest);
  if (options.largest_bytes > most_bytes)
    throw UsageError(fmt::format("--largest is {}", printable(arguments.value("largest"))),
                     fmt::format("{} at most", size_text(most_bytes)));
  if (options.smallest_bytes > options.largest_bytes)
    throw UsageError(fmt::format("--smallest {} is larger than --largest {}",
                                 size_text(options.smallest_bytes),
                                 size_text(options.largest_bytes)));
  options.factor = number_of(arguments, "factor", options.factor, 1.05, 1024.0);
  options.interval = number_of(arguments, "interval", options.interval, 0.0, 1.0);
  options.most_seconds = number_of(arguments, "seconds", options.most_seconds, 0.0, 3600.0);
  return options;
}

std::vector<Collective> collectives_of(const Arguments& arguments) {
  const std::string text = arguments.value("collectives", "all");
  if (text == "all") return {all_collectives.begin(), all_collectives.end()};
  std::vector<Collective> out;
  for (const std::string& name : items_of(text)) {
    const Collective collective = collective_of(name);
    if (std::find(out.begin(), out.end(), collective) == out.end()) out.push_back(collective);
  }
  return out;
}

std::vector<RankGroups> groups_of(const Arguments& arguments, std::int64_t ranks,
                                  std::int64_t ranks_per_node) {
  std::vector<RankGroups> out;
  for (const std::string& words : items_of(arguments.value("groups", "world")))
    out.push_back(rank_groups(words, ranks, ranks_per_node));
  return out;
}

}  // namespace lockstep::validation
