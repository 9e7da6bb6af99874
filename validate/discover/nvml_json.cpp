#include "validate/discover/nvml_json.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <memory>
#include <nlohmann/json.hpp>
#include <utility>

#include "scenarios/diagnostics.hpp"
#include "scenarios/node.hpp"
#include "scenarios/text_check.hpp"
#include "scenarios/utf8.hpp"

namespace lockstep {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::int64_t most = std::int64_t{1} << 50;
constexpr const char* written_by = "the file is as `lockstep-validate discover --record` wrote it?";
constexpr const char* version_key = "lockstep_nvml";

const char* to_text(NvlinkEnd end) {
  switch (end) {
    case NvlinkEnd::gpu:
      return "gpu";
    case NvlinkEnd::nvswitch:
      return "nvswitch";
    case NvlinkEnd::cpu:
      return "cpu";
    default:
      return "unknown";
  }
}

// One map of the file: every key is asked for once, what is left over is unknown.
class Fields {
 public:
  Fields(const Json& map, std::string path, const std::string& file,
         std::vector<Diagnostic>& problems)
      : map_(map), path_(std::move(path)), file_(file), problems_(problems) {
    if (!map.is_object()) report("E651", path_.empty() ? "the file" : path_, "must be a map");
  }
  Fields(const Fields&) = delete;
  Fields& operator=(const Fields&) = delete;
  ~Fields() {
    if (!map_.is_object()) return;
    for (const auto& [key, value] : map_.items()) {
      if (std::find(known_.begin(), known_.end(), key) == known_.end())
        report("E651", child(shortened(key)), "is not known");
    }
  }

  void text(const char* key, std::string& value) {
    if (const Json* found = find(key, &Json::is_string, "a text"))
      value = printable(found->get<std::string>());
  }
  void flag(const char* key, bool& value) {
    if (const Json* found = find(key, &Json::is_boolean, "true or false"))
      value = found->get<bool>();
  }
  void optional_flag(const char* key, std::optional<bool>& value) {
    known_.emplace_back(key);
    if (map_.is_object() && map_.contains(key) && map_[key].is_null()) return;
    bool given = false;
    const std::size_t before = problems_.size();
    flag(key, given);
    if (problems_.size() == before) value = given;
  }
  void count(const char* key, std::int64_t& value, std::int64_t high) {
    const Json* found = find(key, &Json::is_number_integer, "a whole number");
    if (found == nullptr) return;
    const bool large = found->is_number_unsigned() &&
                       found->get<std::uint64_t>() > static_cast<std::uint64_t>(high);
    const std::int64_t given = large ? -1 : found->get<std::int64_t>();
    if (given < 0 || given > high)
      return report("E652", child(key),
                    fmt::format("cannot be {}: a whole number from 0 to {}", found->dump(), high));
    value = given;
  }
  void number(const char* key, double& value, double high) {
    const Json* found = find(key, &Json::is_number, "a number");
    if (found == nullptr) return;
    const auto given = found->get<double>();
    if (!(given >= 0.0 && given <= high))
      return report("E652", child(key),
                    fmt::format("cannot be {}: a number from 0 to {:g}", found->dump(), high));
    value = given;
  }
  void texts(const char* key, std::vector<std::string>& values) {
    const Json* found = find(key, &Json::is_array, "a list");
    if (found == nullptr) return;
    for (const Json& item : *found) {
      if (item.is_string()) {
        values.push_back(printable(item.get<std::string>()));
      } else {
        report("E651", child(key), "must be a list of texts");
      }
    }
  }
  template <class Item, class Read>
  void list(const char* key, std::vector<Item>& items, std::size_t longest, Read read) {
    const Json* found = find(key, &Json::is_array, "a list");
    if (found == nullptr) return;
    if (found->size() > longest)
      return report("E652", child(key),
                    fmt::format("has {} items, at most {} are possible", found->size(), longest));
    for (std::size_t i = 0; i < found->size(); ++i) {
      Fields fields((*found)[i], fmt::format("{}[{}]", child(key), i), file_, problems_);
      read(fields, items.emplace_back());
    }
  }
  void wrong(const char* key, const std::string& message) { report("E652", child(key), message); }

 private:
  const Json* find(const char* key, bool (Json::*is_kind)() const noexcept, const char* kind) {
    known_.emplace_back(key);
    if (!map_.is_object()) return nullptr;
    const auto found = map_.find(key);
    if (found == map_.end()) {
      report("E651", child(key), "is missing");
      return nullptr;
    }
    if (((*found).*is_kind)()) return &*found;
    report("E651", child(key), fmt::format("must be {}, not {}", kind, found->type_name()));
    return nullptr;
  }

  [[nodiscard]] std::string child(const std::string& key) const {
    return path_.empty() ? key : path_ + "." + key;
  }

  void report(const char* code, const std::string& path, const std::string& message) {
    Diagnostic diagnostic;
    diagnostic.code = code;
    diagnostic.file = file_;
    diagnostic.path = path;
    diagnostic.message = fmt::format("{} {}", path, message);
    diagnostic.hint = written_by;
    problems_.push_back(std::move(diagnostic));
  }

  const Json& map_;
  std::string path_;
  const std::string& file_;
  std::vector<Diagnostic>& problems_;
  std::vector<std::string> known_;
};

void read_link(Fields& fields, NvlinkFact& link) {
  fields.count("link", link.link, 1024);
  fields.flag("active", link.active);
  fields.count("version", link.version, 100);
  fields.text("remote_bus_id", link.remote_bus_id);
  std::string end;
  fields.text("to", end);
  for (const NvlinkEnd known :
       {NvlinkEnd::unknown, NvlinkEnd::gpu, NvlinkEnd::nvswitch, NvlinkEnd::cpu}) {
    if (end == to_text(known)) {
      link.to = known;
      return;
    }
  }
  if (!end.empty())
    fields.wrong("to",
                 fmt::format("cannot be '{}': one of gpu, nvswitch, cpu, unknown", shortened(end)));
}

void read_gpu(Fields& fields, GpuFact& gpu) {
  fields.count("index", gpu.index, 4096);
  fields.text("name", gpu.name);
  fields.text("bus_id", gpu.bus_id);
  gpu.bus_id = plain_bus_id(gpu.bus_id);
  fields.count("memory_bytes", gpu.memory_bytes, most);
  fields.number("power_limit_w", gpu.power_limit_w, 1e5);
  std::int64_t capability = 0;
  fields.count("compute_capability", capability, 999);
  gpu.compute_capability = static_cast<int>(capability);
  fields.count("cores", gpu.cores, most);
  fields.count("memory_bus_bits", gpu.memory_bus_bits, 1'000'000);
  fields.count("memory_clock_mhz", gpu.memory_clock_mhz, 1'000'000);
  fields.count("pcie_generation", gpu.pcie_generation, 10);
  fields.count("pcie_width", gpu.pcie_width, 64);
  fields.list("nvlinks", gpu.nvlinks, 256, read_link);
}

Json link_json(const NvlinkFact& link) {
  return {{"link", link.link},
          {"active", link.active},
          {"version", link.version},
          {"to", to_text(link.to)},
          {"remote_bus_id", link.remote_bus_id}};
}

Json gpu_json(const GpuFact& gpu) {
  Json links = Json::array();
  for (const NvlinkFact& link : gpu.nvlinks) links.push_back(link_json(link));
  return {{"index", gpu.index},
          {"name", gpu.name},
          {"bus_id", gpu.bus_id},
          {"memory_bytes", gpu.memory_bytes},
          {"power_limit_w", gpu.power_limit_w},
          {"compute_capability", gpu.compute_capability},
          {"cores", gpu.cores},
          {"memory_bus_bits", gpu.memory_bus_bits},
          {"memory_clock_mhz", gpu.memory_clock_mhz},
          {"pcie_generation", gpu.pcie_generation},
          {"pcie_width", gpu.pcie_width},
          {"nvlinks", std::move(links)}};
}

Json parse(const std::string& text, const std::string& file_name) {
  const auto source = std::make_shared<const SourceText>(file_name, text, Origin::scenario);
  std::string reason;
  std::size_t at = 0;
  try {
    return Json::parse(source->text());
  } catch (const Json::parse_error& error) {
    reason = error.what();
    at = error.byte > 0 ? error.byte - 1 : 0;
  } catch (const Json::exception& error) {  // a number beyond the range of double
    reason = error.what();
  }
  const std::size_t colon = reason.rfind(": ");
  if (colon != std::string::npos) reason.erase(0, colon + 2);
  throw InputError(
      {diagnose(location_of_offset(source, std::min(at, source->text().size())), "E650",
                "this is no JSON: " + printable(reason), "was the file cut off?")});
}

}  // namespace

std::string nvml_json(const NvmlFacts& facts) {
  Json gpus = Json::array();
  for (const GpuFact& gpu : facts.gpus) gpus.push_back(gpu_json(gpu));
  Json json{{version_key, nvml_record_version},
            {"date", facts.date},
            {"driver", facts.driver},
            {"peer_to_peer", facts.peer_to_peer ? Json(*facts.peer_to_peer) : Json(nullptr)},
            {"gpus", std::move(gpus)},
            {"remarks", facts.remarks}};
  return json.dump(1, ' ', false, Json::error_handler_t::replace) + '\n';
}

NvmlFacts parse_nvml_json(const std::string& text, const std::string& file_name) {
  const Json json = parse(text, file_name);
  const bool versioned = json.is_object() && json.contains(version_key);
  if (!versioned || json[version_key] != nvml_record_version) {
    Diagnostic diagnostic;
    diagnostic.code = "E650";
    diagnostic.file = file_name;
    diagnostic.message = versioned ? fmt::format("version {} of a record of NVML is not known",
                                                 json[version_key].dump())
                                   : "this is no record of NVML: it lacks \"lockstep_nvml\": 1";
    diagnostic.hint = "`lockstep-validate discover --record DIR` writes nvml.json of version 1";
    throw InputError({std::move(diagnostic)});
  }
  NvmlFacts facts;
  std::vector<Diagnostic> problems;
  {
    Fields fields(json, "", file_name, problems);
    std::int64_t version = 0;
    fields.count(version_key, version, 1'000);
    fields.text("date", facts.date);
    fields.text("driver", facts.driver);
    fields.optional_flag("peer_to_peer", facts.peer_to_peer);
    fields.list("gpus", facts.gpus, 1024, read_gpu);
    fields.texts("remarks", facts.remarks);
  }
  if (!problems.empty()) throw InputError(std::move(problems));
  return facts;
}

}  // namespace lockstep
