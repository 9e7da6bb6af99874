#include "validate/measure/hosts.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "scenarios/utf8.hpp"
#include "validate/measure/failures.hpp"

namespace lockstep {

std::vector<std::string> distinct_hosts(const std::vector<std::string>& host_of_rank) {
  std::vector<std::string> hosts;
  for (const std::string& host : host_of_rank)
    if (std::find(hosts.begin(), hosts.end(), host) == hosts.end()) hosts.push_back(host);
  return hosts;
}

std::int64_t nodes_in_blocks(const std::vector<std::string>& host_of_rank) {
  const std::vector<std::string> hosts = distinct_hosts(host_of_rank);
  const std::size_t per_host = host_of_rank.size() / hosts.size();
  for (std::size_t rank = 0; rank < host_of_rank.size(); ++rank) {
    const std::size_t block = rank / per_host;
    if (block < hosts.size() && host_of_rank[rank] == hosts[block]) continue;
    throw MeasurementError(
        fmt::format("rank {} is on {}, but {} ranks on {} hosts belong in blocks of equal size",
                    rank, printable(host_of_rank[rank]), host_of_rank.size(), hosts.size()),
        "start them with mpirun --map-by ppr:N:node, the same N on every host");
  }
  return static_cast<std::int64_t>(hosts.size());
}

}  // namespace lockstep
