// Located errors of input files: every problem of a file in one run.
#pragma once

#include <cstddef>
#include <stdexcept>
#include <string>
#include <vector>

namespace lockstep {

// Codes: E1xx syntax of a file, E2xx shape (keys, types, units), E3xx names that do not resolve,
// E4xx meaning (degrees against GPUs, layers against stages …).
struct Diagnostic {
  std::string code;
  std::string file;
  int line = 0;             // 1-based; 0: the file as a whole, or a setting of the command line
  int column = 0;           // 1-based, in characters (not bytes)
  int length = 1;           // of the marked text, in characters
  std::string path;         // dotted key path, "plans.fsdp.micro_batch"
  std::string message;
  std::string hint;
  std::string source_line;  // text of that line, for the caret
  std::string label;        // short remark beside the caret; may be empty
};

// All diagnostics of one load. what() is the rendered text.
class InputError : public std::runtime_error {
 public:
  explicit InputError(std::vector<Diagnostic> diagnostics);
  [[nodiscard]] const std::vector<Diagnostic>& diagnostics() const { return diagnostics_; }

 private:
  std::vector<Diagnostic> diagnostics_;
};

// "file:line:col: error[E203]: message", the source line, a caret, "= hint: …", as ninja and rustc
// print it. Ends with a newline. Long hints are wrapped. Control characters of the input never reach the text.
std::string render(const Diagnostic& diagnostic);
std::string render(const std::vector<Diagnostic>& diagnostics);

// The valid name with the smallest edit distance, or "" if none is near. Case, '-' and '_' count as
// equal; a name that begins with the given text is near too.
std::string nearest_name(const std::string& name, const std::vector<std::string>& valid);

// The `count` valid names that are nearest, however far: those that begin alike first. All of them, in their own
// order, where they are not more.
std::vector<std::string> nearest_names(const std::string& name, const std::vector<std::string>& valid,
                                       std::size_t count);

}  // namespace lockstep
