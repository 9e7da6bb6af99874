#include "validate/discover/gather.hpp"

#include <fmt/format.h>

#include <fstream>
#include <iterator>
#include <system_error>

#include "scenarios/diagnostics.hpp"
#include "scenarios/yaml_reader.hpp"
#include "validate/discover/nccl_facts.hpp"
#include "validate/discover/nvml_json.hpp"
#include "validate/discover/nvml_library.hpp"
#include "validate/discover/system_files.hpp"
#include "validate/measure/failures.hpp"
#if LOCKSTEP_HAS_HWLOC
#include "validate/hwloc/host_topology.hpp"
#endif

namespace lockstep {
namespace {

namespace fs = std::filesystem;

// A recorded file as a text; nothing where there is none. Topologies of large hosts exceed what
// YAML files may have, so that they are read whole.
std::optional<std::string> text_of(const fs::path& file) {
  std::error_code error;
  if (!fs::exists(file, error)) return std::nullopt;
  std::ifstream stream(file, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>());
  return text;
}

[[noreturn]] void fail(const char* code, const fs::path& file, const std::string& message,
                       const std::string& hint) {
  Diagnostic diagnostic;
  diagnostic.code = code;
  diagnostic.file = file.string();
  diagnostic.message = message;
  diagnostic.hint = hint;
  throw InputError({std::move(diagnostic)});
}

void read_host_here(Gathered& gathered) {
#if LOCKSTEP_HAS_HWLOC
  const HostTopology topology = HostTopology::of_this_machine(read_system_nics("/"));
  gathered.facts.host = topology.facts();
  gathered.hwloc_xml = topology.xml();
#else
  gathered.facts.host = read_system_files("/");
#endif
}

void read_host_of(const std::string& xml, const fs::path& file, Gathered& gathered) {
#if LOCKSTEP_HAS_HWLOC
  gathered.facts.host = HostTopology::of_xml(xml, file.string()).facts();
#else
  gathered.facts.host.remarks.push_back(
      fmt::format("built without hwloc: {} was not read", file.string()));
#endif
  gathered.hwloc_xml = xml;
}

}  // namespace

Gathered gather_here(const std::string& libraries, const std::string& date) {
  Gathered gathered;
  read_host_here(gathered);
  try {
    gathered.facts.nvml = read_nvml(libraries, date);
    gathered.nvml_read = true;
    if (gathered.facts.nvml.gpus.empty()) gathered.no_gpus = "the NVIDIA driver lists none";
  } catch (const Unavailable& reason) {
    gathered.no_gpus = reason.what();
  }
  gathered.facts.nvml.date = date;
  if (!gathered.facts.nvml.gpus.empty()) gathered.facts.gpu_source = "NVML";
  return gathered;
}

Gathered gather_recorded(const fs::path& folder) {
  Gathered gathered;
  const std::optional<std::string> nvml = text_of(folder / nvml_file);
  const std::optional<std::string> hwloc = text_of(folder / hwloc_file);
  if (!nvml && !hwloc)
    fail("E656", folder, fmt::format("this folder has neither {} nor {}", nvml_file, hwloc_file),
         "`lockstep-validate discover --record DIR` writes both on the node");
  if (nvml) {
    gathered.facts.nvml = parse_nvml_json(*nvml, (folder / nvml_file).string());
    gathered.nvml_read = true;
    if (gathered.facts.nvml.gpus.empty())
      gathered.no_gpus = fmt::format("{} lists none", nvml_file);
  } else {
    gathered.no_gpus = fmt::format("the folder has no {}", nvml_file);
  }
  if (hwloc) read_host_of(*hwloc, folder / hwloc_file, gathered);
  if (!gathered.facts.nvml.gpus.empty()) gathered.facts.gpu_source = "NVML";
  return gathered;
}

void complete(Gathered& gathered, const std::string& nccl_topology) {
  NodeFacts& facts = gathered.facts;
  if (!nccl_topology.empty()) {
    std::vector<Diagnostic> problems;
    const std::optional<std::string> text =
        read_text_file(nccl_topology, Origin::scenario, problems);
    if (!text) throw InputError(std::move(problems));
    add_nccl_topology(*text, nccl_topology, facts);
    if (!facts.nvml.gpus.empty()) gathered.no_gpus.clear();
  }
  const auto add = [&](const std::vector<std::string>& remarks) {
    facts.remarks.insert(facts.remarks.end(), remarks.begin(), remarks.end());
  };
  add(facts.nvml.remarks);
  add(facts.host.remarks);
  add(cross_checks(facts));
  const std::size_t seen = facts.host.nvidia_gpus.size();
  if (facts.nvml.gpus.empty() && seen > 0)
    facts.remarks.push_back(fmt::format(
        "PCIe shows {} NVIDIA GPU{} that no driver tells about: is the driver installed and "
        "loaded, and may this process use it?",
        seen, seen == 1 ? "" : "s"));
}

std::vector<std::string> record(const Gathered& gathered, const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  std::vector<std::string> names;
  const auto write = [&](const char* name, const std::string& text) {
    std::ofstream stream(folder / name, std::ios::binary);
    stream << text;
    stream.close();
    if (!stream)
      fail("E657", folder / name, "this file cannot be written",
           "does the folder exist, and may you write there?");
    names.emplace_back(name);
  };
  if (gathered.nvml_read) write(nvml_file, nvml_json(gathered.facts.nvml));
  if (!gathered.hwloc_xml.empty()) write(hwloc_file, gathered.hwloc_xml);
  return names;
}

}  // namespace lockstep
