// Order statistics and rank correlation of small samples. Pure.
#pragma once

#include <vector>

namespace lockstep {

// The p-quantile of the values by linear interpolation between order statistics; 0 without any.
double quantile(std::vector<double> values, double p);

// quantile(values, 0.5).
double median(std::vector<double> values);

// Arithmetic mean; 0 without any.
double mean(const std::vector<double>& values);

// Spearman's rank correlation: Pearson's correlation of the ranks, equal values sharing the mean of
// their ranks. From -1 to 1; 0 where it is not defined (fewer than two pairs, or all values equal).
// `a` and `b` are of one length.
double rank_correlation(const std::vector<double>& a, const std::vector<double>& b);

}  // namespace lockstep
