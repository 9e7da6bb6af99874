// lockstep-validate discover
#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <optional>

#include "scenarios/utf8.hpp"
#include "sim/report/display.hpp"
#include "validate/command.hpp"
#include "validate/discover/discover_report.hpp"
#include "validate/discover/gather.hpp"
#include "validate/discover/system_yaml.hpp"
#include "validate/measure/failures.hpp"
#include "validate/measure/options.hpp"

namespace lockstep::validation {
namespace {

constexpr std::size_t help_width = 100;

const std::vector<Option>& options() {
  static const std::vector<Option> options{
      {"format",
       "FORMAT",
       "how the result is written (default: by the ending of --output, else text)",
       {"text", "yaml", "json"}},
      {"output", "FILE", "writes the result there: my-node.yaml", {}, false, 'o'},
      {"name", "NAME", "what the system is called (default: the file's name, else this-node)", {}},
      {"record", "DIR", "leaves nvml.json and hwloc.xml there, to look at elsewhere", {}},
      {"from", "DIR", "looks at such a folder instead of this machine", {}},
      {"nccl-topology",
       "FILE",
       "a file of NCCL_TOPO_DUMP_FILE: fills what is not known, is compared with the rest",
       {}},
      {"libraries", "DIR", "where NVML's library is looked for first", {}},
      {"catalog", "DIR", "the folder with gpus/, systems/ and aliases/", {}},
  };
  return options;
}

std::string help() {
  return "usage: lockstep-validate discover [options]\n\n" +
         wrap(
             "Shows this node and writes it as a system of the catalog: GPUs and NVLinks by NVML, "
             "PCIe switches, sockets "
             "and NICs by hwloc and /sys. GPUs that the catalog lacks become a map based on the "
             "nearest. Each constant "
             "says where it is from; what is assumed is listed. Without a GPU it shows CPUs and "
             "NICs.",
             help_width, "", "") +
         "\n\n" +
         wrap(
             "The YAML serves as `lockstep topology FILE`, as `--cluster FILE`, and in a scenario "
             "as `cluster: {system: "
             "./my-node.yaml}`, or `--set cluster.system=my-node.yaml`.",
             help_width, "", "") +
         "\n\n" + option_lines(options()) +
         "\nExit codes: 0 ok, 1 the driver fails, 2 usage, 3 a file that cannot be read, 77 no GPU "
         "for "
         "YAML.\n\n"
         "examples:\n  lockstep-validate discover\n"
         "  lockstep-validate discover --from tests/fixtures/discover/dgx-h100 --format yaml\n";
}

// --format, else by the file's ending.
std::string format_of(const Arguments& arguments) {
  const std::string extension =
      std::filesystem::path(arguments.value("output")).extension().string();
  const bool yaml = extension == ".yaml" || extension == ".yml";
  return arguments.value("format", yaml ? "yaml" : extension == ".json" ? "json" : "text");
}

std::string name_of(const Arguments& arguments) {
  const std::string stem = std::filesystem::path(arguments.value("output")).stem().string();
  const std::string name = arguments.value("name", stem.empty() ? "this-node" : stem);
  const bool plain = name.size() <= 100 && name.front() != '.' &&
                     std::all_of(name.begin(), name.end(), [](char c) {
                       return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                              (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
                     });
  if (!plain)
    throw UsageError(fmt::format("--name is '{}'", shortened(name)),
                     "letters, digits, '-', '_' and '.', such as my-node");
  return name;
}

void check_words(const Arguments& arguments) {
  if (!arguments.files.empty())
    throw UsageError(
        fmt::format("discover takes no file: '{}'", printable(arguments.files.front())),
        "--from DIR looks at a recorded node, --nccl-topology FILE at NCCL's dump");
  if (!arguments.value("from").empty() && !arguments.value("record").empty())
    throw UsageError("--from and --record exclude each other",
                     "--record looks at this machine, --from at a recorded one");
}

std::string result(const std::string& format, const Discovery& discovery) {
  if (format == "json") return discovery_json(discovery);
  if (format == "text") return discovery_text(discovery);
  if (discovery.node == nullptr)
    throw Unavailable(fmt::format(
        "a system of the catalog is made of GPUs, and here are none: {}; --format text shows what "
        "is here",
        discovery.no_gpus));
  return system_yaml(discovery.facts, *discovery.node, discovery.name);
}

void write_file(const std::string& file, const std::string& text) {
  std::ofstream stream(file, std::ios::binary);
  stream << text;
  stream.close();
  if (!stream)
    throw UsageError(fmt::format("{} cannot be written", printable(file)), "name another file");
}

}  // namespace

Outcome run_discover(const std::vector<std::string>& words, const std::filesystem::path& program,
                     std::ostream* /*progress_to*/) {
  const Arguments arguments = parse_arguments(words, options());
  if (arguments.help) return {help(), ok, {}};
  check_words(arguments);
  Discovery discovery;
  discovery.name = name_of(arguments);
  const std::filesystem::path folder = catalog_folder(arguments, program);
  const std::string from = arguments.value("from");
  Gathered gathered =
      from.empty() ? gather_here(arguments.value("libraries"), today()) : gather_recorded(from);
  Outcome outcome;
  if (const std::string record_to = arguments.value("record"); !record_to.empty())
    outcome.remark = fmt::format("recorded in {}: {}\n", printable(record_to),
                                 list_of(record(gathered, record_to)));
  complete(gathered, arguments.value("nccl-topology"));
  discovery.facts = gathered.facts;
  discovery.no_gpus = gathered.no_gpus;
  std::optional<NodeSystem> node;
  if (!gathered.facts.nvml.gpus.empty()) {
    node = node_system(gathered.facts, Catalog(folder),
                       load_aliases(folder / "aliases" / "nccl_logs.yaml"));
    discovery.node = &*node;
  }
  const std::string text = result(format_of(arguments), discovery);
  const std::string file = arguments.value("output");
  if (file.empty()) {
    outcome.output = text;
  } else {
    write_file(file, text);
    outcome.remark += fmt::format("written: {}\n", printable(file));
  }
  return outcome;
}

}  // namespace lockstep::validation
