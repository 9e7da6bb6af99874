#include "validate/measure/together.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <exception>
#include <ostream>

#include "validate/failure_text.hpp"

namespace lockstep::validation {
namespace {

// All processes know of the failure. Its first process has the error, the others null.
struct AgreedFailure {
  std::exception_ptr error;
  int code = 0;
};

}  // namespace

void agree(Processes& processes, const std::function<void()>& local) {
  std::exception_ptr error;
  try {
    local();
  } catch (...) {
    error = std::current_exception();
  }
  const std::vector<double> codes = processes.gather(error ? failure_of(error).code : 0.0);
  const auto first =
      std::find_if(codes.begin(), codes.end(), [](double code) { return code != 0.0; });
  if (first == codes.end()) return;
  const bool here = first - codes.begin() == processes.rank();
  throw AgreedFailure{here ? error : nullptr, static_cast<int>(*first)};
}

Outcome run_together(Processes& processes, std::ostream& err,
                     const std::function<Outcome()>& command) {
  Failure failure;
  try {
    Outcome outcome = command();
    outcome.code = static_cast<int>(processes.gather(static_cast<double>(outcome.code)).front());
    if (processes.first()) return outcome;
    return {{}, outcome.code, {}};
  } catch (const AgreedFailure& agreed) {
    if (agreed.error) std::rethrow_exception(agreed.error);
    return {{}, agreed.code, {}};
  } catch (...) {
    if (processes.size() == 1) throw;
    failure = failure_of(std::current_exception());
  }
  err << failure.text
      << fmt::format("  = note: process {} of {} ended the run\n", processes.rank(),
                     processes.size())
      << std::flush;
  processes.abort(failure.code);
  return {{}, failure.code, {}};
}

}  // namespace lockstep::validation
