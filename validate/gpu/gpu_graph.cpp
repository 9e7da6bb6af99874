#include "validate/gpu/gpu_graph.hpp"

namespace lockstep {
namespace {

void capture(const CudaRuntime& cuda, int device, const GpuStream& stream, const Enqueue& enqueue,
             std::int64_t calls, cudaGraph_t& graph) {
  cuda.check(cuda.cudaStreamBeginCapture(stream.get(), cudaStreamCaptureModeThreadLocal),
             "cudaStreamBeginCapture", device);
  try {
    for (std::int64_t i = 0; i < calls; ++i) enqueue(stream.get());
  } catch (...) {
    static_cast<void>(cuda.cudaStreamEndCapture(stream.get(), &graph));
    throw;
  }
  cuda.check(cuda.cudaStreamEndCapture(stream.get(), &graph), "cudaStreamEndCapture", device);
}

}  // namespace

GpuGraph::GpuGraph(const CudaRuntime& cuda, int device, const GpuStream& stream,
                   const Enqueue& enqueue, std::int64_t calls)
    : cuda_(&cuda), device_(device), calls_(calls) {
  capture(cuda, device, stream, enqueue, calls, graph_);
  const cudaError_t error = cuda.cudaGraphInstantiateWithFlags(&executable_, graph_, 0);
  if (error != cudaSuccess) static_cast<void>(cuda.cudaGraphDestroy(graph_));
  cuda.check(error, "cudaGraphInstantiate", device);
}

GpuGraph::~GpuGraph() {
  if (executable_ != nullptr) static_cast<void>(cuda_->cudaGraphExecDestroy(executable_));
  if (graph_ != nullptr) static_cast<void>(cuda_->cudaGraphDestroy(graph_));
}

void GpuGraph::launch(const GpuStream& stream) const {
  cuda_->check(cuda_->cudaGraphLaunch(executable_, stream.get()), "cudaGraphLaunch", device_);
}

}  // namespace lockstep
