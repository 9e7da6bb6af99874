// Starts a program as a shell would and keeps what it wrote.
#pragma once

#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

namespace lockstep::test {

// A folder that goes with the object.
class TemporaryFolder {
 public:
  TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "lockstep-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("no temporary folder");
    path_ = name;
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  // Writes a file and returns its path.
  [[nodiscard]] std::string file(const std::string& name, const std::string& content) const {
    std::ofstream(path_ / name, std::ios::binary) << content;
    return (path_ / name).string();
  }

 private:
  std::filesystem::path path_;
};

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

struct Finished {
  int code = -1;         // exit code; 128 + n where signal n ended it
  std::string out;
  std::string err;
};

struct StartOptions {
  std::vector<std::pair<std::string, std::string>> environment;  // added to the own
  std::string stdout_path;                                       // written to instead of being kept
  bool stdout_closed = false;
  bool stdout_pipe_closed = false;                               // a pipe that nobody reads
};

inline void redirect(int target, const std::string& path) {
  const int file = ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
  if (file < 0 || ::dup2(file, target) < 0) ::_exit(126);
  ::close(file);
}

inline Finished start(const std::string& program, const std::vector<std::string>& arguments,
                      const StartOptions& options = {}) {
  const TemporaryFolder folder;
  const std::string out = options.stdout_path.empty() ? (folder.path() / "out").string() : options.stdout_path;
  const std::string err = (folder.path() / "err").string();
  std::vector<std::string> words{program};
  words.insert(words.end(), arguments.begin(), arguments.end());
  std::vector<char*> argv;
  for (std::string& word : words) argv.push_back(word.data());
  argv.push_back(nullptr);

  const ::pid_t child = ::fork();
  if (child < 0) throw std::runtime_error("fork failed");
  if (child == 0) {
    redirect(STDERR_FILENO, err);
    if (options.stdout_closed) {
      ::close(STDOUT_FILENO);
    } else if (options.stdout_pipe_closed) {
      std::array<int, 2> ends{};
      if (::pipe(ends.data()) != 0 || ::dup2(ends[1], STDOUT_FILENO) < 0) ::_exit(126);
      ::close(ends[0]);
      ::close(ends[1]);
    } else {
      redirect(STDOUT_FILENO, out);
    }
    for (const auto& [name, value] : options.environment) ::setenv(name.c_str(), value.c_str(), 1);
    ::execv(program.c_str(), argv.data());
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  Finished finished;
  finished.code = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
  if (options.stdout_path.empty()) finished.out = read_file(out);
  finished.err = read_file(err);
  return finished;
}

// `lockstep <arguments>`.
inline Finished run_lockstep(const std::vector<std::string>& arguments, const StartOptions& options = {}) {
  return start(LOCKSTEP_TEST_PROGRAM, arguments, options);
}

inline std::string bundled(const std::string& name) {
  return std::string(LOCKSTEP_TEST_SOURCE_DIR) + "/scenarios/" + name;
}

}  // namespace lockstep::test
