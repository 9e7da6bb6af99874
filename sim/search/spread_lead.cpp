#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <thread>

#include "sim/search/crew.hpp"
#include "sim/search/shares.hpp"
#include "sim/search/spread.hpp"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;

// How often rank 0 looks for letters, and how often it says something.
constexpr std::chrono::milliseconds look(1);
constexpr std::chrono::milliseconds look_alone(50);
constexpr std::chrono::seconds say(1);
constexpr std::chrono::milliseconds between_progress(100);
// What helpers have to send what they found when the run is stopped: mpirun kills a second after
// it asked to end.
constexpr std::chrono::milliseconds last_words(400);
// So many shares does a helper have at once, so that it never waits for the next.
constexpr std::size_t shares_at_once = 2;

struct Helper {
  bool here = false;
  bool lost = false;
  Hello hello;
  Clock::time_point heard = Clock::now();
  std::uint64_t ahead = 0;  // combinations done of its shares
  std::map<std::uint64_t, std::vector<std::size_t>> shares;
};

class Leader {
 public:
  Leader(const SearchWork& work, Post& post, const SpreadOptions& options)
      : work_(work),
        post_(post),
        options_(options),
        shares_(work),
        helpers_(static_cast<std::size_t>(post.size())),
        crew_(work, options.threads, &ended_),
        state_(work.empty()) {}

  ~Leader() { ended_ = true; }  // what still runs in the crew ends early
  Leader(const Leader&) = delete;
  Leader& operator=(const Leader&) = delete;

  SearchState run() {
    meet();
    while (!through() && !stopped()) {
      feed();
      wait();
    }
    if (stopped()) wind_up();
    state_.effort.threads = threads_;
    tell({.kind = RankLetterKind::rest});
    if (options_.progress) options_.progress(done_, shares_.all_combinations());
    return std::move(state_);
  }

 private:
  [[nodiscard]] bool alone() const { return post_.size() == 1; }

  bool stopped() {
    if (options_.stop != nullptr && *options_.stop) ended_ = true;
    return ended_;
  }

  // Until every rank has said hello: what one of them cannot do has to be known before the end.
  void meet() {
    const auto waits_for = [](const Helper& helper) { return !helper.here && !helper.lost; };
    while (std::any_of(helpers_.begin() + 1, helpers_.end(), waits_for) && !stopped()) {
      std::this_thread::sleep_for(look);
      read();
      watch();
    }
    threads_ = crew_.threads();
    for (std::size_t rank = 1; rank < helpers_.size(); ++rank) {
      if (helpers_[rank].here) threads_ += helpers_[rank].hello.threads;
    }
  }

  [[nodiscard]] bool through() const {
    const auto busy = [](const Helper& helper) { return !helper.shares.empty(); };
    return shares_.empty() && crew_.outstanding() == 0 &&
           std::none_of(helpers_.begin(), helpers_.end(), busy);
  }

  void feed() {
    for (std::size_t rank = 1; rank < helpers_.size(); ++rank) {
      Helper& helper = helpers_[rank];
      while (helper.here && helper.shares.size() < shares_at_once && !shares_.empty())
        send_share(static_cast<int>(rank), helper);
    }
    // Own threads take their items one by one: nothing has to travel.
    const auto enough = 2 * static_cast<std::size_t>(crew_.threads());
    while (crew_.outstanding() < enough && !shares_.empty())
      crew_.add(shares_.take(1, 64 * threads_));
  }

  void send_share(int rank, Helper& helper) {
    RankLetter letter{.kind = RankLetterKind::share, .share = ++last_share_};
    letter.items = shares_.take(helper.hello.threads, threads_);
    letter.state = known();
    post_.send(rank, to_bytes(letter));
    helper.shares.emplace(letter.share, std::move(letter.items));
  }

  // What was found so far, without its counts.
  [[nodiscard]] std::string known() const {
    SearchState found = state_;
    found.counts = {};
    found.effort = {};
    return found.to_bytes();
  }

  void wait() {
    for (const FinishedItem& finished : crew_.take(alone() ? look_alone : look)) {
      work_.merge(state_, finished.state);
      done_ += work_.combinations(finished.item);
    }
    read();
    watch();
    show();
  }

  void read() {
    while (const std::optional<Letter> letter = post_.receive()) {
      Helper& helper = helpers_[static_cast<std::size_t>(letter->from)];
      if (helper.lost) continue;  // what it did is done by others
      helper.heard = Clock::now();
      accept(letter->from, helper, rank_letter(letter->bytes));
    }
  }

  void accept(int rank, Helper& helper, const RankLetter& letter) {
    switch (letter.kind) {
      case RankLetterKind::hello:
        check(rank, letter.hello);
        helper.hello = letter.hello;
        helper.here = true;
        return;
      case RankLetterKind::part:
        return take_part(helper, letter);
      case RankLetterKind::alive:
        helper.ahead = letter.done;
        return;
      case RankLetterKind::failed:
        throw RankFailure{rank, letter.code,
                          fmt::format("lockstep-search: rank {} on {}: {}\n", rank,
                                      helper.hello.host, letter.words)};
      default:
        return;
    }
  }

  void check(int rank, const Hello& hello) const {
    const std::string who = fmt::format("lockstep-search: rank {} on {}", rank, hello.host);
    if (!hello.ready) {
      throw RankFailure{rank, hello.code == 0 ? 1 : hello.code,
                        fmt::format("{} cannot take part:\n{}", who, hello.words)};
    }
    if (hello.program != options_.hello.program) {
      throw RankFailure{rank, 1,
                        fmt::format("{} runs another build of the program than rank 0 on {}\n"
                                    "  = hint: start the same file on every machine\n",
                                    who, options_.hello.host)};
    }
    if (hello.inputs != options_.hello.inputs) {
      throw RankFailure{
          rank, 3,
          fmt::format("{} reads another scenario, catalog or calibration than rank 0 on {}, or has "
                      "other options\n"
                      "  = hint: the files have to be the same on every machine\n",
                      who, options_.hello.host)};
    }
  }

  void take_part(Helper& helper, const RankLetter& letter) {
    const auto share = helper.shares.find(letter.share);
    if (share == helper.shares.end()) return;
    const SearchState part = SearchState::from_bytes(letter.state);
    work_.merge(state_, part);
    work_.learn(part);
    done_ += shares_.combinations(share->second);
    helper.ahead = letter.done;
    helper.shares.erase(share);
  }

  // Says something, and gives up those that do not.
  void watch() {
    const Clock::time_point now = Clock::now();
    if (alone() || now < next_say_) return;
    next_say_ = now + say;
    tell({.kind = RankLetterKind::alive});
    for (std::size_t rank = 1; rank < helpers_.size(); ++rank) {
      Helper& helper = helpers_[rank];
      if (!helper.lost && now - helper.heard > options_.patience)
        lose(static_cast<int>(rank), helper);
    }
  }

  void lose(int rank, Helper& helper) {
    helper.lost = true;
    helper.here = false;
    helper.ahead = 0;
    for (auto& [number, items] : helper.shares) shares_.give_back(std::move(items));
    helper.shares.clear();
    post_.give_up(rank);
    if (!options_.note) return;
    const std::string who = helper.hello.host.empty()
                                ? fmt::format("rank {}", rank)
                                : fmt::format("rank {} on {}", rank, helper.hello.host);
    options_.note(
        fmt::format("{} has said nothing for {:.0f} s and counts as lost; its share is done again",
                    who, options_.patience.count()));
  }

  void show() {
    const Clock::time_point now = Clock::now();
    if (!options_.progress || now < next_progress_) return;
    next_progress_ = now + between_progress;
    std::uint64_t done = done_;
    for (const Helper& helper : helpers_) done += helper.ahead;
    options_.progress(std::min(done, shares_.all_combinations()), shares_.all_combinations());
  }

  // What began before the stop ends early.
  void wind_up() {
    shares_.drop();
    tell({.kind = RankLetterKind::stop});
    const Clock::time_point end = Clock::now() + last_words;
    while (!through() && (Clock::now() < end || crew_.outstanding() > 0)) wait();
  }

  void tell(const RankLetter& letter) {
    for (std::size_t rank = 1; rank < helpers_.size(); ++rank) {
      if (!helpers_[rank].lost) post_.send(static_cast<int>(rank), to_bytes(letter));
    }
  }

  const SearchWork& work_;
  Post& post_;
  const SpreadOptions& options_;
  Shares shares_;
  std::vector<Helper> helpers_;  // by rank; that of rank 0 is not used
  std::atomic<bool> ended_ = false;
  Crew crew_;
  SearchState state_;
  int threads_ = 1;  // of all ranks
  std::uint64_t done_ = 0;
  std::uint64_t last_share_ = 0;
  Clock::time_point next_say_ = Clock::now();
  Clock::time_point next_progress_ = Clock::now() + between_progress;
};

}  // namespace

SearchState lead(const SearchWork& work, Post& post, const SpreadOptions& options) {
  return Leader(work, post, options).run();
}

void end_run(Post& post, const RunEnd& end) {
  const std::string bytes =
      to_bytes({.kind = RankLetterKind::end, .code = end.code, .lost = end.lost});
  for (int rank = 1; rank < post.size(); ++rank) post.send(rank, bytes);
}

}  // namespace lockstep
