// The ranks of one fake communicator: in this process, or in several on one machine, which then
// exchange bytes through POSIX shared memory.
#pragma once

#include <cstddef>
#include <condition_variable>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

namespace lockstep::fake {

class World {
 public:
  World(std::string name, int ranks) : name_(std::move(name)), ranks_(ranks) {}
  ~World();
  World(const World&) = delete;
  World& operator=(const World&) = delete;

  [[nodiscard]] const std::string& name() const { return name_; }
  [[nodiscard]] int ranks() const { return ranks_; }

  // What every rank gave, by rank. Waits, for ever if need be, until all have; threads of one
  // process may give the ranks of this process one by one. A rank gives at most 16 MiB where there
  // are several processes.
  std::vector<std::string> exchange(const std::map<int, std::string>& own);

  int local_ranks = 0;  // of this process
  int splits = 0;  // how often it was split, the same on every rank

 private:
  struct Shared;
  // One round of a thread that gives only some of this process's ranks.
  struct Round {
    std::map<int, std::string> own;
    std::vector<std::string> all;
    bool done = false;
  };
  std::vector<std::string> exchange_with_threads(const std::map<int, std::string>& own);
  std::vector<std::string> exchange_of_process(const std::map<int, std::string>& own);
  void open();
  [[nodiscard]] char* slot(int rank) const;

  std::string name_;
  int ranks_ = 0;
  long round_ = 0;
  Shared* shared_ = nullptr;
  std::size_t size_ = 0;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::shared_ptr<Round> current_ = std::make_shared<Round>();
};

}  // namespace lockstep::fake
