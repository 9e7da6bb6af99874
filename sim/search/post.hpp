// Letters between the processes of one search.
#pragma once

#include <optional>
#include <string>

namespace lockstep {

struct Letter {
  int from = 0;
  std::string bytes;
};

// What carries them, such as MPI. Used by one thread. Letters of one sender come in their order.
class Post {
 public:
  virtual ~Post() = default;
  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  // Returns at once; what a lost rank does not take is dropped without a word.
  virtual void send(int to, std::string bytes) = 0;
  // One that has come; waits for none.
  [[nodiscard]] virtual std::optional<Letter> receive() = 0;
  // The rank counts as lost: nothing waits for it any more.
  virtual void give_up(int rank) = 0;
};

}  // namespace lockstep
