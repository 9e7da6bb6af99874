// Collectives by NCCL on the GPUs of a run.
//
// Communicators are NCCL's usual, blocking ones: those that do not block launch every call from a
// thread of its own, which is no part of what a training step waits for. A call that hangs is the
// watchdog's.
#pragma once

#include <exception>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "validate/gpu/cuda_runtime.hpp"
#include "validate/measure/collective_backend.hpp"
#include "validate/measure/processes.hpp"
#include "validate/measure/watchdog.hpp"
#include "validate/nccl/check_pattern.hpp"
#include "validate/nccl/nccl_library.hpp"
#include "validate/nccl/rank_places.hpp"

namespace lockstep {

struct NcclOptions {
  ElementType type = ElementType::float32;
  std::int64_t largest_bytes = 0;  // of a buffer; two of them lie on every GPU
  bool registered = false;         // buffers are registered with NCCL
};

class NcclBackend : public CollectiveBackend {
 public:
  // Makes the communicator of all ranks and the buffers. The arguments outlive the object.
  NcclBackend(const CudaRuntime& cuda, const NcclLibrary& nccl, Processes& processes,
              Watchdog& watchdog, const std::vector<RankPlace>& places, const NcclOptions& options);
  ~NcclBackend() override;

  [[nodiscard]] std::string name() const override { return "nccl"; }
  [[nodiscard]] std::int64_t ranks() const override;
  [[nodiscard]] std::int64_t local_ranks() const override;
  [[nodiscard]] std::int64_t nodes() const override;
  [[nodiscard]] std::string element_type() const override { return to_string(options_.type); }
  [[nodiscard]] std::int64_t element_bytes() const override { return bytes_of(options_.type); }

  void select(const RankGroups& groups) override;
  void prepare(const TimedCall& call) override;
  std::vector<double> run(std::int64_t iterations) override;
  std::int64_t count_wrong() override;
  std::optional<double> estimate() override;

  // Buffers are registered from the next select() on, or are not.
  void use_registration(bool registered);
  // Seconds of the fastest of some copies within the memory of each local GPU: collectives take as
  // long as their slowest GPU, so they do not show which that is.
  std::vector<double> copy_seconds();
  // Ends all communicators; for the watchdog's thread, while a call hangs.
  void abort() noexcept;
  // Calls that the running run() has queued.
  [[nodiscard]] std::int64_t queued() const { return queued_; }
  // Of the communicators; "" where NCCL says nothing.
  [[nodiscard]] std::string last_error() const;

 private:
  struct LocalRank;

  void allocate(LocalRank& local) const;
  void release(LocalRank& local) const;
  void join_all();
  void leave_groups();
  void register_buffers(LocalRank& local) const;
  void fill();
  void fill_part(const LocalRank& local, std::byte* buffer, const PatternPart& part) const;
  void poison() const;
  void enqueue(const std::vector<LocalRank*>& locals);
  void begin_group(const std::vector<LocalRank*>& locals);
  void check_call(ncclResult_t result, const LocalRank& local) const;
  void enqueue_one(const LocalRank& local) const;
  void send_to_others(const LocalRank& local) const;
  void meet();
  void wait_for_all(const std::string& phase);
  void check_async(const LocalRank& local, const std::string& phase) const;
  std::int64_t wrong_in(const LocalRank& local, const PatternPart& part) const;
  [[nodiscard]] const std::byte* send_buffer(const LocalRank& local) const;
  [[nodiscard]] std::byte* receive_buffer(const LocalRank& local) const;
  [[nodiscard]] std::string who(const LocalRank& local) const;
  [[nodiscard]] std::string all_local() const;
  [[nodiscard]] std::string call_text(const std::string& phase) const;
  void check(ncclResult_t result, const LocalRank& local, const std::string& phase) const;
  void check_group(ncclResult_t result, const std::string& phase) const;
  void settle(const LocalRank& local, ncclComm_t comm, const std::string& phase) const;
  [[nodiscard]] std::vector<LocalRank*> taking_part() const;

  const CudaRuntime& cuda_;
  const NcclLibrary& nccl_;
  Processes& processes_;
  Watchdog& watchdog_;
  const std::vector<RankPlace>& places_;
  NcclOptions options_;
  std::vector<std::unique_ptr<LocalRank>> locals_;
  void* staging_ = nullptr;  // pinned memory of the host, for checks
  CheckPattern pattern_;
  TimedCall call_;
  std::int64_t group_size_ = 1;
  std::vector<std::vector<std::int64_t>> selected_;  // groups; empty: none
  std::string group_name_;
  bool all_at_once_ = false;
  std::atomic<std::int64_t> queued_{0};
  bool warm_ = false;  // the prepared call has run
  int exceptions_before_ = std::uncaught_exceptions();
};

}  // namespace lockstep
