// What the YAML parser's own errors mean to somebody who wrote the file.
#pragma once

#include <cstddef>
#include <memory>

#include "scenarios/node.hpp"

namespace YAML {
class Exception;
}

namespace lockstep {

Diagnostic explain_syntax_error(const std::shared_ptr<const SourceText>& source, const YAML::Exception& error,
                                std::size_t first_column);

}  // namespace lockstep
