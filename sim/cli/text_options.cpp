#include "sim/cli/text_options.hpp"

namespace lockstep::cli {

TextOptions text_options(const Arguments& arguments, const Environment& environment) {
  const std::string color = arguments.value("color", "auto");
  const bool wanted = environment.stdout_is_terminal && !environment.no_color;
  TextOptions options;
  options.ops = arguments.has("ops");
  options.color = color == "always" || (color == "auto" && wanted);
  return options;
}

}  // namespace lockstep::cli
