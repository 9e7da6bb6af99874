// What the runtime's handles point to in the fake.
#pragma once

#include <memory>
#include <vector>

#include "tests/fake_gpu/clock.hpp"

struct CUstream_st {
  int device = 0;
  double time = 0;        // when all that was queued is done
  double busy_since = 0;  // begin of the unbroken work of this kind that ends at `time`
  lockstep::fake::Kind kind = lockstep::fake::Kind::compute;
  bool stuck = false;
  std::shared_ptr<lockstep::fake::Graph> capture;
};

struct CUevent_st {
  double time = 0;
  bool recorded = false;
  bool stuck = false;
  std::shared_ptr<lockstep::fake::Graph> capture;  // recorded while its stream captured
};

struct CUgraph_st {
  lockstep::fake::Graph graph;
};

struct CUgraphExec_st {
  lockstep::fake::Graph graph;
};

namespace lockstep::fake {

CUstream_st& stream_of(cudaStream_t stream);
void add_stream(CUstream_st* stream);
void remove_stream(CUstream_st* stream);
const std::vector<CUstream_st*>& all_streams();
void set_device(int device);

}  // namespace lockstep::fake
