#include "validate/measure/kernel_list.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <set>
#include <stdexcept>

namespace lockstep {
namespace {

constexpr double large_op_bytes = 512e6;  // far beyond any L2 cache
constexpr double middle_op_bytes = 256e6;
constexpr double small_op_bytes = 128e6;  // of which the L2 cache holds less than a half
constexpr std::size_t quick_gemms = 4;    // of each type

bool is_measurable(Dtype dtype) {
  return dtype != Dtype::mxfp8 && dtype != Dtype::fp4;
}

std::string name_of(const Op& op, GemmPass pass) {
  switch (pass) {
    case GemmPass::forward:
      return op.name;
    case GemmPass::data_gradient:
      return fmt::format("{}, data gradient", op.name);
    case GemmPass::weight_gradient:
      break;
  }
  return fmt::format("{}, weight gradient", op.name);
}

// Collects products, each shape once.
class Products {
 public:
  explicit Products(const std::vector<Dtype>& dtypes) : dtypes_(dtypes) {}

  void add(const Block& block) {
    for (const Op& op : block.forward.ops) add(op, GemmPass::forward);
    for (const Op& op : block.backward.ops)
      add(op, op.weight_gradient ? GemmPass::weight_gradient : GemmPass::data_gradient);
  }
  std::vector<ListedGemm> take() { return std::move(gemms_); }

 private:
  void add(const Op& op, GemmPass pass) {
    if (op.kind == OpKind::batched_gemm) {
      // Queries times keys lie as in a linear layer, what is times values or scores does not.
      const bool scores = op.n == op.sequence;
      const GemmPass layout = scores ? GemmPass::forward : GemmPass::data_gradient;
      put({op.name, {op.m, op.n, op.k, op.dtype, layout, op.batch}, op.head_dim});
    } else if (op.kind == OpKind::gemm || op.kind == OpKind::grouped_gemm) {
      for (const Dtype dtype : dtypes_.empty() ? std::vector<Dtype>{op.dtype} : dtypes_)
        put({name_of(op, pass), {op.m, op.n, op.k, dtype, pass, 1}, 0});
    }
  }
  void put(ListedGemm gemm) {
    if (is_measurable(gemm.shape.dtype) && seen_.insert(gemm.shape).second)
      gemms_.push_back(std::move(gemm));
  }

  const std::vector<Dtype>& dtypes_;
  std::set<GemmShape> seen_;
  std::vector<ListedGemm> gemms_;
};

// Rows of the memory-bound kernels, in elements.
struct Rows {
  std::int64_t hidden = 0, heads = 0, ffn = 0, sequence = 0, vocabulary = 0;
};

std::vector<ListedMemoryOp> memory_ops(const Rows& rows) {
  std::vector<ListedMemoryOp> ops;
  for (const double bytes : {large_op_bytes, middle_op_bytes, small_op_bytes}) {
    ops.push_back({"copy", MemoryKernel::stream, bytes, rows.hidden});
    ops.push_back({"norm", MemoryKernel::norm, bytes, rows.hidden});
    ops.push_back({"rope", MemoryKernel::rope, bytes, rows.heads});
    ops.push_back({"activation", MemoryKernel::activation, bytes, rows.ffn});
    ops.push_back({"softmax", MemoryKernel::softmax, bytes, rows.sequence});
    ops.push_back({"cast", MemoryKernel::cast, bytes, rows.hidden});
    ops.push_back({"permutation", MemoryKernel::permutation, bytes, rows.hidden});
    ops.push_back({"loss", MemoryKernel::loss, bytes, rows.vocabulary});
    ops.push_back({"optimizer", MemoryKernel::optimizer, bytes, rows.hidden});
  }
  return ops;
}

// Of a rank of the plan, as tensor parallelism cuts them.
Rows rows_of(const Scenario& scenario, const Plan& plan) {
  const Model& model = scenario.model;
  const std::int64_t tensor = std::max<std::int64_t>(1, plan.tensor);
  Rows rows;
  rows.hidden = model.hidden;
  rows.heads = (model.query_width() + model.kv_width()) / tensor;
  rows.ffn = model.ffn() / tensor;
  rows.sequence = scenario.training.sequence_length;
  rows.vocabulary = model.vocabulary / tensor;
  return rows;
}

}  // namespace

KernelList kernels_of(const Scenario& scenario, const std::string& plan,
                      const std::vector<Dtype>& dtypes) {
  Products products(dtypes);
  KernelList list;
  for (const ScenarioPlan& one : scenario.plans) {
    if (!plan.empty() && one.plan.name != plan) continue;
    const Workload workload = lower(scenario.model, scenario.training, one.plan);
    for (const LayerKind& kind : workload.kinds) products.add(kind.block);
    products.add(workload.embedding);
    products.add(workload.head);
    if (list.memory_ops.empty()) list.memory_ops = memory_ops(rows_of(scenario, one.plan));
  }
  if (list.memory_ops.empty()) throw std::out_of_range("the scenario has no plan '" + plan + "'");
  list.gemms = products.take();
  return list;
}

KernelList standard_kernels(const std::vector<Dtype>& dtypes) {
  // A layer of Llama-3 8B and 70B at 8192 tokens: hidden, key and value width, feed-forward width.
  struct Layer {
    std::int64_t hidden, kv, ffn;
  };
  constexpr std::int64_t tokens = 8192;
  constexpr std::int64_t vocabulary = 128256;
  constexpr Rows rows{4096, 5120, 14336, 8192, vocabulary};
  KernelList list;
  for (const Dtype dtype : dtypes) {
    const auto add = [&](const char* op, std::int64_t m, std::int64_t n, std::int64_t k,
                         GemmPass pass = GemmPass::forward) {
      list.gemms.push_back({op, {m, n, k, dtype, pass, 1}, 0});
    };
    for (const std::int64_t size : {1024, 2048, 4096, 8192, 16384}) add("square", size, size, size);
    for (const Layer& layer : {Layer{4096, 1024, 14336}, Layer{8192, 1024, 28672}}) {
      add("qkv projection", tokens, layer.hidden + 2 * layer.kv, layer.hidden);
      add("output projection", tokens, layer.hidden, layer.hidden);
      add("gate and up projection", tokens, 2 * layer.ffn, layer.hidden);
      add("down projection", tokens, layer.hidden, layer.ffn);
      add("down projection, data gradient", tokens, layer.ffn, layer.hidden,
          GemmPass::data_gradient);
      add("down projection, weight gradient", layer.ffn, layer.hidden, tokens,
          GemmPass::weight_gradient);
    }
    add("vocabulary projection", tokens, vocabulary, rows.hidden);
  }
  list.memory_ops = memory_ops(rows);
  return list;
}

KernelList quick(const KernelList& list) {
  KernelList out;
  std::map<Dtype, std::vector<ListedGemm>> forward;
  for (const ListedGemm& gemm : list.gemms) {
    if (gemm.shape.pass == GemmPass::forward) forward[gemm.shape.dtype].push_back(gemm);
  }
  for (auto& [dtype, gemms] : forward) {
    std::stable_sort(gemms.begin(), gemms.end(), [](const ListedGemm& a, const ListedGemm& b) {
      return gemm_flops(a.shape) > gemm_flops(b.shape);
    });
    gemms.resize(std::min(gemms.size(), quick_gemms));
    out.gemms.insert(out.gemms.end(), gemms.begin(), gemms.end());
  }
  for (const ListedMemoryOp& op : list.memory_ops) {
    if (op.bytes >= large_op_bytes) out.memory_ops.push_back(op);
  }
  return out;
}

}  // namespace lockstep
