#include "validate/mpi/mpi_processes.hpp"

#include <algorithm>
#include <array>
#include <chrono>
#include <climits>
#include <cstdio>
#include <cstdlib>
#include <numeric>
#include <thread>
#include <vector>

#include "validate/measure/failures.hpp"
#include "validate/mpi/mpi_check.hpp"
#include "sim/leaks.hpp"

// Sanitized programs look for leaks before MPI ends: Open MPI keeps some memory, and afterwards its
// parts are unloaded, so that nobody could tell whose it was.
#ifdef LOCKSTEP_FINDS_LEAKS
// Weak: a test program links both this and that of the other program for MPI.
extern "C" __attribute__((weak)) const char* __lsan_default_suppressions() {
  return "leak:libmpi.so\nleak:libopen-pal.so\nleak:libopen-rte.so\nleak:libpmix.so\nleak:mca_\n";
}
#endif

namespace lockstep {
namespace {

// mpirun reads what a process wrote within milliseconds; it may be kept from its core for longer.
constexpr std::chrono::milliseconds launcher_patience(500);

void find_leaks() {
#ifdef LOCKSTEP_FINDS_LEAKS
  __lsan_do_leak_check();
#endif
}

// What MPI allocates here is its own.
int init(int* provided) {
  const NotOurLeaks its_own;
  return MPI_Init_thread(nullptr, nullptr, MPI_THREAD_FUNNELED, provided);
}

class MpiProcesses : public Processes {
 public:
  MpiProcesses() {
    // The watchdog is a second thread that never calls MPI but to end the run.
    int provided = 0;
    check_mpi(init(&provided), "MPI_Init_thread");
    check_mpi(MPI_Comm_set_errhandler(MPI_COMM_WORLD, MPI_ERRORS_RETURN),
              "MPI_Comm_set_errhandler");
    if (provided < MPI_THREAD_FUNNELED)
      throw MeasurementError("this MPI does not work in a program with threads",
                             "an MPI built with MPI_THREAD_FUNNELED or more");
    check_mpi(MPI_Comm_rank(MPI_COMM_WORLD, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(MPI_COMM_WORLD, &size_), "MPI_Comm_size");
  }
  // All processes come here together: who fails alone calls abort().
  ~MpiProcesses() override {
    find_leaks();
    MPI_Finalize();
  }
  MpiProcesses(const MpiProcesses&) = delete;
  MpiProcesses& operator=(const MpiProcesses&) = delete;

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }

  void barrier() override { check_mpi(MPI_Barrier(MPI_COMM_WORLD), "MPI_Barrier"); }

  void broadcast(std::span<std::byte> bytes, int root) override {
    constexpr std::size_t most = INT_MAX;
    for (std::size_t at = 0; at < bytes.size(); at += most) {
      const auto length = static_cast<int>(std::min(most, bytes.size() - at));
      check_mpi(MPI_Bcast(bytes.data() + at, length, MPI_BYTE, root, MPI_COMM_WORLD), "MPI_Bcast");
    }
  }

  [[nodiscard]] std::vector<double> gather(double value) override {
    std::vector<double> values(static_cast<std::size_t>(size_));
    check_mpi(MPI_Allgather(&value, 1, MPI_DOUBLE, values.data(), 1, MPI_DOUBLE, MPI_COMM_WORLD),
              "MPI_Allgather");
    return values;
  }

  [[nodiscard]] std::vector<std::string> gather(const std::string& text) override {
    std::vector<int> lengths(static_cast<std::size_t>(size_));
    const auto length = static_cast<int>(text.size());
    check_mpi(MPI_Allgather(&length, 1, MPI_INT, lengths.data(), 1, MPI_INT, MPI_COMM_WORLD),
              "MPI_Allgather");
    std::vector<int> starts(lengths.size(), 0);
    std::partial_sum(lengths.begin(), lengths.end() - 1, starts.begin() + 1);
    std::string all(static_cast<std::size_t>(starts.back() + lengths.back()), '\0');
    check_mpi(MPI_Allgatherv(text.data(), length, MPI_CHAR, all.data(), lengths.data(),
                             starts.data(), MPI_CHAR, MPI_COMM_WORLD),
              "MPI_Allgatherv");
    std::vector<std::string> texts;
    for (std::size_t i = 0; i < lengths.size(); ++i)
      texts.push_back(
          all.substr(static_cast<std::size_t>(starts[i]), static_cast<std::size_t>(lengths[i])));
    return texts;
  }

  void let_words_arrive() override {
    barrier();
    std::this_thread::sleep_for(launcher_patience);
  }

  [[noreturn]] void abort(int code) override {
    std::fflush(nullptr);
    std::this_thread::sleep_for(launcher_patience);
    MPI_Abort(MPI_COMM_WORLD, code);
    std::_Exit(code);
  }

  [[nodiscard]] std::string library() const override {
    std::array<char, MPI_MAX_LIBRARY_VERSION_STRING> text{};
    int length = 0;
    check_mpi(MPI_Get_library_version(text.data(), &length), "MPI_Get_library_version");
    const std::string whole(text.data(), static_cast<std::size_t>(length));
    return whole.substr(0, whole.find_first_of(",\n"));
  }

 private:
  int rank_ = 0;
  int size_ = 1;
};

}  // namespace

std::unique_ptr<Processes> mpi_processes() {
  return std::make_unique<MpiProcesses>();
}

}  // namespace lockstep
