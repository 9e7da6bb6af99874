// What nccl-tests writes with -J: documents of version 1 to 3, whose keys moved between the versions.
#include <fmt/format.h>
#include <nlohmann/json.hpp>

#include <algorithm>

#include "validate/nccl_log_line.hpp"
#include "validate/nccl_log_parts.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::json;

constexpr double microsecond = 1e-6;
constexpr double gigabyte = 1e9;
constexpr std::size_t most_diagnostics = 100;

// Numbers are written as numbers or as strings, booleans and the root as strings.
std::optional<double> number_of(const Json& value) {
  if (value.is_number()) return value.get<double>();
  return value.is_string() ? decimal_number(value.get_ref<const std::string&>()) : std::nullopt;
}

std::string text_of(const Json& value) {
  if (value.is_string()) return value.get<std::string>();
  return value.is_null() ? std::string{} : value.dump(-1, ' ', false, Json::error_handler_t::replace);
}

class JsonReader {
 public:
  explicit JsonReader(std::shared_ptr<const SourceText> source) { log_.source = std::move(source); }

  NcclLog read() {
    Json document;
    try {
      document = Json::parse(log_.source->text());
    } catch (const Json::parse_error& error) {
      fail(error.byte, error.what());
    } catch (const Json::exception& error) {   // a number beyond the range of double
      fail(0, error.what());
    }
    const Json* results = find(document, "results");
    if (results == nullptr || !results->is_array()) {
      report("results", "there is no list 'results'", "expected what nccl-tests writes with -J");
    } else {
      read_document(document, *results);
    }
    if (!problems_.empty()) throw InputError(std::move(problems_));
    check_times(log_);
    return std::move(log_);
  }

 private:
  static const Json* find(const Json& map, const char* key) {
    if (!map.is_object()) return nullptr;
    const auto found = map.find(key);
    return found == map.end() || found->is_null() ? nullptr : &*found;
  }

  // The message of the library names a line and column of its own; ours are better.
  [[noreturn]] void fail(std::size_t byte, const std::string& text) {
    const std::string& all = log_.source->text();
    const std::size_t at = std::min(byte > 0 ? byte - 1 : 0, all.size());
    const auto line = static_cast<std::size_t>(std::count(all.begin(), all.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
    const std::size_t start = at == 0 ? std::string::npos : all.rfind('\n', at - 1);
    const std::size_t colon = text.rfind(": ");
    throw InputError({diagnose({log_.source, line, start == std::string::npos ? at : at - start - 1, 1}, "E507",
                               "this is no JSON: " + (colon == std::string::npos ? text : text.substr(colon + 2)),
                               "was the file cut off? nccl-tests completes it when the program ends")});
  }

  void report(std::string path, const std::string& message, std::string hint) {
    if (problems_.size() >= most_diagnostics) return;
    Diagnostic diagnostic;
    diagnostic.code = "E507";
    diagnostic.file = log_.source->name();
    diagnostic.message = fmt::format("{}: {}", path, message);
    diagnostic.path = std::move(path);
    diagnostic.hint = std::move(hint);
    problems_.push_back(std::move(diagnostic));
  }

  void read_document(const Json& document, const Json& results) {
    NcclTable table;
    table.where = {log_.source, 0, 0, 1};
    if (const Json* arguments = find(document, "args"); arguments != nullptr && arguments->is_array() && !arguments->empty()) {
      table.program = program_in(text_of(arguments->front()));
      table.named_at = table.where;
    }
    if (const Json* version = find(document, "nccl_version")) {
      const std::string text = text_of(*version);
      const auto code = whole_number(text);
      log_.nccl_version = code ? nccl_version_of_code(*code) : text;
    }
    const Json* config = find(document, "config");
    const Json* devices = config == nullptr ? find(document, "devices") : find(*config, "devices");
    if (devices != nullptr && devices->is_array()) read_devices(*devices, table);
    for (std::size_t i = 0; i < results.size(); ++i) read_row(results[i], fmt::format("results[{}]", i), table);
    if (table.rows.empty() && problems_.empty()) report("results", "the list 'results' is empty", "did the program stop early?");
    log_.tables.push_back(std::move(table));
  }

  static void read_devices(const Json& devices, NcclTable& table) {
    for (const Json& one : devices) {
      const Json* rank = find(one, "rank");
      const std::optional<double> number = rank == nullptr ? std::nullopt : number_of(*rank);
      if (!number || *number < 0.0 || *number > 1e7) continue;
      NcclDevice device;
      device.rank = static_cast<std::int64_t>(*number);
      if (const Json* host = find(one, "hostname")) device.host = text_of(*host);
      if (const Json* name = find(one, "device_info")) device.name = text_of(*name);
      table.devices.push_back(std::move(device));
    }
  }

  void read_row(const Json& result, const std::string& path, NcclTable& table) {
    NcclRow row;
    const std::optional<std::int64_t> size = count(result, "size", path);
    if (!size) return;
    row.size_bytes = *size;
    if (find(result, "count") != nullptr) row.count = count(result, "count", path).value_or(0);
    if (const Json* type = find(result, "type")) row.type = text_of(*type);
    if (const Json* redop = find(result, "redop")) row.redop = text_of(*redop);
    if (const Json* root = find(result, "root")) row.root = whole_number(text_of(*root));
    read_side(result, "out_of_place", path, row.out_of_place, table);
    read_side(result, "in_place", path, row.in_place, table);
    table.rows.push_back(std::move(row));
  }

  std::optional<std::int64_t> count(const Json& result, const char* key, const std::string& path) {
    const Json* value = find(result, key);
    const std::optional<double> number = value == nullptr ? std::nullopt : number_of(*value);
    if (number && *number >= 0.0 && *number < 9e15) return static_cast<std::int64_t>(*number);
    report(path + "." + key, fmt::format("'{}' is no whole number", key), "bytes or elements, 0 or more");
    return std::nullopt;
  }

  // Null where this side was not measured.
  void read_side(const Json& result, const char* key, const std::string& path, NcclTiming& side, NcclTable& table) {
    const Json* timing = find(result, key);
    if (timing == nullptr) return;
    const std::string where = path + "." + key;
    const Json* time = find(*timing, "time");
    if (time == nullptr && find(*timing, "cpu_time") != nullptr) table.cpu_time = true;
    if (time == nullptr && !table.cpu_time) return report(where + ".time", "there is no 'time'", "microseconds");
    if (time != nullptr) side.time = scaled(*time, microsecond, where + ".time");
    const auto bandwidth = [&](const char* name) {
      const Json* value = find(*timing, name);
      return value == nullptr ? std::nullopt : scaled(*value, gigabyte, where + "." + name);
    };
    side.algorithm_bandwidth = bandwidth("alg_bw");
    side.bus_bandwidth = bandwidth("bus_bw");
    side.bandwidth_step = printed_digits * gigabyte;
    if (const Json* wrong = find(*timing, "nwrong")) side.wrong = text_of(*wrong);
  }

  std::optional<double> scaled(const Json& value, double unit, const std::string& path) {
    if (value.is_string() && is_not_available(value.get_ref<const std::string&>())) return std::nullopt;
    const std::optional<double> number = number_of(value);
    if (number && *number >= 0.0) return *number * unit;
    report(path, "this is no number of at least 0", "a number, or null where nothing was measured");
    return std::nullopt;
  }

  static constexpr double printed_digits = 0.01;   // as in the table; what is written with more is only better

  NcclLog log_;
  std::vector<Diagnostic> problems_;
};

}  // namespace

NcclLog parse_nccl_json(std::shared_ptr<const SourceText> source) { return JsonReader(std::move(source)).read(); }

}  // namespace lockstep
