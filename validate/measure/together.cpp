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

Outcome run_together(Processes& processes, const Streams& streams,
                     const std::function<Outcome()>& command) {
  Failure failure;
  try {
    Outcome outcome = command();
    outcome.code = static_cast<int>(processes.gather(static_cast<double>(outcome.code)).front());
    if (!processes.first()) outcome = {{}, outcome.code, {}};
    if (processes.size() == 1 || outcome.code == ok) return outcome;
    streams.err << outcome.remark << std::flush;
    streams.out << outcome.output << std::flush;
    processes.let_words_arrive();
    return {{}, outcome.code, {}};
  } catch (const AgreedFailure& agreed) {
    if (processes.size() == 1) std::rethrow_exception(agreed.error);
    if (agreed.error) streams.err << failure_of(agreed.error).text << std::flush;
    processes.let_words_arrive();
    return {{}, agreed.code, {}};
  } catch (...) {
    if (processes.size() == 1) throw;
    failure = failure_of(std::current_exception());
  }
  streams.err << failure.text
              << fmt::format("  = note: process {} of {} ended the run\n", processes.rank(),
                             processes.size())
              << std::flush;
  processes.abort(failure.code);
  return {{}, failure.code, {}};
}

}  // namespace lockstep::validation
