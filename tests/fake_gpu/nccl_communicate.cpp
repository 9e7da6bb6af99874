// What collectives of the fake NCCL do to memory and how long they take.
//
// LOCKSTEP_FAKE_NCCL_HANG_AFTER and LOCKSTEP_FAKE_NCCL_CALL_ERROR_AFTER count groups of this
// process; LOCKSTEP_FAKE_NCCL_CORRUPT is a rank whose results have a wrong last element. With
// LOCKSTEP_FAKE_NCCL_DATA=0 no bytes move, only time passes.
#include <algorithm>
#include <cstring>
#include <map>
#include <stdexcept>

#include "tests/fake_gpu/clock.hpp"
#include "tests/fake_gpu/nccl.hpp"
#include "tests/fake_gpu/nccl_elements.hpp"

namespace lockstep::fake {
namespace {

constexpr double never = 1e18;

bool moves_data() {
  return number("LOCKSTEP_FAKE_NCCL_DATA", 1) != 0;
}

std::string bytes_at(const void* pointer, std::size_t size) {
  return {static_cast<const char*>(pointer), size};
}

template <typename T>
void put(std::string& out, const T& value) {
  out.append(reinterpret_cast<const char*>(&value), sizeof value);
}

template <typename T>
T take(const std::string& text, std::size_t& at) {
  T value;
  std::memcpy(&value, text.data() + at, sizeof value);
  at += sizeof value;
  return value;
}

std::size_t size_of(const Communication& one) {
  return one.count * element_size(one.type);
}

std::size_t sent_bytes(const Communication& one) {
  const auto ranks = static_cast<std::size_t>(one.comm->world->ranks());
  switch (one.operation) {
    case Operation::reduce_scatter:
      return ranks * size_of(one);
    case Operation::broadcast:
      return one.comm->rank == one.root ? size_of(one) : 0;
    case Operation::recv:
      return 0;
    default:
      return size_of(one);
  }
}

// One after the other: the time from which a rank can begin, and what it sends (peer, size, bytes).
std::string contribution(const std::vector<Communication>& of_rank) {
  std::string out;
  put(out, std::max(stream_time(of_rank.front().stream), host_time()));
  if (!moves_data()) return out;
  for (const Communication& one : of_rank) {
    const std::size_t size = sent_bytes(one);
    if (one.operation == Operation::recv) continue;
    put(out, one.root);
    put(out, size);
    if (size > 0) out += bytes_at(one.send, size);
  }
  return out;
}

struct Given {
  double time = 0;
  std::vector<std::pair<int, std::string>> sent;  // peer or root, bytes
};

Given given_by(const std::string& text) {
  Given out;
  std::size_t at = 0;
  out.time = take<double>(text, at);
  while (at < text.size()) {
    const int peer = take<int>(text, at);
    const auto size = take<std::size_t>(text, at);
    out.sent.emplace_back(peer, text.substr(at, size));
    at += size;
  }
  return out;
}

std::string sum_of(const std::vector<Given>& all, ncclDataType_t type) {
  std::string sum = all.front().sent.front().second;
  for (std::size_t rank = 1; rank < all.size(); ++rank)
    add(sum, all[rank].sent.front().second, type);
  return sum;
}

bool reduces(Operation operation) {
  return operation == Operation::all_reduce || operation == Operation::reduce ||
         operation == Operation::reduce_scatter;
}

// What the rank receives; nothing where it receives nothing. `sum`: of all ranks, where it reduces.
std::string result_of(const Communication& one, const std::vector<Given>& all,
                      const std::string& sum) {
  const std::size_t size = size_of(one);
  const auto rank = static_cast<std::size_t>(one.comm->rank);
  const auto root = static_cast<std::size_t>(one.root);
  switch (one.operation) {
    case Operation::all_reduce:
      return sum;
    case Operation::reduce:
      return rank == root ? sum : std::string{};
    case Operation::reduce_scatter:
      return sum.substr(rank * size, size);
    case Operation::broadcast:
      return all[root].sent.front().second;
    case Operation::all_gather: {
      std::string gathered;
      for (const Given& given : all) gathered += given.sent.front().second;
      return gathered;
    }
    default:
      return {};
  }
}

using Results = std::vector<std::pair<void*, std::string>>;

// The n-th receive from a peer gets the n-th that the peer sent to this rank.
Results received(const std::vector<Communication>& of_rank, const std::vector<Given>& all) {
  Results out;
  std::map<int, std::size_t> taken;
  for (const Communication& one : of_rank) {
    if (one.operation != Operation::recv) continue;
    std::size_t wanted = taken[one.root]++;
    for (const auto& [peer, bytes] : all[static_cast<std::size_t>(one.root)].sent) {
      if (peer != one.comm->rank || wanted-- != 0) continue;
      if (bytes.size() != size_of(one)) throw std::runtime_error("fake NCCL: sizes differ");
      out.emplace_back(one.recv, bytes);
      break;
    }
  }
  return out;
}

bool between_two(const Communication& one) {
  return one.operation == Operation::send || one.operation == Operation::recv;
}

void corrupt(Results& results) {
  if (!results.empty() && !results.back().second.empty()) results.back().second.back() ^= 0x40;
}

// Every rank of this process in one collective, or in one batch of sends and receives.
void perform(World& world, const std::map<int, std::vector<Communication>>& local, bool hangs) {
  std::map<int, std::string> own;
  for (const auto& [rank, of_rank] : local) own[rank] = contribution(of_rank);
  std::vector<Given> all;
  double start = 0;
  for (const std::string& text : world.exchange(own)) {
    all.push_back(given_by(text));
    start = std::max(start, all.back().time);
  }
  const Communication& one = local.begin()->second.front();
  const std::string sum = moves_data() && reduces(one.operation) ? sum_of(all, one.type) : std::string{};
  for (const auto& [rank, of_rank] : local) {
    const Communication& first = of_rank.front();
    Results results = moves_data() ? received(of_rank, all) : Results{};
    if (moves_data() && !between_two(first)) {
      std::string result = result_of(first, all, sum);
      if (!result.empty()) results.emplace_back(first.recv, std::move(result));
    }
    if (rank == static_cast<int>(number("LOCKSTEP_FAKE_NCCL_CORRUPT", -1))) corrupt(results);
    begin_at(first.stream, start,
             {seconds_of(of_rank),
              [results] {
                for (const auto& [to, bytes] : results) std::memcpy(to, bytes.data(), bytes.size());
              },
              Kind::communication});
    if (hangs) stick(first.stream);
  }
}

}  // namespace

double seconds_of(const std::vector<Communication>& of_rank) {
  double bus_bytes = 0;
  for (const Communication& one : of_rank) {
    const auto ranks = static_cast<double>(one.comm->world->ranks());
    const auto size = static_cast<double>(size_of(one));
    const double others = ranks - 1;
    switch (one.operation) {
      case Operation::all_reduce:
        bus_bytes += size * 2 * others / ranks;
        break;
      case Operation::all_gather:
      case Operation::reduce_scatter:
        bus_bytes += size * others;
        break;
      case Operation::send:
        bus_bytes += one.root == one.comm->rank ? 0 : size;
        break;
      case Operation::recv:
        break;
      default:
        bus_bytes += size;
        break;
    }
  }
  return number("LOCKSTEP_FAKE_NCCL_LATENCY", 10e-6) +
         bus_bytes / number("LOCKSTEP_FAKE_NCCL_BANDWIDTH", 100e9);
}

namespace {
double groups = 0;  // of this process
}

bool hung() {
  return groups > number("LOCKSTEP_FAKE_NCCL_HANG_AFTER", never);
}

ncclResult_t communicate(const std::vector<Communication>& communications) {
  ++groups;
  if (groups > number("LOCKSTEP_FAKE_NCCL_CALL_ERROR_AFTER", 0)) {
    const ncclResult_t error = error_of_environment("CALL");
    if (error != ncclSuccess) return error;
  }
  const bool hangs = hung();
  // By communicator, in the order of the calls: batches of one operation per rank, then what is
  // sent and received.
  std::vector<World*> worlds;
  std::map<World*, std::map<int, std::vector<Communication>>> collectives;
  std::map<World*, std::map<int, std::vector<Communication>>> point_to_point;
  for (const Communication& one : communications) {
    if (fails(one.comm->device)) {
      set_last_error("Cuda failure 'uncorrectable ECC error encountered'");
      return ncclUnhandledCudaError;
    }
    World* world = one.comm->world.get();
    if (std::find(worlds.begin(), worlds.end(), world) == worlds.end()) worlds.push_back(world);
    (between_two(one) ? point_to_point : collectives)[world][one.comm->rank].push_back(one);
    if (!capturing(one.stream) && one.operation != Operation::recv) host_works(launch_seconds());
  }
  for (World* world : worlds) {
    std::size_t most = 0;
    for (const auto& [rank, list] : collectives[world]) most = std::max(most, list.size());
    for (std::size_t i = 0; i < most; ++i) {
      std::map<int, std::vector<Communication>> one;
      for (const auto& [rank, list] : collectives[world]) {
        if (i < list.size()) one[rank] = {list[i]};
      }
      perform(*world, one, hangs);
    }
    if (!point_to_point[world].empty()) perform(*world, point_to_point[world], hangs);
  }
  return ncclSuccess;
}

}  // namespace lockstep::fake
