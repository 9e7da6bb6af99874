#include "sim/cli/input_digest.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <fstream>
#include <functional>
#include <iterator>
#include <set>
#include <system_error>

#include "scenarios/diagnostics.hpp"
#include "sim/cli/catalog_folder.hpp"
#include "sim/cli/commands.hpp"

namespace lockstep::cli {
namespace {

namespace fs = std::filesystem;

std::string digest(const std::string& bytes) {
  return fmt::format("{:016x}", std::hash<std::string>{}(bytes));
}

std::string read(const fs::path& file) {
  std::ifstream stream(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(stream), {}};
}

bool is_file(const fs::path& path) {
  std::error_code none;
  return fs::is_regular_file(path, none);
}

// The words of a YAML text that name a file beside it.
std::vector<fs::path> named_files(const std::string& text, const fs::path& folder) {
  constexpr const char* between = " \t\r\n\"',{}[]";
  std::vector<fs::path> files;
  std::size_t at = 0;
  while ((at = text.find_first_not_of(between, at)) != std::string::npos) {
    const std::size_t end = std::min(text.find_first_of(between, at), text.size());
    // No path is longer, and what is does not have to be asked for.
    constexpr std::size_t longest_path = 4096;
    if (end - at <= longest_path) {
      const fs::path file = folder / text.substr(at, end - at);
      if (is_file(file)) files.push_back(file);
    }
    at = end;
  }
  return files;
}

// Names and digests of files, each file once.
class Listing {
 public:
  void add(const std::string& text) { text_ += text + '\n'; }

  void add_file(const std::string& name, const fs::path& file) {
    if (seen_.insert(file.lexically_normal()).second) add(name + ' ' + file_digest(file));
  }

  // The file, and what it names, and what that names.
  void add_with_named(const std::string& name, const fs::path& file) {
    if (!seen_.insert(file.lexically_normal()).second) return;
    const std::string bytes = read(file);
    add(name + ' ' + digest(bytes));
    for (const fs::path& named : named_files(bytes, file.parent_path()))
      add_with_named(named.lexically_relative(file.parent_path()).string(), named);
  }

  void add_folder(const fs::path& folder) {
    std::vector<fs::path> files;
    std::error_code none;
    for (const fs::directory_entry& entry : fs::recursive_directory_iterator(folder, none)) {
      const fs::path type = entry.path().extension();
      if (entry.is_regular_file(none) && (type == ".yaml" || type == ".xml"))
        files.push_back(entry.path());
    }
    std::sort(files.begin(), files.end());
    for (const fs::path& file : files) add_file(file.lexically_relative(folder).string(), file);
  }

  [[nodiscard]] std::string digest_of_all() const { return digest(text_); }

 private:
  std::string text_;
  std::set<fs::path> seen_;
};

void add_inputs(const std::vector<std::string>& words, const Environment& environment,
                Listing& listing) {
  const Command* command = find_command("search");
  if (command == nullptr) return;
  const Arguments arguments =
      parse_arguments(command->name, words, command->options, command->positionals);
  for (const std::string& scenario : arguments.positionals())
    listing.add_with_named("scenario", scenario);
  for (const std::string& file : arguments.values("calibration"))
    listing.add_file("calibration", file);
  listing.add_folder(open_catalog(arguments, environment, {}).folder());
}

}  // namespace

std::string file_digest(const std::filesystem::path& file) {
  return is_file(file) ? digest(read(file)) : "";
}

std::string input_digest(const std::vector<std::string>& arguments,
                         const Environment& environment) {
  Listing listing;
  for (const std::string& argument : arguments) listing.add(argument);
  try {
    add_inputs(arguments, environment, listing);
  } catch (const UsageError&) {
    listing.add("usage");
  } catch (const InputError&) {
    listing.add("input");
  }
  return listing.digest_of_all();
}

}  // namespace lockstep::cli
