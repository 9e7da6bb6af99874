// `calibrate --corpus runs`: the fit to published runs, how well it does on models and sources that
// took no part, and from both the files of scenarios/calibrations/.
#pragma once

#include <string>
#include <vector>

#include "validate/fit_runs.hpp"
#include "validate/runs.hpp"

namespace lockstep {

struct CorpusFit {
  RunFit fit;
  Evidence evidence;                    // what evidence.yaml holds
  std::vector<ErrorSummary> in_sample;  // step time by source, then overall, of the rows of the fit
  std::vector<ErrorSummary> left_out;   // the same with the run's model left out
  std::vector<ErrorSummary> new_source;  // with all runs of its source left out
};

// Says what is being done: "fit", "models", "sources".
using CorpusProgress =
    std::function<void(const std::string& what, std::size_t done, std::size_t of)>;

// Fits, refits without each model and each source, and learns the residual's laws. Deterministic.
CorpusFit fit_corpus(const std::vector<RunRecord>& records, const Catalog& catalog,
                     const Aliases& aliases, const CorpusProgress& progress = {});

// -- renderings (pure)
std::string corpus_fit_text(const CorpusFit& fit);
std::string corpus_fit_json(const CorpusFit& fit);

}  // namespace lockstep
