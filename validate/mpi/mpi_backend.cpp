#include "validate/mpi/mpi_backend.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <new>

#include "validate/measure/check_values.hpp"
#include "validate/measure/failures.hpp"
#include "validate/measure/hosts.hpp"
#include "validate/mpi/mpi_check.hpp"

namespace lockstep {
namespace {

constexpr int root = 0;
constexpr int tag = 0;

// A communicator that is freed where it goes.
class Communicator {
 public:
  Communicator() = default;
  ~Communicator() { free(); }
  Communicator(const Communicator&) = delete;
  Communicator& operator=(const Communicator&) = delete;

  // Collective over all processes; `group` -1 takes no part.
  void split(std::int64_t group, int rank) {
    free();
    const int color = group < 0 ? MPI_UNDEFINED : static_cast<int>(group);
    check_mpi(MPI_Comm_split(MPI_COMM_WORLD, color, rank, &comm_), "MPI_Comm_split");
    if (!is_member()) return;
    check_mpi(MPI_Comm_set_errhandler(comm_, MPI_ERRORS_RETURN), "MPI_Comm_set_errhandler");
    check_mpi(MPI_Comm_rank(comm_, &rank_), "MPI_Comm_rank");
    check_mpi(MPI_Comm_size(comm_, &size_), "MPI_Comm_size");
  }
  [[nodiscard]] bool is_member() const { return comm_ != MPI_COMM_NULL; }
  [[nodiscard]] MPI_Comm get() const { return comm_; }
  [[nodiscard]] int rank() const { return rank_; }
  [[nodiscard]] int size() const { return size_; }

 private:
  void free() {
    if (is_member()) MPI_Comm_free(&comm_);
    comm_ = MPI_COMM_NULL;
  }

  MPI_Comm comm_ = MPI_COMM_NULL;
  int rank_ = 0;
  int size_ = 1;
};

class MpiBackend : public CollectiveBackend {
 public:
  MpiBackend(Processes& processes, std::int64_t nodes) : processes_(processes), nodes_(nodes) {}

  [[nodiscard]] std::string name() const override { return "mpi"; }
  [[nodiscard]] std::int64_t ranks() const override { return processes_.size(); }
  [[nodiscard]] std::int64_t local_ranks() const override { return 1; }
  [[nodiscard]] std::int64_t nodes() const override { return nodes_; }
  [[nodiscard]] std::string element_type() const override { return "float"; }
  [[nodiscard]] std::int64_t element_bytes() const override { return sizeof(float); }

  void select(const RankGroups& groups) override {
    comm_.split(groups.group_of(processes_.rank()), processes_.rank());
  }

  void prepare(const TimedCall& call) override {
    call_ = call;
    if (!comm_.is_member()) return;
    const auto elements = static_cast<std::size_t>(call.size_bytes) / sizeof(float);
    try {
      send_.assign(call.in_place ? 0 : elements, 0.0F);
      receive_.assign(elements, 0.0F);
    } catch (const std::bad_alloc&) {
      throw MeasurementError(fmt::format("rank {}: no memory for buffers of {} bytes",
                                         processes_.rank(), call.size_bytes),
                             "a smaller --largest, or fewer ranks on a node");
    }
    fill();
  }

  std::vector<double> run(std::int64_t iterations) override {
    processes_.barrier();
    if (!comm_.is_member()) return {};
    const double start = MPI_Wtime();
    for (std::int64_t i = 0; i < iterations; ++i) perform();
    return {(MPI_Wtime() - start) / static_cast<double>(iterations)};
  }

  std::int64_t count_wrong() override {
    if (!comm_.is_member()) return 0;
    fill();
    perform();
    const CheckValues values{call_.collective, comm_.size(), comm_.rank(), root};
    return values.wrong(receive_);
  }

  std::optional<double> estimate() override { return std::nullopt; }

 private:
  // The input, and an output that no collective leaves as it is.
  void fill() {
    const CheckValues values{call_.collective, comm_.size(), comm_.rank(), root};
    values.poison(receive_);
    // What MPI does in place takes its input from the buffer of its output.
    const bool in_output = call_.in_place || call_.collective == Collective::broadcast;
    values.input(in_output ? receive_ : send_, in_output);
  }

  [[nodiscard]] int all() const { return static_cast<int>(receive_.size()); }
  [[nodiscard]] int part() const { return all() / comm_.size(); }

  void perform() {
    const void* send = call_.in_place ? MPI_IN_PLACE : send_.data();
    switch (call_.collective) {
      case Collective::all_reduce:
        return check_mpi(
            MPI_Allreduce(send, receive_.data(), all(), MPI_FLOAT, MPI_SUM, comm_.get()),
            "MPI_Allreduce");
      case Collective::all_gather:
        return check_mpi(
            MPI_Allgather(send, part(), MPI_FLOAT, receive_.data(), part(), MPI_FLOAT, comm_.get()),
            "MPI_Allgather");
      case Collective::reduce_scatter:
        return check_mpi(MPI_Reduce_scatter_block(send, receive_.data(), part(), MPI_FLOAT, MPI_SUM,
                                                  comm_.get()),
                         "MPI_Reduce_scatter_block");
      case Collective::broadcast:
        return check_mpi(MPI_Bcast(receive_.data(), all(), MPI_FLOAT, root, comm_.get()),
                         "MPI_Bcast");
      case Collective::reduce:
        return reduce();
      case Collective::all_to_all:
        return check_mpi(
            MPI_Alltoall(send, part(), MPI_FLOAT, receive_.data(), part(), MPI_FLOAT, comm_.get()),
            "MPI_Alltoall");
      case Collective::send_recv:
        return send_recv();
    }
  }

  // In place only the root's input lies in its output; the others send theirs.
  void reduce() {
    const bool is_root = comm_.rank() == root;
    const void* send = call_.in_place ? (is_root ? MPI_IN_PLACE : receive_.data()) : send_.data();
    check_mpi(MPI_Reduce(send, is_root ? receive_.data() : nullptr, all(), MPI_FLOAT, MPI_SUM, root,
                         comm_.get()),
              "MPI_Reduce");
  }

  // A ring: to the next rank, from the one before.
  void send_recv() {
    const int next = (comm_.rank() + 1) % comm_.size();
    const int before = (comm_.rank() + comm_.size() - 1) % comm_.size();
    if (call_.in_place)
      return check_mpi(MPI_Sendrecv_replace(receive_.data(), all(), MPI_FLOAT, next, tag, before,
                                            tag, comm_.get(), MPI_STATUS_IGNORE),
                       "MPI_Sendrecv_replace");
    check_mpi(MPI_Sendrecv(send_.data(), all(), MPI_FLOAT, next, tag, receive_.data(), all(),
                           MPI_FLOAT, before, tag, comm_.get(), MPI_STATUS_IGNORE),
              "MPI_Sendrecv");
  }

  Processes& processes_;
  std::int64_t nodes_;
  Communicator comm_;
  TimedCall call_;
  std::vector<float> send_;
  std::vector<float> receive_;
};

}  // namespace

std::unique_ptr<CollectiveBackend> mpi_backend(Processes& processes,
                                               const std::vector<std::string>& hosts) {
  return std::make_unique<MpiBackend>(processes, nodes_in_blocks(hosts));
}

}  // namespace lockstep
