// Reader of what the programs of nccl-tests (and rccl-tests) print: tables of any version since 1.0, with whatever a
// launcher put before the lines and NCCL printed between them, and the JSON of `-J`.
//
// A table is read by the names in its header line, never by fixed positions: versions differ in their columns, and
// a column may be empty (`redop` of an all-to-all before 2.13).
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "scenarios/node.hpp"

namespace lockstep {

// One side of a row. Times in seconds, bandwidths in bytes per second; empty where the log says N/A.
struct NcclTiming {
  std::optional<double> time;
  std::optional<double> algorithm_bandwidth;
  std::optional<double> bus_bandwidth;
  double bandwidth_step = 0;  // of the last printed digit of the two
  std::string wrong;          // as printed: "0", "N/A", "2e-07"; "" where there is no such column
};

struct NcclRow {
  std::size_t line = 0;       // from 0, in the source
  std::int64_t size_bytes = 0;
  std::int64_t count = 0;     // elements
  std::string type;
  std::string redop;          // "" or "none": the collective does not reduce
  std::optional<std::int64_t> root;
  NcclTiming out_of_place, in_place;
};

struct NcclDevice {
  std::size_t line = 0;
  std::int64_t rank = 0;
  std::string host;
  std::string name;           // "NVIDIA H100 80GB HBM3"
};

// One run of one program.
struct NcclTable {
  Location where;             // the header
  std::string program;        // "all_reduce" of all_reduce_perf; "" where the log does not name it
  Location named_at;
  bool announced = false;     // by "Collective test starting", which cannot be of another table
  bool cpu_time = false;      // -C: the time column is the host's; `time` then comes from the bandwidth
  std::vector<NcclRow> rows;
  std::vector<NcclDevice> devices;   // as listed before the table
};

struct NcclLog {
  std::shared_ptr<const SourceText> source;
  std::string nccl_version;   // "2.29.2"; "" where the log does not say
  std::vector<NcclTable> tables;   // at least one, each with at least one row
};

// Throws InputError with every error of the text (the first hundred):
// E501 no table, E502 a header that lacks a column, E503 a table without rows, E504 a cell that is no number,
// E505 a row that is cut off or too long, E506 times that contradict the bandwidths, E507 not the JSON of nccl-tests.
NcclLog parse_nccl_log(const std::string& text, const std::string& file_name);

// Reads the file first. E500: it cannot be read.
NcclLog load_nccl_log(const std::string& path);

// Whether the list has every rank once from 0 on. nccl-tests cuts long lists off, so a list is not to be trusted
// beyond what a second source says.
bool complete(const std::vector<NcclDevice>& devices);

}  // namespace lockstep
