#include "sim/cli/spread_search.hpp"

#include <ostream>
#include <sstream>

#include "sim/cli/commands.hpp"
#include "sim/cli/input_digest.hpp"

namespace lockstep::cli {
namespace {

SpreadOptions options_of(const SpreadSetup& setup, int threads) {
  SpreadOptions options;
  options.hello = setup.hello;
  options.threads = threads > 0 ? threads : setup.threads;
  options.patience = setup.patience;
  return options;
}

// Notes which ranks were given up.
class WatchedPost : public Post {
 public:
  explicit WatchedPost(Post& post) : post_(post) {}
  bool lost = false;

  [[nodiscard]] int rank() const override { return post_.rank(); }
  [[nodiscard]] int size() const override { return post_.size(); }
  void send(int to, std::string bytes) override { post_.send(to, std::move(bytes)); }
  [[nodiscard]] std::optional<Letter> receive() override { return post_.receive(); }
  void give_up(int rank) override {
    lost = true;
    post_.give_up(rank);
  }

 private:
  Post& post_;
};

RunEnd run_leader(Post& post, const std::vector<std::string>& arguments, std::ostream& out,
                  std::ostream& err, Environment environment, const SpreadSetup& setup) {
  WatchedPost watched(post);
  environment.search = [&](const Scenario& scenario, const SearchOptions& search_options,
                           int threads, const auto& progress, const std::atomic<bool>* stop) {
    const PlanSearch search(scenario, search_options, stop);
    SpreadOptions options = options_of(setup, threads);
    options.progress = progress;
    options.stop = stop;
    options.note = [&err](const std::string& note) {
      err << "lockstep-search: " << note << '\n' << std::flush;
    };
    return search.finish(lead(PlanSearchWork(search), watched, options));
  };
  RunEnd end;
  try {
    end.code = run(arguments, out, err, environment);
  } catch (const RankFailure& failure) {
    err << failure.words;
    end.code = failure.code;
  }
  out << std::flush;
  err << std::flush;
  end.lost = watched.lost;
  if (end.code != 0 && setup.let_words_arrive) setup.let_words_arrive();
  end_run(post, end);
  return end;
}

RunEnd run_helper(Post& post, const std::vector<std::string>& arguments, Environment environment,
                  const SpreadSetup& setup) {
  // Leaves the command, whose report is rank 0's.
  struct Helped {
    RunEnd end;
  };
  environment.search = [&](const Scenario& scenario, const SearchOptions& search_options,
                           int threads, const auto& /*progress*/,
                           const std::atomic<bool>* /*stop*/) -> SearchResult {
    const PlanSearch search(scenario, search_options);
    throw Helped{help(PlanSearchWork(search), post, options_of(setup, threads))};
  };
  std::ostringstream out;
  std::ostringstream err;
  try {
    Hello hello = setup.hello;
    hello.ready = false;
    hello.code = run(arguments, out, err, environment);
    hello.words = err.str();
    return decline(post, hello);
  } catch (const Helped& helped) {
    return helped.end;
  }
}

}  // namespace

RunEnd run_spread(Post& post, const std::vector<std::string>& arguments, std::ostream& out,
                  std::ostream& err, const Environment& environment, const SpreadSetup& setup) {
  SpreadSetup with_inputs = setup;
  with_inputs.hello.inputs =
      input_digest({arguments.begin() + (arguments.empty() ? 0 : 1), arguments.end()}, environment);
  if (post.rank() == 0) return run_leader(post, arguments, out, err, environment, with_inputs);
  return run_helper(post, arguments, environment, with_inputs);
}

}  // namespace lockstep::cli
