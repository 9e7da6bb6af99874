// A catalog of a few small entries in a folder of its own, so that tests of the loader do not depend on the
// numbers that are shipped, and may break its files.
#pragma once

#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "scenarios/scenario.hpp"

namespace lockstep::testing {

// A folder that lives as long as this.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    static int count = 0;
    path_ = std::filesystem::temp_directory_path() /
            ("lockstep-test-" + std::to_string(::getpid()) + "-" + std::to_string(++count));
    std::filesystem::create_directories(path_);
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  std::filesystem::path write(const std::string& name, const std::string& text) const {
    const std::filesystem::path file = path_ / name;
    std::filesystem::create_directories(file.parent_path());
    std::ofstream(file, std::ios::binary) << text;
    return file;
  }

 private:
  std::filesystem::path path_;
};

// {value, kind, spread, source} of a catalog file.
inline std::string constant(const std::string& value) {
  return "{value: " + value + ", kind: datasheet, spread: 5%, source: test}";
}

// GPU `tiny`, its variant `tiny-fast` with twice the memory bandwidth, the system `box` of
// eight of them, the models `small` and `small-1.5`, the software profiles `plain` and `fancy`.
class TestCatalog {
 public:
  TestCatalog() {
    write("gpus/tiny.yaml", "description: round numbers\narchitecture: ampere\npeak_fp32: " + constant("10 TFLOP/s") +
                                "\npeak_fp16: " + constant("100 TFLOP/s") + "\npeak_bf16: " +
                                constant("100 TFLOP/s") + "\nmemory_capacity: " + constant("80 GB") +
                                "\nmemory_bandwidth: " + constant("1 TB/s") +
                                "\nsm_count: 100\ngemm_efficiency_half: " + constant("80 %") +
                                "\nmemory_efficiency: " + constant("0.9") + "\n");
    write("gpus/tiny-fast.yaml", "based_on: tiny\nmemory_bandwidth: " + constant("2 TB/s") + "\n");
    write("systems/box.yaml", "gpu: tiny\ngpus_per_node: 8\nlink_bandwidth: " + constant("300 GB/s") +
                                  "\nnic_bandwidth: " + constant("200 Gb/s") + "\n");
    write("models/small.yaml", "layers: 16\nhidden: 1024\nheads: 16\nvocabulary: 32000\n");
    write("models/small-1.5.yaml", "based_on: small\nlayers: 24\n");
    write("software/plain.yaml", "source: test\nattention: unfused\ndata_exposed: " + constant("1") + "\n");
    write("software/fancy.yaml", "based_on: plain\nattention: flash2\n");
  }

  void write(const std::string& name, const std::string& text) const { (void)folder_.write(name, text); }

  [[nodiscard]] Catalog with(std::vector<Setting> settings = {}) const {
    return Catalog(folder_.path(), std::move(settings));
  }

  // A text with the folder of this catalog as CATALOG.
  [[nodiscard]] std::string anonymous(std::string text) const {
    const std::string path = folder_.path().string();
    for (std::size_t at = text.find(path); at != std::string::npos; at = text.find(path)) {
      text.replace(at, path.size(), "CATALOG");
    }
    return text;
  }

  // What loading this scenario as "s.yaml" complains about; "" if nothing.
  [[nodiscard]] std::string complaints(const std::string& yaml, std::vector<Setting> settings = {}) const {
    try {
      (void)parse_scenario(yaml, "s.yaml", with(std::move(settings)));
    } catch (const InputError& error) {
      return anonymous(error.what());
    }
    return {};
  }

 private:
  TemporaryFolder folder_;
};

// A scenario of that catalog without a mistake; 16 GPUs.
inline constexpr const char* good_scenario =
    "lockstep: 1\n"
    "model: small\n"
    "cluster: {system: box, nodes: 2}\n"
    "training: {sequence_length: 1024, global_batch: 64}\n"
    "software: plain\n"
    "plans:\n"
    "  - name: dp\n"
    "  - name: tp\n"
    "    tensor: 8\n";

// A text with one part of it replaced.
inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const std::size_t at = text.find(from);
  if (at != std::string::npos) text.replace(at, from.size(), to);
  return text;
}

}  // namespace lockstep::testing
