// lockstep-search: `lockstep search` over the ranks that mpirun started.
#include <fmt/format.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <exception>
#include <iostream>
#include <thread>

#include "sim/cli/commands.hpp"
#include "sim/cli/input_digest.hpp"
#include "sim/cli/mpi/mpi_post.hpp"
#include "sim/cli/process_environment.hpp"
#include "sim/cli/spread_search.hpp"
#include "sim/launcher.hpp"

namespace {

using namespace lockstep;
using namespace lockstep::cli;

// mpirun reads what a process wrote within milliseconds; it may be kept from its core for longer.
constexpr std::chrono::milliseconds launcher_patience(500);

std::string host_name() {
  std::array<char, 256> name{};
  return ::gethostname(name.data(), name.size() - 1) == 0 ? name.data() : "";
}

SpreadSetup setup_of(MpiPost& post, const Environment& environment) {
  SpreadSetup setup;
  setup.hello.host = host_name();
  setup.hello.program = file_digest(environment.program);
  const CpuShare share = post.cpu_share();
  setup.threads = share.threads;
  setup.let_words_arrive = [] { std::this_thread::sleep_for(launcher_patience); };
  if (post.rank() == 0 && share.bound > 0 && share.bound < share.all) {
    std::cerr << fmt::format(
        "lockstep-search: note: the ranks on {} are bound to {} of its {} CPUs; with "
        "mpirun --bind-to none they use all\n",
        setup.hello.host, share.bound, share.all);
  }
  return setup;
}

// Standard output is the launcher's, even where that gives its processes a terminal.
Environment environment_of(const Launcher& launcher) {
  Environment environment = process_environment();
  if (launcher) environment.stdout_is_terminal = false;
  return environment;
}

int run_ranks(const std::vector<std::string>& arguments, const Launcher& launcher) {
  const std::unique_ptr<MpiPost> post = mpi_post();
  if (launcher.processes > post->size()) {
    std::cerr << fmt::format(
        "lockstep-search: {} started {} processes, but MPI knows of {}\n"
        "  = hint: start them with the mpirun of that MPI, or with srun --mpi=pmix\n",
        launcher.name, launcher.processes, post->size());
    return exit_internal_error;
  }
  Environment environment = environment_of(launcher);
  if (post->rank() != 0) {
    // Rank 0 hears of it too, and says how the run ends.
    environment.catch_interrupts = nullptr;
    std::signal(SIGINT, SIG_IGN);
    std::signal(SIGTERM, SIG_IGN);
  }
  RunEnd end;
  try {
    end = run_spread(*post, arguments, std::cout, std::cerr, environment,
                     setup_of(*post, environment));
  } catch (const RankFailure& failure) {
    std::cerr << failure.words;
    end = {failure.code, true};
  }
  post->finish(end.lost);
  if (end.lost) {
    std::fflush(nullptr);
    std::_Exit(end.code);
  }
  return end.code;
}

}  // namespace

int main(int argc, char** argv) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed pipe is a failed write
  std::vector<std::string> arguments{argv + (argc > 0 ? 1 : 0), argv + argc};
  if (arguments != std::vector<std::string>{"--version"})
    arguments.insert(arguments.begin(), "search");
  const Launcher launcher =
      find_launcher([](const char* name) -> const char* { return std::getenv(name); });
  try {
    if (launcher && launcher.processes != 1) return run_ranks(arguments, launcher);
    return run(arguments, std::cout, std::cerr, environment_of(launcher));
  } catch (const std::exception& error) {
    std::cerr << "lockstep-search: internal error: " << error.what() << '\n';
    return exit_internal_error;
  }
}
