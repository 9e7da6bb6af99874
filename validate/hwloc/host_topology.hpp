// CPUs, NUMA nodes, PCIe switches and NICs of this machine, or of one whose topology somebody
// recorded, by hwloc.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "validate/discover/node_facts.hpp"
#include "validate/discover/system_files.hpp"

namespace lockstep {

class HostTopology {
 public:
  // What hwloc does not know, rates and link layers, is written into its devices as infos named
  // LinkRate, LinkLayer and LinkState, so that xml() holds all. Throws MeasurementError where hwloc
  // fails.
  static HostTopology of_this_machine(const std::vector<SystemNic>& nics);
  // What xml() or `lstopo --of xml` wrote. Throws InputError (E655).
  static HostTopology of_xml(const std::string& text, const std::string& file_name);

  ~HostTopology();
  HostTopology(HostTopology&&) noexcept;
  HostTopology& operator=(HostTopology&&) = delete;
  HostTopology(const HostTopology&) = delete;
  HostTopology& operator=(const HostTopology&) = delete;

  [[nodiscard]] HostFacts facts() const;
  [[nodiscard]] std::string xml() const;

 private:
  class Handle;
  explicit HostTopology(std::unique_ptr<Handle> handle);
  std::unique_ptr<Handle> handle_;
};

}  // namespace lockstep
