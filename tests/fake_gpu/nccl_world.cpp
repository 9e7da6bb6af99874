#include "tests/fake_gpu/nccl_world.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <unistd.h>

#include <atomic>
#include <chrono>
#include <cstring>
#include <stdexcept>
#include <thread>

namespace lockstep::fake {
namespace {

constexpr std::size_t page = 4096;
constexpr std::size_t slot_bytes = std::size_t{16} << 20;

void wait_until(const std::atomic<long>& counter, long value) {
  while (counter.load() < value) std::this_thread::sleep_for(std::chrono::microseconds(20));
}

}  // namespace

struct World::Shared {
  std::atomic<long> written{0};  // ranks that gave, over all rounds
  std::atomic<long> read{0};     // ranks that took
};

World::~World() {
  if (shared_ != nullptr) ::munmap(shared_, size_);
}

char* World::slot(int rank) const {
  return reinterpret_cast<char*>(shared_) + page +
         static_cast<std::size_t>(rank) * (page + slot_bytes);
}

void World::open() {
  size_ = page + static_cast<std::size_t>(ranks_) * (page + slot_bytes);
  const int file = ::shm_open(name_.c_str(), O_CREAT | O_RDWR, 0600);
  if (file < 0 || ::ftruncate(file, static_cast<off_t>(size_)) != 0)
    throw std::runtime_error("no shared memory for the fake NCCL");
  void* mapped = ::mmap(nullptr, size_, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  ::close(file);
  if (mapped == MAP_FAILED) throw std::runtime_error("no shared memory for the fake NCCL");
  shared_ = static_cast<Shared*>(mapped);  // zeros, as the counters begin
}

std::vector<std::string> World::exchange(const std::map<int, std::string>& own) {
  const bool whole = static_cast<int>(own.size()) == local_ranks;
  return whole ? exchange_of_process(own) : exchange_with_threads(own);
}

// The thread that completes the round exchanges for all.
std::vector<std::string> World::exchange_with_threads(const std::map<int, std::string>& own) {
  std::unique_lock lock(mutex_);
  const std::shared_ptr<Round> round = current_;
  round->own.insert(own.begin(), own.end());
  if (static_cast<int>(round->own.size()) == local_ranks) {
    round->all = exchange_of_process(round->own);
    round->done = true;
    current_ = std::make_shared<Round>();
    changed_.notify_all();
  }
  changed_.wait(lock, [&] { return round->done; });
  return round->all;
}

std::vector<std::string> World::exchange_of_process(const std::map<int, std::string>& own) {
  std::vector<std::string> all(static_cast<std::size_t>(ranks_));
  if (static_cast<int>(own.size()) == ranks_) {
    for (const auto& [rank, bytes] : own) all[static_cast<std::size_t>(rank)] = bytes;
    return all;
  }
  if (shared_ == nullptr) open();
  wait_until(shared_->read, ranks_ * round_);
  for (const auto& [rank, bytes] : own) {
    if (bytes.size() > slot_bytes) throw std::runtime_error("too much for the fake NCCL");
    const std::size_t size = bytes.size();
    std::memcpy(slot(rank), &size, sizeof size);
    std::memcpy(slot(rank) + page, bytes.data(), size);
  }
  shared_->written += static_cast<long>(own.size());
  wait_until(shared_->written, ranks_ * (round_ + 1));
  for (int rank = 0; rank < ranks_; ++rank) {
    std::size_t size = 0;
    std::memcpy(&size, slot(rank), sizeof size);
    all[static_cast<std::size_t>(rank)].assign(slot(rank) + page, size);
  }
  if (round_ == 0) ::shm_unlink(name_.c_str());  // everybody has it open
  shared_->read += static_cast<long>(own.size());
  ++round_;
  return all;
}

}  // namespace lockstep::fake
