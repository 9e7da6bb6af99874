#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdlib>

#include "scenarios/utf8.hpp"
#include "validate/run_row.hpp"

namespace lockstep {
namespace {

// Widths that Llama's MLPs are rounded up to.
constexpr std::int64_t gated_ffn_multiple = 256;
constexpr std::int64_t gpt_vocabulary = 51200;
constexpr std::int64_t llama_vocabulary = 32000;

// The head count nearest to the stated one (by ratio) that divides the hidden size and that tensor parallelism
// divides; 0 if there is none.
std::int64_t nearest_heads(std::int64_t heads, std::int64_t hidden, std::int64_t tensor) {
  std::int64_t best = 0;
  const auto distance = [&](std::int64_t candidate) {
    return std::fabs(std::log(static_cast<double>(candidate) / static_cast<double>(heads)));
  };
  const auto consider = [&](std::int64_t candidate) {
    if (candidate % tensor != 0) return;
    if (best == 0 || distance(candidate) < distance(best)) best = candidate;
  };
  for (std::int64_t divisor = 1; divisor * divisor <= hidden; ++divisor) {
    if (hidden % divisor != 0) continue;
    consider(divisor);
    consider(hidden / divisor);
  }
  return best;
}

void build_heads(const RunRecord& record, const Model* known, RunScenario& run) {
  Model& model = run.model;
  model.heads = *record.heads;
  model.kv_heads = record.kv_heads.value_or(known != nullptr ? known->kv() : 0);
  if (!record.kv_heads) {
    run.assumed.push_back(known == nullptr ? "kv_heads: as many as heads"
                                           : fmt::format("kv_heads: {}, as {}", model.kv_heads, known->name));
  }
  const std::int64_t stated_dim = record.head_dim.value_or(known != nullptr ? known->head_dim : 0);
  model.head_dim = 0;
  if (stated_dim > 0) {
    model.head_dim = stated_dim;
  } else if (model.hidden % model.heads != 0) {
    const std::int64_t heads = nearest_heads(model.heads, model.hidden, record.tp.value_or(1));
    if (heads == 0) {
      run.skipped = "impossible model shape: the heads do not divide the hidden size";
      return;
    }
    run.assumed.push_back(fmt::format("heads: {} ({} do not divide hidden {})", heads, model.heads, model.hidden));
    if (model.kv_heads == model.heads) model.kv_heads = heads;
    model.heads = heads;
  }
  if (model.heads % model.kv() != 0) {
    run.skipped = "impossible model shape: the key/value heads do not divide the heads";
  }
}

// A stated parameter count tells whether head and embedding share one table, where their size is big enough to
// see. Learned positions are left alone: their table grows with the sequence length.
void settle_tied_embeddings(const RunRecord& record, Model& model) {
  if (!record.params_b || model.positions == Positions::learned) return;
  Model tied = model;
  Model untied = model;
  tied.tied_embeddings = true;
  untied.tied_embeddings = false;
  const double with_one = count_parameters(tied, model.vocabulary, *record.seq_len).total;
  const double with_two = count_parameters(untied, model.vocabulary, *record.seq_len).total;
  const double stated = *record.params_b * 1e9;
  constexpr double clear = 0.25;   // of the difference between the two counts
  const double gap = with_two - with_one;
  if (std::fabs(stated - with_one) < clear * gap) model.tied_embeddings = true;
  if (std::fabs(stated - with_two) < clear * gap) model.tied_embeddings = false;
}

void build_architecture(const RunRecord& record, AliasLookup& lookup, const AliasRow& row, const Model* known,
                        RunScenario& run) {
  Model& model = run.model;
  const std::vector<AliasMatch>& architectures = lookup.all(lookup.aliases().architectures, row);
  Model by_rules;
  for (const AliasMatch& match : architectures) lookup.aliases().apply(match, by_rules);
  const bool stated = !record.word("arch").empty();
  // Where the row says otherwise, it is another model of that shape.
  const bool agrees = known != nullptr && (!stated || by_rules.activation == known->activation);
  if (agrees) {
    model = *known;
    // A learned table of positions grows with the sequence.
    if (model.max_positions < *record.seq_len) model.max_positions = 0;
    if (!stated) run.assumed.push_back(fmt::format("architecture: as {}", known->name));
    // The catalog knows its model better than rules for its family do; the words of `arch` for a part hold.
    for (const AliasMatch& match : architectures) {
      const std::vector<AliasCondition>& when = match.rule->when;
      const bool of_family = std::any_of(when.begin(), when.end(), [](const AliasCondition& condition) {
        return condition.column == "architecture";
      });
      if (!of_family) lookup.aliases().apply(match, model);
    }
  } else {
    model = by_rules;
  }
  model.name = record.model.empty() ? "model" : record.model;
  if (!agrees && (architectures.empty() || row.column("architecture").empty())) {
    const std::string unknown = row.column("architecture");
    std::string gpt = "architecture: GPT (GELU, LayerNorm, learned positions)";
    if (!unknown.empty()) gpt += fmt::format("; '{}' is not known", shortened(unknown));
    run.assumed.push_back(std::move(gpt));
  }
}

}  // namespace

void build_model(const RunRecord& record, AliasLookup& lookup, const AliasRow& row, const Model* known,
                 RunScenario& run) {
  Model& model = run.model;
  build_architecture(record, lookup, row, known, run);
  model.layers = *record.layers;
  model.hidden = *record.hidden;
  build_heads(record, known, run);
  if (!run.skipped.empty()) return;

  model.ffn_hidden = record.ffn_hidden.value_or(0);
  if (model.ffn_hidden == 0 && known != nullptr) {
    model.ffn_hidden = known->ffn();
    run.assumed.push_back(fmt::format("ffn_hidden: {}, as {}", model.ffn_hidden, known->name));
  }
  if (model.ffn_hidden == 0) {
    model.ffn_hidden = 4 * model.hidden;
    if (model.gated()) {
      const std::int64_t width = (8 * model.hidden + 2) / 3;
      model.ffn_hidden = (width + gated_ffn_multiple - 1) / gated_ffn_multiple * gated_ffn_multiple;
    }
    run.assumed.push_back(fmt::format("ffn_hidden: {}", model.ffn_hidden));
  }
  model.vocabulary = record.vocab.value_or(0);
  if (model.vocabulary == 0 && known != nullptr) {
    model.vocabulary = known->vocabulary;
    run.assumed.push_back(fmt::format("vocab: {}, as {}", model.vocabulary, known->name));
  }
  if (model.vocabulary == 0) {
    model.vocabulary = model.gated() ? llama_vocabulary : gpt_vocabulary;
    run.assumed.push_back(fmt::format("vocab: {}", model.vocabulary));
  }
  build_experts(record, known, run);
  settle_tied_embeddings(record, model);
}

}  // namespace lockstep
