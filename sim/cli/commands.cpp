#include "sim/cli/commands.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cerrno>
#include <exception>
#include <ostream>

#include "scenarios/diagnostics.hpp"
#include "scenarios/utf8.hpp"
#include "sim/cli/page_option.hpp"
#include "sim/cli/search_flags.hpp"
#include "sim/cli/watched_search.hpp"
#include "sim/report/collective_table.hpp"
#include "sim/report/display.hpp"
#include "topology/collectives/collective_model.hpp"

namespace lockstep::cli {

namespace {

const Positional scenario_argument{"SCENARIO", "the scenario file (YAML)", true, {}};
const Option format_option{"format", "FORMAT", "how the result is written (default: text)", {"text", "json", "csv"}, false};
const Option set_option{"set",
                        "PATH=VALUE",
                        "another value for a key of the scenario or the catalog, with its unit: "
                        "cluster.system.nic_bandwidth=\"200 Gb/s\"",
                        {},
                        true};
const Option catalog_option{"catalog", "DIR", "the folder with gpus/, systems/, models/ and software/", {}, false};
const Option color_option{"color", "WHEN", "colour in the text (default: auto)", {"auto", "always", "never"}, false};

const Option calibration_option{
    "calibration",
    "FILE",
    "what `lockstep calibrate` measured of collectives, kernels and copies; of two files the later "
    "counts",
    {},
    true};

const Option collectives_set_option{"set",
                                    "PATH=VALUE",
                                    "another value for a key of the cluster or the catalog: "
                                    "systems.dgx-h100.nic_bandwidth=\"200 Gb/s\"",
                                    {},
                                    true};

std::vector<std::string> collective_names() {
  std::vector<std::string> names;
  for (const Collective collective : all_collectives) names.emplace_back(to_string(collective));
  return names;
}

std::vector<std::string> element_names() {
  std::vector<std::string> names;
  for (const ElementType& type : element_types()) names.emplace_back(type.name);
  return names;
}

Command search_command() {
  std::vector<Option> options = search_options();
  const std::vector<Option> watched = watched_search_options();
  options.insert(options.end(), watched.begin(), watched.end());
  options.insert(options.end(),
                 {{"no-pruning", "", "time every plan that fits; the plans are the same", {}, false},
                  {"write", "FILE", "also write the best plans as a scenario, which compare and simulate take", {}, false},
                  page_option,
                  format_option,
                  set_option,
                  calibration_option,
                  catalog_option,
                  color_option});
  return {"search",
          "the best of every legal plan of a scenario, and what it trades",
          "Tries every legal combination of degrees, schedule, sharding, micro-batch, recomputation and offload "
          "for the model, cluster and batch of a scenario: the best plans, those that tie, the Pareto fronts, "
          "what was refused and why, and which limit is worth relaxing. Flags come on top of the scenario's "
          "`search:`. Exit code 4 where no plan fits, 130 after Ctrl-C, which prints the best so far. Over machines: "
          "mpirun -np N lockstep-search SCENARIO [options], in builds with MPI (Debian: libopenmpi-dev and "
          "openmpi-bin), prints the same.",
          {scenario_argument},
          std::move(options),
          {"lockstep search scenarios/gpt3-175b-64xa100.yaml --fix tensor=8 --forbid offload",
           "lockstep search scenarios/llama3-70b-64xh100.yaml --fix schedule=1f1b --forbid offload,context"},
          &run_search};
}

std::vector<Command> make_commands() {
  std::vector<Command> table;
  table.push_back(
      {"simulate",
       "one plan: step time, memory, what bounds them, how sure that is",
       "Predicts one plan of a scenario: step time, throughput, MFU and peak memory with 90 % "
       "intervals, where "
       "the step and the memory go, and which constants the numbers lean on. Exit code 4 where the "
       "plan does "
       "not fit into the memory.",
       {scenario_argument},
       {{"plan", "NAME", "the plan; may be left out where there is only one", {}, false},
        {"timeline", "", "also the pipeline's schedule over the step, and its memory", {}, false},
        {"ops", "", "every op under its roof, and the step's FLOPs as others count them", {}, false},
        {"trace",
         "FILE",
         "also write the timeline as a Chrome trace (JSON), which Perfetto and chrome://tracing "
         "open; beyond 50 000 slices only the first of a kind have arguments, and only the first "
         "and last micro-batches arrows. With - the trace is all that is printed",
         {},
         false},
        page_option,
        {"ascii", "", "no characters but ASCII in the text", {}, false},
        format_option,
        set_option,
        calibration_option,
        catalog_option,
        color_option},
       {"lockstep simulate scenarios/llama3-70b-64xh100.yaml --plan tp8-pp2 --timeline",
        "lockstep simulate scenarios/llama3-70b-64xh100.yaml --plan fsdp-recompute --format json"},
       &run_simulate});
  table.push_back(
      {"compare",
       "every plan of a scenario side by side, ranked",
       "Predicts every plan of a scenario and ranks them: those that fit by step time, then those "
       "that are too "
       "big, then those that break a rule. Says how probable each place is and what decides it. "
       "With --calibration also every plan before and after, what moved it, and which conclusions "
       "changed. Exit code 4 where no plan fits, 3 where none is legal.",
       {scenario_argument},
       {page_option, format_option, set_option, calibration_option, catalog_option, color_option},
       {"lockstep compare scenarios/llama3-70b-64xh100.yaml",
        "lockstep compare scenarios/llama3-70b-64xh100.yaml --set training.global_batch=1024"},
       &run_compare});
  table.push_back(
      {"explain",
       "why a plan takes so long, what would change it, and how sure that is",
       "Explains one plan, the best where none is named: where the step goes, what experience warns "
       "of, what single changes would do, how every number of hardware, software and plan moves the "
       "step and where the next kink lies, from how many tokens on communication hides, at which "
       "bandwidths the order of plans turns, and which constants the uncertainty consists of, with "
       "the command that measures each. Everything is predicted again, nothing extrapolated. Exit "
       "code 4 where the plan does not fit.",
       {scenario_argument},
       {{"plan", "NAME", "the plan to explain (default: the best)", {}, false},
        {"against", "NAME", "also the difference to this plan, term by term", {}, false},
        {"measured",
         "WHAT=VALUE",
         "also what alone would explain a measurement: \"step_time=71.2 s\", tokens_per_s_per_gpu, "
         "mfu or peak_memory",
         {},
         false},
        page_option,
        {"ascii", "", "no characters but ASCII in the text", {}, false},
        format_option,
        set_option,
        calibration_option,
        catalog_option,
        color_option},
       {"lockstep explain scenarios/llama3-70b-64xh100.yaml --against fsdp-recompute",
        "lockstep explain scenarios/llama3-70b-64xh100.yaml --plan tp8-pp2 --measured \"step_time=80 s\""},
       &run_explain});
  table.push_back(search_command());
  table.push_back(sweep_command());
  table.push_back(
      {"topology",
       "the cluster as a network: routes, bisection, link loads, failures",
       "Shows a cluster as a graph from GPU to core switch: a node, the fabric, distances, bisection, and what a "
       "dead NIC, a dead leaf, slow NVLinks or oversubscription would do. With a plan, what its groups put on every "
       "kind of link in a step, and the step time of each what-if. Parts are named node0.gpu0, node0.nic0, "
       "unit0.leaf0, spine0; a link is A-B.",
       {{"CLUSTER", "a system of the catalog, a file with a cluster, or a scenario", true, {}}},
       {{"nodes", "N", "another number of nodes", {}, false, 'n'},
        {"plan", "NAME", "of a scenario: link loads and step time of this plan", {}, false},
        {"from", "PART", "with --to: the route between two parts, hop by hop", {}, false},
        {"to", "PART", "where the route ends", {}, false},
        {"fail", "PART|A-B", "what if this were down", {}, true},
        {"degrade", "A-B=SHARE", "what if this link had only that share: node0.gpu0-node0.nvswitch0=50%", {}, true},
        {"oversubscription", "X", "what if leaves had X times more downlinks than uplinks", {}, false},
        {"whole", "", "with --format dot: every node, not one of each kind", {}, false},
        {"format", "FORMAT", "how the result is written (default: text)", {"text", "json", "dot"}, false},
        set_option, catalog_option, color_option},
       {"lockstep topology dgx-h100 --nodes 16 --fail node0.nic3",
        "lockstep topology scenarios/llama3-70b-64xh100.yaml --plan tp8-pp2"},
       &run_topology});
  table.push_back(
      {"collectives",
       "the time of a collective by size, as nccl-tests prints it",
       "Predicts what nccl-tests would print, with the algorithm and protocol that NCCL chooses and what bounds the "
       "time; columns 1 to 77 are those of nccl-tests (cut -c1-77 of both, and diff). Sizes are the whole buffer; "
       "K, M and G are powers of 1024.",
       {{"CLUSTER", "a system of the catalog, a cluster or scenario file; with --nccl-topology it may be left out",
         false, {}}},
       {{"collective", "NAME", "the collective (default: all_reduce)", collective_names(), false, 'c'},
        {"gpus", "N", "GPUs of the group (default: all of the cluster)", {}, false, 'g'},
        {"nodes", "N", "nodes that they are spread over (default: as few as hold them)", {}, false, 'n'},
        {"ranks-per-node", "N", "GPUs of the group on each node; 1 is a rail", {}, false},
        {"siblings", "N", "so many such groups at once on these nodes (default: 1)", {}, false},
        {"begin", "SIZE", "the smallest size (default: 8)", {}, false, 'b'},
        {"end", "SIZE", "the largest size (default: 16G)", {}, false, 'e'},
        {"factor", "N", "from one size to the next (default: 2)", {}, false, 'f'},
        {"datatype", "TYPE", "the element (default: float)", element_names(), false, 'd'},
        {"nccl-topology", "FILE", "what NCCL_TOPO_DUMP_FILE wrote on a node: it takes the system's place", {}, false},
        {"nccl-graph", "FILE", "what NCCL_GRAPH_DUMP_FILE wrote: its channels take the search's place", {}, false},
        {"as-system", "", "print the topology file as a system (YAML) instead", {}, false},
        {"explain", "", "also the launch floor, and why other algorithms and protocols lost", {}, false},
        format_option, collectives_set_option, calibration_option, catalog_option},
       {"lockstep collectives dgx-h100 -c all_reduce -g 16 --explain",
        "lockstep collectives dgx-a100-80gb -c all_gather -n 4 --ranks-per-node 1 --siblings 8"},
       &run_collectives});
  table.push_back(
      {"list",
       "the bundled scenarios and the catalog: GPUs, systems, models, software …",
       "Lists what a scenario can name, with a description each; scenarios: the bundled ones by what they teach, with "
       "the question that each answers; peaks: what each GPU does at most, per data type.",
       {{"KIND", "what to list; everything but peaks without it", false,
         {"gpus", "systems", "models", "software", "schedules", "scenarios", "peaks"}}},
       {format_option, catalog_option},
       {"lockstep list scenarios", "lockstep list models --format csv"},
       &run_list});
  table.push_back(
      {"schema",
       "the JSON Schema of a scenario, or the reference of its keys",
       "Prints the JSON Schema (draft 2020-12) that editors and validators use for scenario files, or with "
       "--reference every key with its meaning, unit and default as Markdown.",
       {},
       {{"reference", "", "the reference of every key instead, as Markdown", {}, false}, catalog_option},
       {"lockstep schema > scenario.schema.json", "lockstep schema --reference"},
       &run_schema});
  table.push_back(
      {"validate",
       "predictions against measured runs and collectives",
       "Hands over to the program lockstep-validate, which lies beside lockstep: `lockstep validate runs FILE` "
       "is `lockstep-validate runs FILE`.",
       {},
       {},
       {"lockstep validate --help", "lockstep validate runs validate/corpus/training_runs.csv",
        "lockstep validate collectives validate/corpus/nccl_logs/superbench_a100x8_all_reduce.txt"},
       nullptr});
  table.push_back({"calibrate",
                   "fits what was measured on a machine, for --calibration",
                   "Hands over to the program lockstep-validate, which lies beside lockstep: "
                   "`lockstep calibrate FILE` is "
                   "`lockstep-validate calibrate FILE`.",
                   {},
                   {},
                   {"lockstep calibrate validate/corpus/nccl_logs/superbench_a100x8_all_reduce.txt "
                    "-o a100.yaml",
                    "lockstep calibrate validate/corpus/nccl_logs/superbench_a100x8_all_reduce.txt "
                    "--format json"},
                   nullptr});
  table.push_back(
      {"completion",
       "the completion script of a shell",
       "Prints a script that completes commands, options and their values in bash.",
       {{"SHELL", "the shell", true, {"bash"}}},
       {},
       {"source <(lockstep completion bash)", "lockstep completion bash > ~/.local/share/bash-completion/completions/lockstep"},
       &run_completion});
  table.push_back({"help",
                   "what the program or one of its commands does",
                   "`lockstep help COMMAND` is `lockstep COMMAND --help`; without a command it is `lockstep --help`.",
                   {{"COMMAND", "the command to explain", false, {}}},
                   {},
                   {"lockstep help compare", "lockstep help"},
                   &run_help});
  return table;
}

// Everything at once; what the stream cannot take (a full disk) is an error of its own, unless it is a pipe that
// nobody reads any more, as in `lockstep list | head -1`.
int write(const Outcome& outcome, std::ostream& out, std::ostream& err) {
  err << outcome.remark;
  errno = 0;
  out.write(outcome.output.data(), static_cast<std::streamsize>(outcome.output.size()));
  out.flush();
  if (out.good()) return outcome.code;
  if (errno == EPIPE) return exit_broken_pipe;
  err << "lockstep: the result could not be written to standard output (closed, or the disk is full)\n";
  return exit_internal_error;
}

void print_usage_error(const std::string& command, const UsageError& error, std::ostream& err) {
  err << "lockstep: " << error.what() << '\n';
  if (!error.hint().empty()) err << wrap(error.hint(), 100, "  = hint: ", std::string(10, ' ')) << '\n';
  err << "  = help: lockstep " << (command.empty() ? "" : command + " ") << "--help\n";
}

[[noreturn]] void unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.emplace_back(command.name);
  const std::string nearest = nearest_name(name, names);
  const std::string all = "the commands: " + join(names);
  throw UsageError(fmt::format("there is no command '{}'", printable(name)),
                   nearest.empty() ? all : fmt::format("did you mean {}? {}", nearest, all));
}

int run_command(const Command& command, const std::vector<std::string>& arguments, std::ostream& out,
                std::ostream& err, const Environment& environment) {
  // The other program explains its own sub-commands.
  const bool own_help = arguments.size() == 1 && (arguments[0] == "--help" || arguments[0] == "-h");
  if (command.run == nullptr && !own_help) return hand_over(command.name, arguments, err, environment);
  const Arguments parsed = parse_arguments(command.name, arguments, command.options, command.positionals);
  if (parsed.has("help")) return write({help_of(command), exit_ok}, out, err);
  return write(command.run(parsed, environment), out, err);
}

int dispatch(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
             const Environment& environment) {
  if (arguments.empty()) {
    err << overview();
    return exit_usage;
  }
  const std::string& first = arguments.front();
  if (first == "--help" || first == "-h") return write({overview(), exit_ok}, out, err);
  if (first == "--version") {
    if (arguments.size() > 1) throw UsageError("--version takes no arguments");
    return write({version_text(), exit_ok}, out, err);
  }
  if (first.rfind('-', 0) == 0) throw UsageError(fmt::format("lockstep has no option '{}'", printable(first)));
  const Command* command = find_command(first);
  if (command == nullptr) unknown_command(first);
  return run_command(*command, {arguments.begin() + 1, arguments.end()}, out, err, environment);
}

}  // namespace

Outcome run_help(const Arguments& arguments, const Environment& /*environment*/) {
  if (arguments.positionals().empty()) return {overview(), exit_ok};
  const std::string& name = arguments.positionals().front();
  const Command* command = find_command(name);
  if (command == nullptr) unknown_command(name);
  return {help_of(*command), exit_ok};
}

std::span<const Command> commands() {
  static const std::vector<Command> table = make_commands();
  return table;
}

const Command* find_command(const std::string& name) {
  const std::span<const Command> table = commands();
  const auto found = std::find_if(table.begin(), table.end(), [&](const Command& c) { return name == c.name; });
  return found == table.end() ? nullptr : &*found;
}

int run(const std::vector<std::string>& arguments, std::ostream& out, std::ostream& err,
        const Environment& environment) {
  try {
    return dispatch(arguments, out, err, environment);
  } catch (const UsageError& error) {
    const bool named = !arguments.empty() && find_command(arguments.front()) != nullptr;
    print_usage_error(named ? arguments.front() : "", error, err);
    return exit_usage;
  } catch (const InputError& error) {
    err << render(error.diagnostics());
    return exit_invalid_input;
  } catch (const std::bad_alloc&) {
    err << "lockstep: out of memory\n";
  } catch (const std::exception& error) {
    err << "lockstep: internal error: " << error.what() << "\n  = hint: this is a bug of lockstep, please report it\n";
  }
  return exit_internal_error;
}

}  // namespace lockstep::cli
