#include "scenarios/quantity_pattern.hpp"

namespace lockstep {
namespace {

const char* unit_pattern(Dimension dimension) {
  switch (dimension) {
    case Dimension::none: return "%?";
    case Dimension::bytes: return "(B|bytes?|[kMGTP]B|[KMGTP]iB)";
    case Dimension::seconds: return "(s|ms|us|\u00b5s|\u03bcs|ns|min|h|d)";
    case Dimension::bytes_per_second:
      return "([kMGTP]?B/s|[KMGT]iB/s|[MGT]Bps|[kMGT]?b/s|[kMGT]?bit/s|[kMGT]bps)";
    case Dimension::flops: return "[MGTPEZY]?FLOP";
    case Dimension::flops_per_second: return "([MGTPE]?FLOP/s|[GTP]FLOPS)";
    case Dimension::watts: return "[kM]?W";
  }
  return "";
}

}  // namespace

std::string quantity_pattern(Dimension dimension) {
  return std::string("^ *[+-]?([0-9]+[.]?[0-9]*|[.][0-9]+)([eE][+-]?[0-9]+)? *") + unit_pattern(dimension) + " *$";
}

const char* quantity_example(Dimension dimension) {
  switch (dimension) {
    case Dimension::none: return "87 %";
    case Dimension::bytes: return "80 GB";
    case Dimension::seconds: return "5 us";
    case Dimension::bytes_per_second: return "400 Gb/s";
    case Dimension::flops: return "1.5 TFLOP";
    case Dimension::flops_per_second: return "989.4 TFLOP/s";
    case Dimension::watts: return "700 W";
  }
  return "";
}

}  // namespace lockstep
