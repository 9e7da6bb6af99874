// One search over threads and over ranks, with posts in this process.
#include "sim/search/spread.hpp"

#include "sim/search/crew.hpp"
#include "sim/search/shares.hpp"
#include "tests/catch.hpp"
#include "tests/support/spread_search.hpp"

using namespace lockstep;
using namespace lockstep::test;
using namespace std::chrono_literals;

namespace {

// The plans 0, 143 and 286 are the best of 1000 even ones with 7 n mod 1000 = 0, 1, 2; but 143 is
// odd, so 7 n mod 1000 = 0, 2, 4 with 7 x 286 = 2002 and 7 x 572 = 4004.
void check_all_of_a_hundred(const SearchState& state) {
  CHECK(state.counts.enumerated == 1000);
  CHECK(state.counts.legal == 500);
  CHECK(state.counts.illegal == std::map<std::string, std::uint64_t>{{"odd", 500}});
  REQUIRE(state.best.size() == 3);
  CHECK(state.best[0].number == 0);
  CHECK(state.best[1].number == 286);
  CHECK(state.best[2].number == 572);
}

Hello hello_of(int rank) {
  Hello hello;
  hello.host = "node" + std::to_string(rank);
  hello.program = "p";
  hello.inputs = "i";
  return hello;
}

SpreadOptions options_of(int rank) {
  SpreadOptions options;
  options.threads = 1;
  options.hello = hello_of(rank);
  return options;
}

// A helper in a thread of its own; `code` is what it ended with.
struct HelperThread {
  HelperThread(PostRoom& room, int rank, const SearchWork& work)
      : HelperThread(room, rank, work, options_of(rank)) {}
  HelperThread(PostRoom& room, int rank, const SearchWork& work, SpreadOptions with)
      : post(room, rank),
        options(std::move(with)),
        thread([this, &work] { code = help(work, post, options).code; }) {}
  ~HelperThread() { thread.join(); }
  HelperThread(const HelperThread&) = delete;
  HelperThread& operator=(const HelperThread&) = delete;

  PostRoom::Rank post;
  SpreadOptions options;
  int code = -1;
  std::thread thread;
};

RankLetter read(PostRoom::Rank& post, RankLetterKind kind) {
  while (true) {
    const std::optional<Letter> letter = post.receive();
    if (!letter) {
      std::this_thread::sleep_for(1ms);
      continue;
    }
    RankLetter read = rank_letter(letter->bytes);
    if (read.kind == kind) return read;
  }
}

void say_hello(PostRoom::Rank& post, const Hello& hello) {
  post.send(0, to_bytes({.kind = RankLetterKind::hello, .hello = hello}));
}

// What the leader says of a rank that greets like this.
RankFailure failure_after(const Hello& hello) {
  PostRoom room(2);
  PostRoom::Rank leader(room, 0);
  PostRoom::Rank other(room, 1);
  say_hello(other, hello);
  const CountingWork work(4);
  try {
    (void)lead(work, leader, options_of(0));
  } catch (const RankFailure& failure) {
    return failure;
  }
  return {};
}

}  // namespace

TEST_CASE("A crew does every item, and says what one threw", "[search][spread]") {
  CountingWork work(100);
  SearchState state;
  {
    Crew crew(work, 3, nullptr);
    CHECK(crew.threads() == 3);
    std::vector<std::size_t> items;
    for (std::size_t i = 0; i < 100; ++i) items.push_back(i);
    crew.add(items);
    CHECK(crew.outstanding() == 100);
    while (crew.outstanding() > 0) {
      for (const FinishedItem& finished : crew.take(10ms)) work.merge(state, finished.state);
    }
  }
  check_all_of_a_hundred(state);

  work.at_item = [](std::size_t item, const std::atomic<bool>*) {
    if (item == 5) throw std::runtime_error("item 5 is odd");
  };
  Crew crew(work, 2, nullptr);
  crew.add({3, 4, 5, 6});
  const auto until_it_throws = [&crew] {
    while (crew.outstanding() > 0) (void)crew.take(10ms);
  };
  CHECK_THROWS_WITH(until_it_throws(), "item 5 is odd");
}

TEST_CASE("Shares begin with the largest items and get smaller", "[search][spread]") {
  class Uneven : public CountingWork {
   public:
    Uneven() : CountingWork(16) {}
    [[nodiscard]] std::uint64_t combinations(std::size_t item) const override {
      return item == 7 ? 1000 : item == 2 || item == 3 ? 500 : 100;
    }
  };
  const Uneven work;
  Shares shares(work);
  CHECK(shares.all_combinations() == 3300);  // 1000 + 2 x 500 + 13 x 100
  // An eighth of 3300 for one thread of one is 412: the largest item is more.
  CHECK(shares.take(1, 1) == std::vector<std::size_t>{7});
  // An eighth of 2300, half of it: 143; each thread gets an item.
  CHECK(shares.take(2, 4) == std::vector<std::size_t>{2, 3});
  // An eighth of 1300 is 162: two items of 100, the first ones.
  CHECK(shares.take(1, 1) == std::vector<std::size_t>{0, 1});
  shares.give_back({2, 3});
  CHECK(shares.take(1, 4) == std::vector<std::size_t>{2});
  CHECK(shares.take(1, 4) == std::vector<std::size_t>{3});
  CHECK_FALSE(shares.empty());
  shares.drop();
  CHECK(shares.empty());
}

TEST_CASE("One process does all items on its threads and tells how far it is", "[search][spread]") {
  for (const int threads : {0, 1, 2, 5}) {
    const CountingWork work(100);
    PostRoom room(1);
    PostRoom::Rank post(room, 0);
    SpreadOptions options;
    options.threads = threads;
    std::uint64_t last = 0;
    options.progress = [&](std::uint64_t done, std::uint64_t all) {
      CHECK(all == 1000);
      CHECK(done >= last);
      last = done;
    };
    check_all_of_a_hundred(lead(work, post, options));
    CHECK(last == 1000);
  }
}

TEST_CASE("Several ranks find what one finds, and learn of each other", "[search][spread]") {
  for (const int ranks : {2, 3, 5}) {
    CountingWork work(100);
    work.at_item = [](std::size_t, const std::atomic<bool>*) { std::this_thread::sleep_for(1ms); };
    PostRoom room(ranks);
    std::vector<std::unique_ptr<HelperThread>> helpers;
    for (int rank = 1; rank < ranks; ++rank)
      helpers.push_back(std::make_unique<HelperThread>(room, rank, work));
    PostRoom::Rank post(room, 0);
    check_all_of_a_hundred(lead(work, post, options_of(0)));
    end_run(post, {4});
    for (const auto& helper : helpers) {
      helper->thread.join();
      CHECK(helper->code == 4);
      helper->thread = std::thread([] {});
    }
    CHECK(work.learned > 0);
    CHECK(post.given_up.empty());
  }
}

TEST_CASE("The share of a rank that falls silent is done by the others", "[search][spread]") {
  const CountingWork work(100);
  PostRoom room(2);
  PostRoom::Rank silent(room, 1);
  say_hello(silent, hello_of(1));  // and not a word more

  PostRoom::Rank post(room, 0);
  SpreadOptions options = options_of(0);
  options.patience = 1500ms;
  std::vector<std::string> notes;
  options.note = [&](const std::string& note) { notes.push_back(note); };
  const SearchState state = lead(work, post, options);
  end_run(post, {});
  check_all_of_a_hundred(state);
  CHECK(post.given_up == std::vector<int>{1});
  CHECK(notes == std::vector<std::string>{
                     "rank 1 on node1 has said nothing for 2 s and counts as lost; its share is "
                     "done again"});
  // It did get one.
  CHECK_FALSE(read(silent, RankLetterKind::share).items.empty());
}

TEST_CASE("What a lost rank sends late does not count twice", "[search][spread]") {
  CountingWork work(100);
  PostRoom room(2);
  PostRoom::Rank late(room, 1);
  say_hello(late, hello_of(1));
  PostRoom::Rank post(room, 0);
  SpreadOptions options = options_of(0);
  options.patience = 1200ms;
  options.note = [&](const std::string&) {
    // Right after it was given up, its first share comes after all.
    const RankLetter share = read(late, RankLetterKind::share);
    SearchState state;
    for (const std::size_t item : share.items) work.run(item, state, nullptr);
    late.send(
        0,
        to_bytes({.kind = RankLetterKind::part, .share = share.share, .state = state.to_bytes()}));
  };
  check_all_of_a_hundred(lead(work, post, options));
}

TEST_CASE("A stopped run keeps what was done, also by other ranks", "[search][spread]") {
  std::atomic<bool> stop = false;
  CountingWork work(100);
  // The leader's own items last until they are stopped, and then do not count.
  work.at_item = [](std::size_t, const std::atomic<bool>* stopped) {
    while (!*stopped) std::this_thread::sleep_for(1ms);
  };
  PostRoom room(2);
  PostRoom::Rank other(room, 1);
  say_hello(other, hello_of(1));
  std::size_t items = 0;
  std::thread helper([&] {
    const RankLetter share = read(other, RankLetterKind::share);
    items = share.items.size();
    stop = true;
    (void)read(other, RankLetterKind::stop);
    SearchState state;
    for (const std::size_t item : share.items) CountingWork(100).run(item, state, nullptr);
    other.send(
        0,
        to_bytes({.kind = RankLetterKind::part, .share = share.share, .state = state.to_bytes()}));
  });
  PostRoom::Rank post(room, 0);
  SpreadOptions options = options_of(0);
  options.stop = &stop;
  const SearchState state = lead(work, post, options);
  helper.join();
  CHECK(items > 0);
  CHECK(state.counts.enumerated == 10 * items);
  CHECK(state.best.front().number == 0);
}

TEST_CASE("An item that throws on another rank ends the run with its words", "[search][spread]") {
  const CountingWork work(100);
  CountingWork broken(100);
  broken.at_item = [](std::size_t, const std::atomic<bool>*) {
    throw std::runtime_error("no such plan");
  };
  PostRoom room(2);
  const HelperThread helper(room, 1, broken);
  PostRoom::Rank post(room, 0);
  std::string words;
  int code = 0;
  try {
    CountingWork slow(100);
    slow.at_item = [](std::size_t, const std::atomic<bool>*) { std::this_thread::sleep_for(2ms); };
    (void)lead(slow, post, options_of(0));
  } catch (const RankFailure& failure) {
    words = failure.words;
    code = failure.code;
  }
  end_run(post, {code});
  CHECK(words == "lockstep-search: rank 1 on node1: no such plan\n");
  CHECK(code == 1);
}

TEST_CASE("An item that throws on rank 0 ends the run", "[search][spread]") {
  CountingWork work(100);
  work.at_item = [](std::size_t item, const std::atomic<bool>*) {
    if (item == 3) throw std::runtime_error("item 3");
  };
  PostRoom room(1);
  PostRoom::Rank post(room, 0);
  CHECK_THROWS_WITH(lead(work, post, options_of(0)), "item 3");
}

TEST_CASE("A rank that cannot begin or differs ends the run", "[search][spread]") {
  Hello other = hello_of(1);
  other.program = "older";
  RankFailure failure = failure_after(other);
  CHECK(failure.code == 1);
  CHECK(failure.words ==
        "lockstep-search: rank 1 on node1 runs another build of the program than rank 0 on node0\n"
        "  = hint: start the same file on every machine\n");

  other = hello_of(1);
  other.inputs = "changed";
  failure = failure_after(other);
  CHECK(failure.code == 3);
  CHECK(failure.words ==
        "lockstep-search: rank 1 on node1 reads another scenario, catalog or calibration than rank "
        "0 on node0, or has other options\n"
        "  = hint: the files have to be the same on every machine\n");

  other = hello_of(1);
  other.ready = false;
  other.code = 3;
  other.words = "error[E301]: no such file\n";
  failure = failure_after(other);
  CHECK(failure.code == 3);
  CHECK(failure.words ==
        "lockstep-search: rank 1 on node1 cannot take part:\nerror[E301]: no such file\n");
}

TEST_CASE("A rank that cannot begin waits for the end of the run", "[search][spread]") {
  PostRoom room(2);
  PostRoom::Rank leader(room, 0);
  end_run(leader, {3, true});
  PostRoom::Rank other(room, 1);
  const RunEnd end = decline(other, hello_of(1));
  CHECK(end.code == 3);
  CHECK(end.lost);
  CHECK(read(leader, RankLetterKind::hello).hello.host == "node1");
}

TEST_CASE("A helper whose leader is lost ends", "[search][spread]") {
  const CountingWork work(4);
  PostRoom room(2);
  PostRoom::Rank post(room, 1);
  SpreadOptions options = options_of(1);
  options.patience = 1ms;
  std::string words;
  try {
    (void)help(work, post, options);
  } catch (const RankFailure& failure) {
    words = failure.words;
  }
  CHECK(words == "lockstep-search: rank 0 says nothing any more\n");
}

TEST_CASE("Letters of ranks come back as they were, and foreign ones are refused",
          "[search][spread]") {
  RankLetter letter{.kind = RankLetterKind::share, .share = 7, .items = {3, 1, 2}};
  letter.hello = hello_of(4);
  letter.hello.words = std::string("\xff\0x", 3);
  letter.state = std::string("\0\x80", 2);
  letter.done = 1ULL << 60;
  letter.code = 130;
  letter.lost = true;
  letter.words = "words";
  const std::string bytes = to_bytes(letter);
  const RankLetter again = rank_letter(bytes);
  CHECK(again.kind == RankLetterKind::share);
  CHECK(again.share == 7);
  CHECK(again.items == letter.items);
  CHECK(again.hello.host == "node4");
  CHECK(again.hello.words == letter.hello.words);
  CHECK(again.state == letter.state);
  CHECK(again.done == letter.done);
  CHECK(again.code == 130);
  CHECK(again.lost);
  CHECK(again.words == "words");
  for (std::size_t length = 0; length < bytes.size(); ++length)
    REQUIRE_THROWS_AS(rank_letter(bytes.substr(0, length)), std::runtime_error);
  CHECK_THROWS_WITH(rank_letter("\x80"), "a rank sent a letter that cannot be read");
}
