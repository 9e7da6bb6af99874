#include "scenarios/meaning.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <string>
#include <string_view>
#include <utility>

#include "scenarios/search_text.hpp"
#include "scenarios/utf8.hpp"
#include "topology/failures.hpp"

namespace lockstep {
namespace {

struct PrecisionRow {
  Precision precision;
  const char* name;
  Constant<FlopsPerSecond> Gpu::*peak;
};

constexpr PrecisionRow precision_rows[] = {
    {Precision::fp32, "fp32", &Gpu::peak_fp32}, {Precision::tf32, "tf32", &Gpu::peak_tf32},
    {Precision::fp16, "fp16", &Gpu::peak_fp16}, {Precision::bf16, "bf16", &Gpu::peak_bf16},
    {Precision::fp8, "fp8", &Gpu::peak_fp8},    {Precision::mxfp8, "mxfp8", &Gpu::peak_fp8},
    {Precision::nvfp4, "nvfp4", &Gpu::peak_fp4},
};

// Whether the GPU's matrix units take the type. Block scales came with Blackwell.
bool has_precision(const Gpu& gpu, const PrecisionRow& row) {
  const bool before_blackwell = gpu.architecture == "volta" || gpu.architecture == "turing" ||
                                gpu.architecture == "ampere" || gpu.architecture == "ada" ||
                                gpu.architecture == "hopper";
  if (row.precision == Precision::mxfp8 && before_blackwell) return false;
  return (gpu.*row.peak).value > 0.0;
}

// What `--set` and a list on a command line could not tell from their own punctuation.
bool is_addressable(const std::string& name) {
  constexpr std::string_view refused = ".=,:;'\"`/\\[]{}()<>#&*?!|$%@";
  constexpr std::size_t longest = 100;
  if (name.empty() || name.size() > longest) return false;
  for (const char32_t character : decode_utf8(name)) {
    if (character <= U' ' || is_unprintable(character) || character == 0xA0) return false;
    if (character < 0x80 && refused.find(static_cast<char>(character)) != std::string_view::npos) return false;
  }
  return true;
}

// The place of a dotted path below a map; of the deepest key that is there, or `otherwise`.
Location locate(const Node& map, std::string_view path, Location otherwise) {
  const Node* node = &map;
  Location where = std::move(otherwise);
  while (!path.empty()) {
    const std::string_view key = path.substr(0, path.find('.'));
    const Entry* entry = node->find(key);
    if (entry == nullptr) break;
    where = entry->value.kind == Node::Kind::scalar ? entry->value.where : entry->where;
    node = &entry->value;
    path.remove_prefix(std::min(path.size(), key.size() + 1));
  }
  return where;
}

// " without node3", " without node3, node5"; "" for none.
std::string out_text(const std::vector<std::int64_t>& nodes) {
  std::string text;
  for (const std::int64_t node : nodes) text += fmt::format("{} node{}", text.empty() ? " without" : ",", node);
  return text;
}

// The place of an item of a list below a map, or of the list, or of the map.
Location locate_item(const Node& map, std::string_view list, std::size_t index) {
  const Entry* entry = map.find(list);
  if (entry == nullptr) return map.where;
  const std::vector<Node>& items = entry->value.items;
  if (index >= items.size()) return entry->where;
  const Entry* link = items[index].find("link");
  return link == nullptr ? items[index].where : link->value.where;
}

class MeaningCheck {
 public:
  MeaningCheck(Scenario& scenario, const Node& root) : scenario_(scenario), root_(root) {}

  std::vector<Diagnostic> run() {
    check_model();
    check_training();
    const bool sound_cluster = check_cluster(scenario_.cluster, root_, "cluster");
    const Entry* plans = root_.find("plans");
    if (scenario_.plans.empty() && root_.find("search") == nullptr) {
      report(plans == nullptr ? root_.where : plans->where, "E451", "plans", "the scenario has no plan",
             "add one: '- name: NAME' and its degrees; or let a search find some: 'search: {}'");
    }
    for (std::size_t i = 0; i < scenario_.plans.size(); ++i) {
      plan_ = &scenario_.plans[i];
      check_plan(*plan_, plans->value.items[i], sound_cluster);
      plan_ = nullptr;
    }
    check_search();
    return std::move(problems_);
  }

 private:
  // `of_plan` is put before the message where it stands alone; beside the plan's name it would say that twice.
  void report(const Location& where, std::string code, std::string path, const std::string& message, std::string hint,
              const std::string& of_plan = {}) {
    Diagnostic diagnostic = diagnose(where, std::move(code), of_plan + message, std::move(hint));
    diagnostic.path = std::move(path);
    add(std::move(diagnostic), message);
  }

  void add(Diagnostic diagnostic) {
    const std::string message = diagnostic.message;
    add(std::move(diagnostic), message);
  }

  void add(Diagnostic diagnostic, const std::string& message) {
    if (plan_ == nullptr) {
      problems_.push_back(std::move(diagnostic));
    } else {
      plan_->not_legal += (plan_->not_legal.empty() ? "" : "; ") + message;
      plan_->problems.push_back(std::move(diagnostic));
    }
  }

  void check_search() {
    if (root_.find("search") == nullptr) return;
    for (RequestProblem& problem : request_problems(scenario_)) {
      Location where = locate(root_, problem.field, root_.where);
      const Node& search = root_.find("search")->value;
      const std::string key = problem.field.substr(problem.field.find('.') + 1);
      const Entry* list = search.find(key);
      if (list != nullptr && list->value.kind == Node::Kind::list) where = locate_item(search, key, problem.item);
      report(where, "E468", problem.field, problem.message, std::move(problem.hint));
    }
  }

  void check_training() {
    for (Violation& violation : adapter_violations(scenario_.model, scenario_.training)) {
      const std::string path = "training." + violation.field;
      report(locate(root_, path, root_.where), std::move(violation.code), path, violation.message,
             std::move(violation.hint));
    }
  }

  void check_model() {
    const Model& model = scenario_.model;
    if (model.head_dim == 0 && model.hidden % model.heads != 0) {
      report(locate(root_, "model.heads", root_.where), "E456", "model.heads",
             fmt::format("hidden size {} does not divide by {} heads", model.hidden, model.heads),
             "set head_dim if heads have a size of their own");
    }
    if (model.kv_heads > 0 && model.heads % model.kv_heads != 0) {
      report(locate(root_, "model.kv_heads", root_.where), "E457", "model.kv_heads",
             fmt::format("{} heads do not divide by {} key/value heads", model.heads, model.kv_heads),
             fmt::format("kv_heads must divide {}", model.heads));
    }
    check_model_experts(model);
    check_model_attention(model);
  }

  void report_model(const char* code, const std::string& key, const std::string& message, std::string hint) {
    report(locate(root_, "model." + key, root_.where), code, "model." + key, message, std::move(hint));
  }

  void check_model_experts(const Model& model) {
    const Experts& experts = model.experts;
    if (!model.has_experts()) {
      const bool described = experts.ffn_hidden > 0 || experts.shared > 0 || experts.shared_ffn_hidden > 0 ||
                             experts.dense_layers > 0 || experts.top_k > 1 || experts.every > 1;
      if (described) {
        report_model("E461", "experts", "experts are described, but count is 0", "set count, or remove experts");
      }
      return;
    }
    if (experts.top_k > experts.count) {
      report_model("E462", "experts.top_k",
                   fmt::format("a token cannot go to {} of {} experts", experts.top_k, experts.count),
                   fmt::format("top_k is at most {}", experts.count));
    }
    if (experts.dense_layers + experts.every > model.layers) {
      report_model("E463", "experts.dense_layers",
                   fmt::format("no layer has experts: {} layers, the first {} dense, of the others every {}. with experts",
                               model.layers, experts.dense_layers, experts.every),
                   "lower dense_layers or every, or set count: 0 for a dense model");
    }
  }

  void check_model_attention(const Model& model) {
    if (model.has_latent_attention() && model.kv_heads > 0 && model.kv_heads != model.heads) {
      report_model("E464", "kv_heads",
                   fmt::format("latent attention has a key for each of {} heads, not for {}", model.heads, model.kv_heads),
                   "remove kv_heads, or latent_attention");
    }
    if (model.has_latent_attention() && model.qk_norm) {
      report_model("E465", "qk_norm", "latent attention norms its latents, not queries and keys per head",
                   "set qk_norm: false");
    }
    if (model.attention_window == 0 && model.attention_window_every > 1) {
      report_model("E466", "attention_window_every", "which layers are windowed is set, but no window is",
                   "set attention_window");
    }
  }

  // Whether its GPUs and nodes agree.
  bool check_cluster(const Cluster& cluster, const Node& owner, const std::string& path) {
    check_precision(cluster, owner, path);
    if (&owner == &root_) check_fp8_scaling();
    const Entry* map = owner.find("cluster");
    std::vector<Diagnostic> of_parts = map == nullptr ? std::vector<Diagnostic>{} : check_topology(cluster, map->value, path);
    if (!of_parts.empty()) {
      for (Diagnostic& one : of_parts) add(std::move(one));
      return false;
    }
    const std::int64_t per_node = cluster.system.gpus_per_node;
    const std::vector<std::int64_t> out = nodes_out(cluster);
    const std::int64_t nodes = cluster.nodes - static_cast<std::int64_t>(out.size());
    const std::int64_t most = nodes * per_node;
    const Location at = locate(owner, "cluster.gpus", owner.where);
    if (cluster.gpus > most) {
      report(at, "E454", path + ".gpus",
             fmt::format("{} GPUs, but {} {} of {} have {}{}", cluster.gpus, nodes, nodes == 1 ? "node" : "nodes",
                         per_node, most, out_text(out)),
             fmt::format("set nodes: {} or fewer gpus",
                         (cluster.gpus + per_node - 1) / per_node + static_cast<std::int64_t>(out.size())));
      return false;
    }
    if (cluster.gpus <= most - per_node) {
      const std::int64_t enough = (cluster.gpus + per_node - 1) / per_node;
      report(at, "E454", path + ".gpus",
             fmt::format("{} GPUs do not reach into all of {} nodes of {}{}", cluster.gpus, nodes, per_node,
                         out_text(out)),
             fmt::format("GPUs fill node by node: set nodes: {}", enough + static_cast<std::int64_t>(out.size())));
      return false;
    }
    return true;
  }

  void check_precision(const Cluster& cluster, const Node& owner, const std::string& path) {
    const Gpu& gpu = cluster.system.gpu;
    std::string valid;
    const char* wanted = nullptr;
    for (const PrecisionRow& row : precision_rows) {
      const bool there = has_precision(gpu, row);
      if (there) valid += (valid.empty() ? "" : ", ") + std::string(row.name);
      if (!there && row.precision == scenario_.training.precision) wanted = row.name;
    }
    if (wanted == nullptr) return;
    const bool of_scenario = &owner == &root_;
    const Location at = of_scenario ? locate(root_, "training.precision", root_.where)
                                    : locate(owner, "cluster.system", owner.where);
    report(at, "E455", of_scenario ? "training.precision" : path + ".system",
           fmt::format("the GPU '{}' has no {} matrix units", gpu.name, wanted),
           fmt::format("precisions of this GPU: {}", valid.empty() ? "none" : valid));
  }

  void check_fp8_scaling() {
    const Training& training = scenario_.training;
    if (training.fp8_scaling == Fp8Scaling::delayed || training.precision == Precision::fp8) return;
    std::string name;
    for (const PrecisionRow& row : precision_rows) {
      if (row.precision == training.precision) name = row.name;
    }
    report(locate(root_, "training.fp8_scaling", root_.where), "E467", "training.fp8_scaling",
           fmt::format("fp8_scaling says how linears in fp8 are scaled, but the precision is {}", name),
           "set precision: fp8, or leave fp8_scaling out");
  }

  void check_plan(const ScenarioPlan& scenario_plan, const Node& node, bool sound_cluster) {
    const Plan& plan = scenario_plan.plan;
    const Location name_at = locate(node, "name", node.where);
    const std::string path = "plans." + plan.name;
    if (!is_addressable(plan.name)) {
      report(name_at, "E453", path + ".name", fmt::format("the plan name '{}' can't be addressed by --set", shortened(plan.name)),
             "use letters, digits, '-', '_' and '+', at most 100");
    }
    const auto [first, is_new] = names_.emplace(plan.name, name_at);
    if (!is_new) {
      report(name_at, "E452", path + ".name", fmt::format("a second plan is called '{}'", plan.name),
             fmt::format("give each plan a name of its own; the first is in {}", line_reference(first->second)));
    }
    if (plan.software.name.empty()) {
      report(name_at, "E458", path + ".software", fmt::format("the plan '{}' has no software profile", plan.name),
             "name one for all plans: 'software: NAME' beside 'plans'");
    }
    if (node.find("cluster") != nullptr) {
      sound_cluster = check_cluster(scenario_plan.cluster, node, path + ".cluster");
    }
    // What the degrees have to multiply to is unknown then.
    if (!sound_cluster) return;
    const std::string out = out_text(nodes_out(scenario_plan.cluster));
    for (Violation& violation :
         violations(scenario_.model, scenario_.training, plan, scenario_plan.cluster.gpus)) {
      if (!out.empty()) violation.hint += fmt::format("; {} GPUs are left{}", scenario_plan.cluster.gpus, out);
      report(locate(node, violation.field, name_at), std::move(violation.code), path + "." + violation.field,
             violation.message, std::move(violation.hint), fmt::format("plan '{}': ", plan.name));
    }
  }

  Scenario& scenario_;
  const Node& root_;
  ScenarioPlan* plan_ = nullptr;  // that is being checked
  std::vector<Diagnostic> problems_;
  std::map<std::string, Location> names_;
};

}  // namespace

std::vector<Diagnostic> check_meaning(Scenario& scenario, const Node& root) {
  return MeaningCheck(scenario, root).run();
}

std::vector<Diagnostic> check_topology(const Cluster& cluster, const Node& map, const std::string& path) {
  std::vector<Diagnostic> all;
  const auto report = [&](const Location& where, const char* code, std::string key, std::string message,
                          std::string hint) {
    Diagnostic diagnostic = diagnose(where, code, std::move(message), std::move(hint));
    diagnostic.path = path + "." + key;
    all.push_back(std::move(diagnostic));
  };
  const Fabric& fabric = cluster.fabric;
  if (fabric.nodes_per_pod % std::max<std::int64_t>(1, fabric.nodes_per_leaf) != 0) {
    report(locate(map, "fabric.nodes_per_pod", map.where), "E459", "fabric.nodes_per_pod",
           fmt::format("a pod of {} nodes cuts a leaf of {}", fabric.nodes_per_pod, fabric.nodes_per_leaf),
           "nodes_per_pod is a multiple of nodes_per_leaf");
    return all;
  }
  for (FailureProblem& problem : failure_problems(cluster)) {
    const char* list = problem.degraded ? "degraded" : "failed";
    report(locate_item(map, list, problem.index), "E460", list, std::move(problem.message), std::move(problem.hint));
  }
  const std::vector<std::int64_t> out = nodes_out(cluster);
  if (all.empty() && static_cast<std::int64_t>(out.size()) >= cluster.nodes) {
    const Entry* failed = map.find("failed");
    report(failed == nullptr ? map.where : failed->where, "E454", "failed", "no node is left to work",
           "a node without one of its GPUs is out of the job: add nodes, or take fewer away");
  }
  return all;
}

std::int64_t resolve_gpus(const Cluster& cluster) { return gpu_count(cluster); }

}  // namespace lockstep
