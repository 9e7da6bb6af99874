#include "validate/failure_text.hpp"

#include <fmt/format.h>

#include "validate/arguments.hpp"
#include "validate/command.hpp"
#include "validate/measure/failures.hpp"

namespace lockstep::validation {
namespace {

std::string hint_line(const std::string& hint) {
  return hint.empty() ? std::string{} : fmt::format("  = hint: {}\n", hint);
}

}  // namespace

Failure failure_of(const std::exception_ptr& error) {
  try {
    std::rethrow_exception(error);
  } catch (const UsageError& wrong) {
    return {fmt::format("lockstep-validate: {}\n{}  = help: lockstep-validate --help\n",
                        wrong.what(), hint_line(wrong.hint())),
            usage};
  } catch (const InputError& wrong) {
    return {wrong.what(), invalid_input};
  } catch (const Unavailable& missing) {
    return {fmt::format("lockstep-validate: skipped: {}\n", missing.what()), skipped};
  } catch (const MeasurementError& failed) {
    return {fmt::format("lockstep-validate: measuring failed: {}\n{}", failed.what(),
                        hint_line(failed.hint())),
            internal_error};
  } catch (const std::exception& bug) {
    return {fmt::format("lockstep-validate: internal error: {}\n", bug.what()), internal_error};
  }
}

}  // namespace lockstep::validation
