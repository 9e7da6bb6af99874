#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "scenarios/node.hpp"
#include "scenarios/utf8.hpp"
#include "validate/measure/measurement.hpp"
#include "validate/measure/measurement_fields.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::json;

constexpr std::size_t most_diagnostics = 100;
constexpr int most_nested = 32;
constexpr const char* version_key = "lockstep_measurement";
constexpr const char* writer_hint =
    "expected what lockstep-validate nccl, mpi, kernels or step writes with --output";

class Problems {
 public:
  explicit Problems(std::string file) : file_(std::move(file)) {}

  void add(const char* code, const std::string& path, const std::string& message,
           std::string hint = {}) {
    if (diagnostics_.size() >= most_diagnostics) return;
    Diagnostic diagnostic;
    diagnostic.code = code;
    diagnostic.file = file_;
    diagnostic.path = path;
    diagnostic.message = path.empty() ? message : fmt::format("{}: {}", path, message);
    diagnostic.hint = std::move(hint);
    diagnostics_.push_back(std::move(diagnostic));
  }
  void throw_if_any() {
    if (!diagnostics_.empty()) throw InputError(std::move(diagnostics_));
  }

 private:
  std::string file_;
  std::vector<Diagnostic> diagnostics_;
};

std::string kind_of(const Json& value) {
  if (value.is_object()) return "a map";
  if (value.is_array()) return "a list";
  if (value.is_string()) return fmt::format("'{}'", shortened(value.get_ref<const std::string&>()));
  return shortened(value.dump());
}

// "2026-11-23", of a month and day that can be.
bool is_date(const std::string& text) {
  if (text.size() != 10 || text[4] != '-' || text[7] != '-') return false;
  for (const std::size_t i : {0U, 1U, 2U, 3U, 5U, 6U, 8U, 9U})
    if (text[i] < '0' || text[i] > '9') return false;
  const int month = std::stoi(text.substr(5, 2));
  const int day = std::stoi(text.substr(8, 2));
  return month >= 1 && month <= 12 && day >= 1 && day <= 31;
}

// Reads the fields of one object; what is not asked for is unknown.
class Reader {
 public:
  Reader(const Json& map, std::string path, Problems& problems)
      : map_(map), path_(std::move(path)), problems_(problems) {}

  void text(const char* key, std::string& value) {
    const Json* found = of_kind(key, "text", [](const Json& json) { return json.is_string(); });
    if (found != nullptr) value = found->get<std::string>();
  }
  void date(const char* key, std::string& value) {
    text(key, value);
    if (!value.empty() && !is_date(value))
      problems_.add("E642", at(key), fmt::format("'{}' is no date", shortened(value)),
                    "year-month-day, such as 2026-11-23");
  }
  void flag(const char* key, bool& value) {
    const Json* found =
        of_kind(key, "true or false", [](const Json& json) { return json.is_boolean(); });
    if (found != nullptr) value = found->get<bool>();
  }
  void collective(const char* key, Collective& value) {
    std::string name;
    text(key, name);
    if (name.empty()) return;
    std::vector<std::string> names;
    for (const Collective one : all_collectives) {
      if (name == to_string(one)) {
        value = one;
        return;
      }
      names.emplace_back(to_string(one));
    }
    problems_.add("E641", at(key), fmt::format("there is no collective '{}'", shortened(name)),
                  fmt::format("one of {}", fmt::join(names, ", ")));
  }
  void texts(const char* key, std::vector<std::string>& values) {
    each(key, [&](const Json& item, const std::string& path) {
      if (item.is_string())
        values.push_back(item.get<std::string>());
      else
        wrong_kind(path, "text", item);
    });
  }
  void whole(const char* key, std::int64_t& value, std::int64_t least) {
    const Json* found = present(key);
    if (found == nullptr) return;
    if (!found->is_number_integer()) return wrong_kind(at(key), "a whole number", *found);
    const bool too_large =
        found->is_number_unsigned() && found->get<std::uint64_t>() > std::uint64_t{INT64_MAX};
    if (!too_large && found->get<std::int64_t>() >= least) {
      value = found->get<std::int64_t>();
      return;
    }
    failed_ = true;
    problems_.add("E642", at(key), fmt::format("{} cannot be", found->dump()),
                  fmt::format("a whole number from {} on", least));
  }
  void whole(const char* key, std::optional<std::int64_t>& value, std::int64_t least) {
    if (is_null(key)) return;
    std::int64_t read = least;
    whole(key, read, least);
    value = read;
  }
  void number(const char* key, double& value, double least) {
    const Json* found = present(key);
    if (found != nullptr) read_number(*found, at(key), least, value);
  }
  void number(const char* key, std::optional<double>& value, double least) {
    if (is_null(key)) return;
    double read = 0;
    number(key, read, least);
    value = read;
  }
  void numbers(const char* key, std::vector<double>& values, double least) {
    each(key, [&](const Json& item, const std::string& path) {
      values.emplace_back();
      read_number(item, path, least, values.back());
    });
  }
  template <class Part>
  void object(const char* key, Part& part) {
    const Json* found = of_kind(key, "a map", [](const Json& json) { return json.is_object(); });
    if (found != nullptr) read(*found, at(key), problems_, part);
  }
  template <class Part>
  void object(const char* key, std::optional<Part>& part) {
    if (is_null(key)) return;
    object(key, part.emplace());
  }
  template <class Part>
  void list(const char* key, std::vector<Part>& parts) {
    each(key, [&](const Json& item, const std::string& path) {
      if (item.is_object())
        read(item, path, problems_, parts.emplace_back());
      else
        wrong_kind(path, "a map", item);
    });
  }
  // Only where every key of the object was as it should be.
  void check(bool holds, const char* key, const char* message) {
    if (!holds && !failed_) problems_.add("E642", at(key), message);
  }

  template <class Part>
  static void read(const Json& map, const std::string& path, Problems& problems, Part& part) {
    Reader reader(map, path, problems);
    if (path.empty()) reader.known_.emplace_back(version_key);
    measurement_fields::describe(reader, part);
    reader.report_unknown();
  }

 private:
  [[nodiscard]] std::string at(const std::string& key) const {
    return path_.empty() ? key : path_ + '.' + key;
  }

  void wrong_kind(const std::string& path, const char* wanted, const Json& found) {
    failed_ = true;
    problems_.add("E641", path, fmt::format("{} is not {}", kind_of(found), wanted));
  }

  // The value; null where the key is missing, which is reported.
  const Json* present(const char* key) {
    known_.emplace_back(key);
    const auto found = map_.find(key);
    if (found != map_.end()) return &*found;
    failed_ = true;
    problems_.add("E641", path_, fmt::format("the key '{}' is missing", key), writer_hint);
    return nullptr;
  }

  bool is_null(const char* key) {
    const auto found = map_.find(key);
    if (found == map_.end() || !found->is_null()) return false;
    known_.emplace_back(key);
    return true;
  }

  template <class Is>
  const Json* of_kind(const char* key, const char* wanted, Is is) {
    const Json* found = present(key);
    if (found == nullptr || is(*found)) return found;
    wrong_kind(at(key), wanted, *found);
    return nullptr;
  }

  template <class Take>
  void each(const char* key, Take take) {
    const Json* found = of_kind(key, "a list", [](const Json& json) { return json.is_array(); });
    if (found == nullptr) return;
    for (std::size_t i = 0; i < found->size(); ++i)
      take((*found)[i], fmt::format("{}[{}]", at(key), i));
  }

  void read_number(const Json& found, const std::string& path, double least, double& value) {
    if (!found.is_number()) return wrong_kind(path, "a number", found);
    value = found.get<double>();
    if (value >= least) return;
    failed_ = true;
    problems_.add("E642", path, fmt::format("{} cannot be", found.dump()),
                  fmt::format("a number from {:g} on", least));
  }

  void report_unknown() {
    for (const auto& [key, value] : map_.items()) {
      if (std::find(known_.begin(), known_.end(), key) != known_.end()) continue;
      const std::string near = nearest_name(key, known_);
      problems_.add("E641", path_, fmt::format("there is no key '{}'", shortened(key)),
                    near.empty() ? fmt::format("the keys: {}", fmt::join(known_, ", "))
                                 : fmt::format("did you mean {}?", near));
    }
  }

  const Json& map_;
  std::string path_;
  Problems& problems_;
  std::vector<std::string> known_;
  bool failed_ = false;
};

// What the library's parser lets pass: a key that is given twice, lists nested by the thousand.
class Syntax {
 public:
  bool operator()(int depth, Json::parse_event_t event, const Json& parsed) {
    if (depth > most_nested) too_deep_ = true;
    if (event == Json::parse_event_t::object_start) keys_.emplace_back();
    if (event == Json::parse_event_t::object_end && !keys_.empty()) keys_.pop_back();
    if (event == Json::parse_event_t::key && !keys_.empty()) {
      const auto& key = parsed.get_ref<const std::string&>();
      if (!keys_.back().insert(key).second && twice_.empty()) twice_ = key;
    }
    return !too_deep_;
  }
  void report(Problems& problems) const {
    if (too_deep_)
      problems.add("E640", "",
                   fmt::format("lists and maps are nested more than {} deep", most_nested),
                   writer_hint);
    if (!twice_.empty())
      problems.add("E641", "",
                   fmt::format("the key '{}' is given twice in one map", shortened(twice_)),
                   "remove one of them");
  }

 private:
  std::vector<std::set<std::string>> keys_;  // of the maps that are open
  std::string twice_;
  bool too_deep_ = false;
};

// What the library says without its own name of the error and its own line and column: ours are
// better. "[json.exception.parse_error.101] parse error at line 1, column 1: …".
std::string without_place(const std::string& text) {
  const std::size_t bracket = text.find("] ");
  std::string message = bracket == std::string::npos ? text : text.substr(bracket + 2);
  const std::size_t colon = message.find(": ");
  if (message.rfind("parse error", 0) == 0 && colon != std::string::npos)
    message = message.substr(colon + 2);
  return message;
}

[[noreturn]] void fail(const std::shared_ptr<const SourceText>& source, std::size_t byte,
                       const std::string& text) {
  const std::string& all = source->text();
  const std::size_t at = std::min(byte > 0 ? byte - 1 : 0, all.size());
  const auto line = static_cast<std::size_t>(
      std::count(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
  const std::size_t before = at == 0 ? std::string::npos : all.rfind('\n', at - 1);
  const std::size_t column = before == std::string::npos ? at : at - before - 1;
  throw InputError({diagnose({source, line, column, 1}, "E640",
                             "this is no JSON: " + without_place(text), "was the file cut off?")});
}

Json parse_json(const std::shared_ptr<const SourceText>& source, Problems& problems) {
  Syntax syntax;
  Json json;
  try {
    json = Json::parse(source->text(), [&](int depth, Json::parse_event_t event, Json& parsed) {
      return syntax(depth, event, parsed);
    });
  } catch (const Json::parse_error& error) {
    fail(source, error.byte, error.what());
  } catch (const Json::exception& error) {  // a number beyond the range of double
    fail(source, 0, error.what());
  }
  syntax.report(problems);
  problems.throw_if_any();
  return json;
}

void check_version(const Json& json, Problems& problems) {
  if (!json.is_object() || json.find(version_key) == json.end()) {
    problems.add("E640", "", fmt::format("there is no key '{}'", version_key), writer_hint);
  } else if (json[version_key] != measurement_version) {
    problems.add(
        "E640", version_key,
        fmt::format("{} is a version that this program does not read", kind_of(json[version_key])),
        fmt::format("it reads version {}", measurement_version));
  }
  problems.throw_if_any();
}

}  // namespace

bool looks_like_measurement(const std::string& text) {
  const std::size_t first = text.find_first_not_of(" \t\r\n\xEF\xBB\xBF");
  return first != std::string::npos && text[first] == '{' &&
         text.find(fmt::format("\"{}\"", version_key)) != std::string::npos;
}

Measurement parse_measurement(const std::string& text, const std::string& file_name) {
  const auto source = std::make_shared<const SourceText>(file_name, text, Origin::scenario);
  Problems problems(source->name());
  const Json json = parse_json(source, problems);
  check_version(json, problems);
  Measurement measurement;
  Reader::read(json, "", problems, measurement);
  problems.throw_if_any();
  return measurement;
}

}  // namespace lockstep
