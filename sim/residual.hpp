// What a prediction is off by when every constant is right, learned from the errors on measured runs
// whose model was left out of the fit.
//
// With e = ln(measured / predicted), one standard deviation of it below and above the prediction is
//   r-(q) = S F(q) g(q) l a-(q),  r+(q) = S F(q) g(q) u a+(q)
//   S        of dense models in 16 bit
//   F(q)     factors of experts, context parallelism and narrow types
//   g(q)     `unknown` where no run has the software on this generation of GPUs, else 1
//   l, u     calibrated so that 5 % of the left-out runs lie below and 5 % above their intervals
//   a+(q)^2  = (k + sum_i w_i 2 [e_i > 0] n_i^2) / (k + sum_i w_i), a- with [e_i < 0]: how runs near
//            q fared; n_i = e_i / sqrt(S^2 F_i^2 + p_i^2) with p_i what the constants explain,
//            w_i = exp(-distance(q, i) / h) / sqrt(runs of its source, model, GPU and software)
// k and h are constants of the method. Sources count alike, whatever they publish.
#pragma once

#include <vector>

#include "scenarios/evidence.hpp"

namespace lockstep {

enum class Subject { step_time, peak_memory };

struct Residual {
  double lower = 0;     // standard deviation of ln(measured / predicted) on the side below
  double upper = 0;     // on the side above
  double peculiar = 1;  // share of the variance that two plans of one setting do not share
  bool unknown = false; // no run has the software on this generation of GPUs
};

// At a plan that is described() so. Rows of one source, model, GPU and software follow each other.
Residual residual_at(const ResidualLaw& law, const std::vector<EvidenceRow>& rows, Subject subject,
                     const EvidenceRow& plan);

// The law of these rows. Each row is seen by those of other models alone. `start` stands where the
// rows say nothing: no row at all, or none of a class.
ResidualLaw learn_residual(const std::vector<EvidenceRow>& rows, Subject subject,
                           const ResidualLaw& start = {});

// The rows of other models: what a prediction of this model rested on when it took no part.
Evidence without_model(const Evidence& evidence, const std::string& model);

}  // namespace lockstep
