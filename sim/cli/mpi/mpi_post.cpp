#include "sim/cli/mpi/mpi_post.hpp"

#include <mpi.h>
#include <sched.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <list>
#include <stdexcept>
#include <vector>

#include "sim/leaks.hpp"

// Sanitized programs look for leaks before MPI ends: Open MPI keeps some memory, and afterwards its
// parts are unloaded, so that nobody could tell whose it was.
#ifdef LOCKSTEP_FINDS_LEAKS
// Weak: a test program links both this and that of the other program for MPI.
extern "C" __attribute__((weak)) const char* __lsan_default_suppressions() {
  return "leak:libmpi.so\nleak:libopen-pal.so\nleak:libopen-rte.so\nleak:libpmix.so\nleak:mca_\n";
}
#endif

namespace lockstep::cli {
namespace {

constexpr int tag = 0;

void check(int code, const char* call) {
  if (code != MPI_SUCCESS) throw std::runtime_error(std::string(call) + " failed");
}

// A letter on its way.
struct Sending {
  int to = 0;
  std::string bytes;
  MPI_Request request = MPI_REQUEST_NULL;
};

class Ranks : public MpiPost {
 public:
  Ranks() {
    const NotOurLeaks its_own;
    // Only the main thread calls MPI.
    int provided = 0;
    check(MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, &provided), "MPI_Init_thread");
    if (provided < MPI_THREAD_FUNNELED)
      throw std::runtime_error("this MPI does not work in a program with threads");
    // A rank that MPI cannot reach falls silent, and that is how it is found out.
    check(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
    check(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
    lost_.resize(static_cast<std::size_t>(size_));
  }

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }

  void send(int to, std::string bytes) override {
    forget_sent();
    if (lost_[static_cast<std::size_t>(to)]) return;
    Sending& letter = sending_.emplace_back();
    letter.to = to;
    letter.bytes = std::move(bytes);
    MPI_Isend(letter.bytes.data(), static_cast<int>(letter.bytes.size()), MPI_BYTE, to, tag,
              MPI_COMM_WORLD, &letter.request);
  }

  [[nodiscard]] std::optional<Letter> receive() override {
    forget_sent();
    int there = 0;
    MPI_Status status{};
    if (MPI_Iprobe(MPI_ANY_SOURCE, tag, MPI_COMM_WORLD, &there, &status) != MPI_SUCCESS ||
        there == 0)
      return std::nullopt;
    int length = 0;
    MPI_Get_count(&status, MPI_BYTE, &length);
    Letter letter{status.MPI_SOURCE, std::string(static_cast<std::size_t>(length), '\0')};
    if (MPI_Recv(letter.bytes.data(), length, MPI_BYTE, letter.from, tag, MPI_COMM_WORLD,
                 MPI_STATUS_IGNORE) != MPI_SUCCESS)
      return std::nullopt;
    return letter;
  }

  void give_up(int rank) override { lost_[static_cast<std::size_t>(rank)] = true; }

  CpuShare cpu_share() override {
    cpu_set_t own;
    CPU_ZERO(&own);
    CpuShare share;
    share.all = static_cast<int>(::sysconf(_SC_NPROCESSORS_ONLN));
    if (::sched_getaffinity(0, sizeof own, &own) != 0) return share;
    cpu_set_t any = own;
    int sharing = 0;
    for (const cpu_set_t& other : sets_of_machine(own)) {
      sharing += CPU_EQUAL(&own, &other) ? 1 : 0;
      CPU_OR(&any, &any, &other);
    }
    share.threads = std::max(1, CPU_COUNT(&own) / std::max(1, sharing));
    share.bound = CPU_COUNT(&any);
    return share;
  }

  void finish(bool lost) override {
#ifdef LOCKSTEP_FINDS_LEAKS
    __lsan_do_leak_check();
#endif
    if (lost) {
      // MPI would wait for the lost rank; what was sent to the others is given time to leave.
      constexpr int rounds = 200;
      for (int round = 0; round < rounds && !sending_.empty(); ++round) {
        ::usleep(1000);
        forget_sent();
      }
      return;
    }
    for (Sending& letter : sending_) MPI_Wait(&letter.request, MPI_STATUS_IGNORE);
    MPI_Finalize();
  }

 private:
  void forget_sent() {
    sending_.remove_if([this](Sending& letter) {
      if (lost_[static_cast<std::size_t>(letter.to)]) return false;  // MPI may still read it
      int sent = 0;
      return MPI_Test(&letter.request, &sent, MPI_STATUS_IGNORE) != MPI_SUCCESS || sent != 0;
    });
  }

  // The CPUs that each rank of this machine may use; called by all ranks.
  static std::vector<cpu_set_t> sets_of_machine(const cpu_set_t& own) {
    MPI_Comm machine = MPI_COMM_NULL;
    check(MPI_Comm_split_type(MPI_COMM_WORLD, MPI_COMM_TYPE_SHARED, 0, MPI_INFO_NULL, &machine),
          "MPI_Comm_split_type");
    int ranks = 0;
    MPI_Comm_size(machine, &ranks);
    std::vector<cpu_set_t> sets(static_cast<std::size_t>(ranks));
    const int bytes = sizeof(cpu_set_t);
    check(MPI_Allgather(&own, bytes, MPI_BYTE, sets.data(), bytes, MPI_BYTE, machine),
          "MPI_Allgather");
    MPI_Comm_free(&machine);
    return sets;
  }

  int rank_ = 0;
  int size_ = 1;
  std::list<Sending> sending_;
  std::vector<bool> lost_;
};

}  // namespace

std::unique_ptr<MpiPost> mpi_post() {
  return std::make_unique<Ranks>();
}

}  // namespace lockstep::cli
