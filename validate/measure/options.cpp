#include "validate/measure/options.hpp"

#include <unistd.h>

#include <array>
#include <ctime>

namespace lockstep::validation {

std::vector<Option> with_measuring_options(std::vector<Option> own) {
  const std::vector<Option> shared{
      {"cluster",
       "CLUSTER",
       "what is measured, a system of the catalog or a YAML file: names the system "
       "and gives predictions beside the measurement",
       {}},
      {"format", "FORMAT", "how the result is written (default: text)", {"text", "json"}},
      {"output",
       "FILE",
       "also writes the measurement, as JSON, for lockstep calibrate",
       {},
       false,
       'o'},
      {"libraries", "DIR", "where CUDA's, NCCL's and NVML's libraries are looked for first", {}},
      {"catalog", "DIR", "the folder with gpus/, systems/ and software/", {}},
  };
  own.insert(own.end(), shared.begin(), shared.end());
  return own;
}

MachineFacts machine_facts(const std::string& command_line) {
  MachineFacts facts;
  facts.date = today();
  facts.command = command_line;
  std::array<char, 256> name{};
  if (::gethostname(name.data(), name.size() - 1) == 0) facts.hosts.emplace_back(name.data());
  return facts;
}

std::string today() {
  const std::time_t now = std::time(nullptr);
  std::tm parts{};
  ::gmtime_r(&now, &parts);
  std::array<char, 16> text{};
  const std::size_t length = std::strftime(text.data(), text.size(), "%Y-%m-%d", &parts);
  return {text.data(), length};
}

}  // namespace lockstep::validation
