#include <deque>
#include <exception>
#include <map>
#include <new>
#include <optional>
#include <thread>

#include "sim/search/crew.hpp"
#include "sim/search/spread.hpp"

namespace lockstep {
namespace {

using Clock = std::chrono::steady_clock;

constexpr int leader = 0;
constexpr std::chrono::milliseconds look(1);
constexpr std::chrono::milliseconds look_at_rest(5);
constexpr std::chrono::seconds say(1);

struct Share {
  std::size_t left = 0;    // items
  std::uint64_t done = 0;  // combinations
  SearchState state;
};

class Helper {
 public:
  Helper(const SearchWork& work, Post& post, const SpreadOptions& options)
      : work_(work), post_(post), options_(options), crew_(work, options.threads, &stopped_) {}

  ~Helper() { stopped_ = true; }  // what still runs in the crew ends early
  Helper(const Helper&) = delete;
  Helper& operator=(const Helper&) = delete;

  RunEnd run() {
    RankLetter hello{.kind = RankLetterKind::hello, .hello = options_.hello};
    hello.hello.threads = crew_.threads();
    post_.send(leader, to_bytes(hello));
    while (!end_) {
      if (failed_ || resting_) {
        std::this_thread::sleep_for(look_at_rest);
      } else {
        work();
      }
      read();
      speak();
    }
    return *end_;
  }

 private:
  void work() {
    try {
      for (FinishedItem& finished : crew_.take(look)) account(finished);
    } catch (const std::bad_alloc&) {
      fail("out of memory");
    } catch (const std::exception& error) {
      fail(error.what());
    }
  }

  void account(const FinishedItem& finished) {
    const std::uint64_t number = share_of_.at(finished.item);
    share_of_.erase(finished.item);
    Share& share = shares_.at(number);
    work_.merge(share.state, finished.state);
    share.done += work_.combinations(finished.item);
    if (--share.left > 0) return;
    RankLetter part{.kind = RankLetterKind::part, .share = number, .state = share.state.to_bytes()};
    shares_.erase(number);
    part.done = ahead();
    post_.send(leader, to_bytes(part));
  }

  // The run ends; the leader says how.
  void fail(const std::string& words) {
    failed_ = true;
    stopped_ = true;
    post_.send(leader, to_bytes({.kind = RankLetterKind::failed, .code = 1, .words = words}));
  }

  void read() {
    while (const std::optional<Letter> letter = post_.receive()) {
      heard_ = Clock::now();
      accept(rank_letter(letter->bytes));
    }
  }

  void accept(const RankLetter& letter) {
    switch (letter.kind) {
      case RankLetterKind::share:
        return begin(letter);
      case RankLetterKind::stop:
        stopped_ = true;
        return;
      case RankLetterKind::rest:
        resting_ = true;
        return;
      case RankLetterKind::end:
        stopped_ = true;
        end_ = RunEnd{letter.code, letter.lost};
        return;
      default:
        return;
    }
  }

  void begin(const RankLetter& letter) {
    work_.learn(SearchState::from_bytes(letter.state));
    for (const std::size_t item : letter.items) share_of_[item] = letter.share;
    shares_[letter.share] = {letter.items.size(), 0, work_.empty()};
    crew_.add(letter.items);
  }

  [[nodiscard]] std::uint64_t ahead() const {
    std::uint64_t done = 0;
    for (const auto& [number, share] : shares_) done += share.done;
    return done;
  }

  void speak() {
    const Clock::time_point now = Clock::now();
    if (now < next_say_ || resting_) return;
    next_say_ = now + say;
    post_.send(leader, to_bytes({.kind = RankLetterKind::alive, .done = ahead()}));
    if (now - heard_ > options_.patience) {
      stopped_ = true;
      throw RankFailure{leader, 1, "lockstep-search: rank 0 says nothing any more\n"};
    }
  }

  const SearchWork& work_;
  Post& post_;
  const SpreadOptions& options_;
  std::atomic<bool> stopped_ = false;
  Crew crew_;
  std::map<std::uint64_t, Share> shares_;
  std::map<std::size_t, std::uint64_t> share_of_;  // of items
  std::optional<RunEnd> end_;
  bool failed_ = false;
  bool resting_ = false;
  Clock::time_point heard_ = Clock::now();
  Clock::time_point next_say_ = Clock::now() + say;
};

}  // namespace

RunEnd help(const SearchWork& work, Post& post, const SpreadOptions& options) {
  return Helper(work, post, options).run();
}

RunEnd decline(Post& post, const Hello& hello) {
  post.send(leader, to_bytes({.kind = RankLetterKind::hello, .hello = hello}));
  while (true) {
    while (const std::optional<Letter> letter = post.receive()) {
      const RankLetter read = rank_letter(letter->bytes);
      if (read.kind == RankLetterKind::end) return {read.code, read.lost};
    }
    std::this_thread::sleep_for(look_at_rest);
  }
}

}  // namespace lockstep
