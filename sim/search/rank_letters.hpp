// What the ranks of a search write each other.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace lockstep {

// The first letter of a rank: who it is, and whether it can begin.
struct Hello {
  std::string host;
  std::string program;  // digest of the program's file
  std::string inputs;   // digest of what the program read and was told
  int threads = 1;
  // Where it cannot: the exit code it would end with, and what it would say.
  bool ready = true;
  int code = 0;
  std::string words;
};

enum class RankLetterKind : std::uint8_t {
  // to the leader
  hello,
  part,    // what a share gave
  alive,   // also from the leader; with the combinations done of unfinished shares
  failed,  // an item threw
  // from the leader
  share,  // items to do
  stop,   // end what runs, and send what it gave so far
  rest,   // the search is over, its report is not
  end     // the run ends with this code
};

// One letter; of the fields only those that its kind has.
struct RankLetter {
  RankLetterKind kind = RankLetterKind::alive;
  Hello hello;                     // hello
  std::uint64_t share = 0;         // share, part: its number
  std::vector<std::size_t> items;  // share
  std::string state;               // share: what is known; part: what it gave (SearchState)
  std::uint64_t done = 0;          // alive: combinations
  int code = 0;                    // end, failed
  bool lost = false;               // end: a rank is, so that nobody may wait for all
  std::string words;               // failed
};

std::string to_bytes(const RankLetter& letter);
// Throws std::runtime_error for anything that to_bytes() did not write.
RankLetter rank_letter(const std::string& bytes);

}  // namespace lockstep
