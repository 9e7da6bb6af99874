// What a command says when it ends in an error, and the exit code that goes with it.
#pragma once

#include <exception>
#include <string>

namespace lockstep::validation {

struct Failure {
  std::string text;  // for stderr, whole lines
  int code = 1;
};

// Of every kind of error that a command throws.
Failure failure_of(const std::exception_ptr& error);

}  // namespace lockstep::validation
