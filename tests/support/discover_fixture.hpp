// The fixtures of `lockstep-validate discover`, whole or with something changed.
#pragma once

#include <fstream>
#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/process.hpp"
#include "validate/discover/gather.hpp"
#include "validate/discover/node_system.hpp"

namespace lockstep::test {

inline std::string discover_fixture(const std::string& name) {
  return std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/tests/fixtures/discover/" + name;
}

// A copy of a fixture that may be broken.
class ChangedFixture {
 public:
  explicit ChangedFixture(const std::string& name) {
    std::filesystem::copy(discover_fixture(name), folder_.path(),
                          std::filesystem::copy_options::recursive |
                              std::filesystem::copy_options::overwrite_existing);
  }
  [[nodiscard]] std::string path() const { return folder_.path().string(); }
  [[nodiscard]] std::string text(const std::string& file) const {
    return read_file(folder_.path() / file);
  }
  void write(const std::string& file, const std::string& text) const {
    (void)folder_.file(file, text);
  }
  void remove(const std::string& file) const { std::filesystem::remove(folder_.path() / file); }
  void edit_nvml(const std::function<void(nlohmann::ordered_json&)>& edit) const {
    nlohmann::ordered_json json = nlohmann::ordered_json::parse(text(nvml_file));
    edit(json);
    write(nvml_file, json.dump());
  }
  void replace_in_hwloc(const std::string& old_text, const std::string& new_text) const {
    std::string xml = text(hwloc_file);
    const std::size_t at = xml.find(old_text);
    if (at == std::string::npos) throw std::runtime_error("the fixture has no " + old_text);
    write(hwloc_file, xml.replace(at, old_text.size(), new_text));
  }

 private:
  TemporaryFolder folder_;
};

inline Catalog bundled_catalog() {
  return Catalog(std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios");
}

inline Gathered gathered(const std::string& folder, const std::string& nccl_topology = {}) {
  Gathered result = gather_recorded(folder);
  complete(result, nccl_topology);
  return result;
}

inline NodeSystem read_node(const NodeFacts& facts) {
  const Catalog catalog = bundled_catalog();
  return node_system(facts, catalog, load_aliases(catalog.folder() / "aliases" / "nccl_logs.yaml"));
}

}  // namespace lockstep::test
