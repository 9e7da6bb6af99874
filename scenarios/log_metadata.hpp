// Notes beside a log of nccl-tests, NAME.meta.yaml: where it was measured. They are other people's notes, so keys
// that are not known are let pass; what is known is checked.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "scenarios/node.hpp"

namespace lockstep {

// A count and where it is stated.
struct StatedMetadata {
  std::int64_t value = 0;
  Location where;
};

struct LogMetadata {
  std::string file;
  std::optional<StatedMetadata> gpus, nodes, gpus_per_node, rows;
  std::string collective;    // "all_reduce", "alltoall" …
  Location collective_at;
  std::string health;        // "healthy", "suspect", "unhealthy"; "" where not stated
  std::map<std::string, std::string> text;   // every scalar of the file, as written

  // The text of a key; "" where there is none, or where it says only that nobody knows ("unknown", "n/a", "-").
  [[nodiscard]] std::string word(const std::string& key) const;
};

// Throws InputError: what is no YAML (E1xx), what is no map (E201), counts that are none (E205).
LogMetadata parse_log_metadata(const std::string& yaml_text, const std::string& file_name);
LogMetadata load_log_metadata(const std::filesystem::path& file);

// The file that belongs to a log: x.meta.yaml of x.txt, or x.txt.meta.yaml. Nothing where there is neither.
std::optional<std::filesystem::path> log_metadata_file(const std::filesystem::path& log);

}  // namespace lockstep
