#include "sim/cli/output_file.hpp"

#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>

#include <fmt/format.h>

#include "scenarios/utf8.hpp"
#include "sim/cli/options.hpp"

namespace lockstep::cli {

namespace {

[[noreturn]] void fail(const std::string& option, const std::string& path, int error) {
  const std::string why = error == 0 ? "unknown error" : std::strerror(error);
  throw UsageError(fmt::format("{}: {} cannot be written: {}", option, printable(path), why),
                   "a path in a folder that exists and where there is room");
}

// Empty, or errno's number of what went wrong.
int write_to(const std::filesystem::path& path, const std::function<void(std::ostream&)>& content) {
  errno = 0;
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  if (!file.is_open()) return errno == 0 ? EIO : errno;
  content(file);
  file.close();
  return file.good() ? 0 : (errno == 0 ? EIO : errno);
}

// A link keeps its place; what it leads to is written, there or not.
std::filesystem::path behind_links(std::filesystem::path path) {
  constexpr int most_links = 40;
  std::error_code unknown;
  for (int i = 0; i < most_links && std::filesystem::is_symlink(path, unknown); ++i) {
    path = path.parent_path() / std::filesystem::read_symlink(path, unknown);
  }
  return path;
}

}  // namespace

void write_file(const std::string& path, const std::string& option,
                const std::function<void(std::ostream&)>& content) {
  std::error_code unknown;
  const auto status = std::filesystem::status(path, unknown);
  if (std::filesystem::is_directory(status)) fail(option, path, EISDIR);
  if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
    if (const int error = write_to(path, content); error != 0) fail(option, path, error);
    return;
  }
  const std::filesystem::path target = behind_links(path);
  const std::filesystem::path temporary =
      target.string() + fmt::format(".{}.part", static_cast<long>(::getpid()));
  int error = write_to(temporary, content);
  if (error == 0) {
    std::filesystem::rename(temporary, target, unknown);
    error = unknown.value();
  }
  if (error == 0) return;
  std::filesystem::remove(temporary, unknown);
  fail(option, path, error);
}

}  // namespace lockstep::cli
