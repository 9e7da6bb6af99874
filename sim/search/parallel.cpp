// A search on the threads of this process.
#include "sim/search/search_work.hpp"
#include "sim/search/spread.hpp"

namespace lockstep {
namespace {

// A run of one rank, which writes to nobody.
class NoPost : public Post {
 public:
  [[nodiscard]] int rank() const override { return 0; }
  [[nodiscard]] int size() const override { return 1; }
  void send(int /*to*/, std::string /*bytes*/) override {}
  [[nodiscard]] std::optional<Letter> receive() override { return std::nullopt; }
  void give_up(int /*rank*/) override {}
};

}  // namespace

SearchResult search_plans(const Scenario& scenario, const SearchOptions& options, int threads,
                          const std::function<void(std::uint64_t, std::uint64_t)>& progress,
                          const std::atomic<bool>* stop) {
  const PlanSearch search(scenario, options, stop);
  const PlanSearchWork work(search);
  NoPost post;
  SpreadOptions spread;
  spread.threads = threads;
  spread.progress = progress;
  spread.stop = stop;
  return search.finish(lead(work, post, spread));
}

}  // namespace lockstep
