// Numbers as people read them: at most three significant digits, a unit that suits the size.
// Every function is independent of the locale.
#pragma once

#include <string>
#include <vector>

#include "sim/report/report.hpp"

namespace lockstep {

// A factor and a name: a time of `scale` seconds (or a memory of `scale` bytes) is one `name`.
struct DisplayUnit {
  double scale = 1;
  const char* name = "";
};

// s, ms or µs: the largest that keeps the number at 1 or above; above two hours h, then
// days and years.
DisplayUnit time_unit(double seconds);
// GiB, or MiB and KiB where the number would be below 1; TiB from 10 000 GiB on.
DisplayUnit memory_unit(double bytes);

// 71.23 -> "71.2", 1.0 -> "1", 1234.5 -> "1 230", 0.04213 -> "0.0421"; "—" where it is no number.
std::string three_digits(double value);
// With an SI suffix: 4194304 -> "4.19 M", 15e12 -> "15 T", 920 -> "920".
std::string scaled(double value);
// "71.2 s", "840 ms".
std::string duration(double seconds);
// "41.3 GiB".
std::string memory(double bytes);
// "43 %", "2.4 %" below 10 %, "<0.1 %", "0 %".
std::string percent(double share);
// "P = 0.83", "P > 0.99", "P < 0.01".
std::string probability(double p);
// "[66 … 80]" in the unit of the value, with two digits of the interval's width (three significant at most).
std::string interval(const Predicted& predicted, DisplayUnit unit);

// Decimals that show `value` with three significant digits: 71.2 -> 1, 125 -> 0, 1.42 -> 2, 1250 -> -1.
int decimals_of(double value);
// Decimals for the parts of a total: those of the total, and a tenth where no part needs three digits before the
// point.
int decimals_of_parts(const std::vector<double>& parts, double total);
// The parts in steps of 10^-decimals so that the steps sum to those of the rounded total: parts are rounded
// down, and what is then missing goes to those that lost most. The printed lines of a partition sum.
std::vector<double> round_to_sum(const std::vector<double>& parts, double total, int decimals);
// A part of such a list; "<0.1" where a part that is above zero came out as zero, "0" where it is zero.
std::string part(double rounded, double exact, int decimals);

}  // namespace lockstep
