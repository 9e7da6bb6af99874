#include "sim/cli/scenario_list.hpp"

#include <fmt/format.h>

#include <algorithm>

#include <nlohmann/json.hpp>

#include "scenarios/fields/scenario_file.hpp"
#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"

namespace lockstep::cli {

namespace {

constexpr std::size_t text_width = 100;
// Names are padded to the longest of them, but to no more than this: questions need room too.
constexpr std::size_t widest_name = 40;

std::string counted(std::size_t number, const char* one) {
  return fmt::format("{} {}{}", number, one, number == 1 ? "" : "s");
}

std::string numbers(const std::vector<std::int64_t>& all, const char* between) {
  return fmt::format("{}", fmt::join(all, between));
}

std::string file_of(const LibraryEntry& entry) { return entry.name + ".yaml"; }

// The first problem in one line: where it is, and what. It may be in an entry of the catalog that the file names.
std::string why_broken(const LibraryEntry& entry) {
  const Diagnostic& first = entry.problems.front();
  const std::string file = std::filesystem::path(first.file).filename().string();
  const std::string of_other = file == file_of(entry) ? "" : " of " + file;
  const std::string where = first.line > 0 ? fmt::format("line {}{}: ", first.line, of_other) : "";
  const std::size_t more = entry.problems.size() - 1;
  return printable(fmt::format("cannot be read: {}{}{}", where, first.message,
                               more == 0 ? "" : fmt::format("; and {}", counted(more, "more error"))));
}

// "8 GPUs", "256 or 1024 GPUs", "8 to 256 GPUs".
std::string gpus_of(const LibraryEntry& entry) {
  const std::vector<std::int64_t>& all = entry.gpus;
  if (all.size() == 1) return fmt::format("{} {}", all.front(), all.front() == 1 ? "GPU" : "GPUs");
  return fmt::format("{} {} {} GPUs", all.front(), all.size() == 2 ? "or" : "to", all.back());
}

std::string facts(const LibraryEntry& entry) {
  std::vector<std::string> parts{unbroken(printable(entry.model))};
  parts.push_back(unbroken(gpus_of(entry)) + unbroken(" of ") +
                  printable(fmt::format("{}", fmt::join(entry.systems, ", "))));
  if (entry.plans > 0) parts.push_back(unbroken(counted(entry.plans, "plan")));
  if (entry.searched) parts.push_back("a search");
  return fmt::format("{}", fmt::join(parts, " · "));
}

// A number stays on the line of its unit: "500 W", "128 k", "400 Gb/s".
std::string with_units_kept(const std::string& text) {
  constexpr std::size_t longest_unit = 2;
  std::string result;
  bool after_number = false;
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(' ', begin), text.size());
    const std::string word = text.substr(begin, end - begin);
    const std::size_t letters = word.find_first_of(".,;:?!");
    const bool unit = std::min(letters, word.size()) <= longest_unit || word.find('/') != std::string::npos;
    if (begin > 0) result += after_number && unit ? unbroken(" ") : " ";
    result += word;
    after_number = !word.empty() && word.find_first_not_of("0123456789,.") == std::string::npos;
    begin = end + 1;
  }
  return result;
}

std::string row(const LibraryEntry& entry, std::size_t name_width) {
  const std::string margin(name_width + 4, ' ');
  const std::string name = "  " + printable(entry.name);
  std::string text = wrap(with_units_kept(printable(entry.question.empty() ? entry.title : entry.question)), text_width,
                          margin, margin);
  if (text.size() <= margin.size()) text = margin + printable(entry.name);  // a title of spaces
  const bool beside = display_width(name) + 2 <= margin.size();
  text = beside ? pad_right(name, margin.size()) + text.substr(margin.size()) : name + '\n' + text;
  const std::string below = entry.problems.empty() ? facts(entry) : why_broken(entry);
  return text + '\n' + wrap(below, text_width, margin, margin) + '\n';
}

std::string joined_name(const std::filesystem::path& folder) { return printable((folder / "NAME.yaml").string()); }

std::string error_of(const LibraryEntry& entry) {
  const Diagnostic& first = entry.problems.front();
  return fmt::format("{}:{}:{}: error[{}]: {}", std::filesystem::path(first.file).filename().string(), first.line,
                     first.column, first.code, first.message);
}

std::string quoted(const std::string& text) {
  std::string result = "\"";
  for (const char c : text) result += c == '"' ? "\"\"" : std::string(1, c);
  return result + '"';
}

}  // namespace

std::string scenario_summary(const LibraryEntry& entry) {
  if (!entry.problems.empty()) return why_broken(entry);
  return entry.question.empty() ? entry.title : entry.question;
}

std::string scenarios_text(const std::vector<LibraryEntry>& library, const std::filesystem::path& folder) {
  std::size_t name_width = 0;
  for (const LibraryEntry& entry : library) {
    name_width = std::max(name_width, std::min(widest_name, display_width(printable(entry.name))));
  }
  std::string text = wrap(fmt::format("{} with a question each. To answer one: {}", counted(library.size(), "scenario"),
                                      unbroken("lockstep compare " + joined_name(folder))),
                          text_width, "", "  ") +
                     "\nWhat to look at, and what there is to learn, stands at the top of each file.\n";
  const auto section = [&](const std::string& heading, ScenarioGroup group) {
    std::string rows;
    for (const LibraryEntry& entry : library) {
      if (entry.group == group) rows += row(entry, name_width);
    }
    if (!rows.empty()) text += '\n' + heading + '\n' + rows;
  };
  for (const Choice& group : scenario_groups()) {
    section(fmt::format("{}: {}", group.name, group.doc), static_cast<ScenarioGroup>(group.value));
  }
  section("without a group", ScenarioGroup::none);
  return text;
}

nlohmann::ordered_json scenarios_json(const std::vector<LibraryEntry>& library) {
  using Json = nlohmann::ordered_json;
  Json all = Json::array();
  for (const LibraryEntry& entry : library) {
    all.push_back({{"name", entry.name},
                   {"file", file_of(entry)},
                   {"title", entry.title},
                   {"group", entry.group == ScenarioGroup::none ? Json(nullptr) : Json(to_string(entry.group))},
                   {"question", entry.question.empty() ? Json(nullptr) : Json(entry.question)},
                   {"model", entry.model},
                   {"systems", entry.systems},
                   {"gpus", entry.gpus},
                   {"plans", entry.plans},
                   {"search", entry.searched},
                   {"error", entry.problems.empty() ? Json(nullptr) : Json(error_of(entry))}});
  }
  return all;
}

std::string scenarios_csv(const std::vector<LibraryEntry>& library) {
  std::string text = "group,name,question,model,systems,gpus,plans,search,error\n";
  for (const LibraryEntry& entry : library) {
    text += fmt::format("{},{},{},{},{},{},{},{},{}\n", to_string(entry.group), quoted(printable(entry.name)),
                        quoted(printable(entry.question)), quoted(printable(entry.model)),
                        quoted(printable(fmt::format("{}", fmt::join(entry.systems, " ")))), numbers(entry.gpus, " "), entry.plans, entry.searched,
                        entry.problems.empty() ? "" : quoted(printable(error_of(entry))));
  }
  return text;
}

std::string scenario_problems(const std::vector<LibraryEntry>& library) {
  std::string text;
  for (const LibraryEntry& entry : library) text += render(entry.problems);
  return text;
}

}  // namespace lockstep::cli
