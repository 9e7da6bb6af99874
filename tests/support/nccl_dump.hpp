// The sample dumps under tests/fuzz/seeds/nccl_xml.
#pragma once

#include <fstream>
#include <sstream>
#include <string>

#include "scenarios/nccl_xml.hpp"
#include "tests/catch.hpp"

namespace lockstep::testing {

inline std::string dump_path(const std::string& name) {
  return std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/tests/fuzz/seeds/nccl_xml/" + name;
}

inline std::string dump_text(const std::string& name) {
  std::ifstream file(dump_path(name), std::ios::binary);
  REQUIRE(file);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

inline nccl::ImportedTopology topology_of(const std::string& name) {
  return parse_nccl_topology(dump_text(name), name);
}

inline nccl::ImportedGraphs graph_file_of(const std::string& name) {
  return parse_nccl_graphs(dump_text(name), name);
}

}  // namespace lockstep::testing
