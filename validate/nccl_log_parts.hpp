// Inside the reader of nccl-tests logs: what stands around the tables.
#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <string_view>

#include "validate/nccl_log_line.hpp"
#include "validate/nccl_tests_log.hpp"

namespace lockstep {

// The program whose table comes next, by what the lines before it say.
class ProgramName {
 public:
  void take(const LogLine& line, const Location& where);
  void give(NcclTable& table);   // the name, to a table that begins

 private:
  std::set<std::string> mentioned_;   // since the last table
  std::string name_;
  Location where_;
  bool announced_ = false;
  bool used_ = false;
};

// "all_reduce" of ".../all_reduce_perf"; "" where the word names no program of nccl-tests.
std::string program_in(std::string_view word);

// "#  Rank  0 Group  0 Pid 123 on node1 device  0 [0000:1b:00] NVIDIA H100", in every version.
std::optional<NcclDevice> read_device(std::string_view text, const LogLine& line);
bool starts_list(const LogLine& line);   // "# Using devices"

// "2.18.5" of "NCCL version 2.18.5+cuda12.2", "2.29.2" of "nccl-library=22902"; "" without either.
std::string stated_nccl_version(std::string_view text);
std::string nccl_version_of_code(std::int64_t code);

// Fills in times that only the bandwidth tells (-C). Throws E506 where a table's times contradict its bandwidths.
void check_times(NcclLog& log);

NcclLog parse_nccl_json(std::shared_ptr<const SourceText> source);

}  // namespace lockstep
