#include "scenarios/fields.hpp"
#include "scenarios/fields/limits.hpp"

namespace lockstep {
namespace {

constexpr auto rate = Dimension::flops_per_second;
constexpr auto none = Dimension::none;

void describe_datasheet(FieldVisitor& visitor, Gpu& gpu) {
  constexpr Fallback lacking{0.0, 0.0, "not stated: taken as lacking in hardware"};
  visitor.text({"description", "One line for lists: form factor, memory, what sets it apart."}, gpu.description);
  visitor.text({"architecture", "volta, turing, ampere, ada, hopper or blackwell.", true}, gpu.architecture);
  visitor.constant({"peak_fp32", "Dense matrix peak in fp32 (no TF32), FLOP/s.", false, lacking}, gpu.peak_fp32, rate,
                   limits::compute_rate);
  visitor.constant({"peak_tf32", "Dense matrix peak in TF32, FLOP/s; 0 where the hardware lacks it.", false, lacking},
                   gpu.peak_tf32, rate, limits::compute_rate);
  visitor.constant({"peak_fp16", "Dense matrix peak in fp16 with fp32 accumulation, FLOP/s.", true}, gpu.peak_fp16,
                   rate, limits::compute_rate);
  visitor.constant({"peak_bf16", "Dense matrix peak in bf16, FLOP/s; 0 where the hardware lacks it.", false, lacking},
                   gpu.peak_bf16, rate, limits::compute_rate);
  visitor.constant({"peak_fp8", "Dense matrix peak in fp8, FLOP/s; 0 where the hardware lacks it.", false, lacking},
                   gpu.peak_fp8, rate, limits::compute_rate);
  visitor.constant({"peak_fp4", "Dense matrix peak in fp4, FLOP/s; 0 where the hardware lacks it.", false, lacking},
                   gpu.peak_fp4, rate, limits::compute_rate);
  visitor.constant({"memory_capacity", "Device memory that the driver reports to the framework, bytes.", true},
                   gpu.memory_capacity, Dimension::bytes, {0.0, 1e15, true});
  visitor.constant({"memory_bandwidth", "Nominal bandwidth of the device memory, bytes per second.", true},
                   gpu.memory_bandwidth, Dimension::bytes_per_second, limits::bandwidth);
  visitor.constant({"l2_capacity", "Size of the L2 cache, bytes.", false,
                    {40e6, 0.0, "not stated: the L2 of an A100"}},
                   gpu.l2_capacity, Dimension::bytes, limits::memory_size);
  visitor.count({"sm_count", "Streaming multiprocessors that the part enables.", true}, gpu.sm_count, 1, 100'000);
  visitor.constant({"power_limit", "Power limit of the board, watts; 0: not stated.", false,
                    {0.0, 0.0, "not stated"}},
                   gpu.power_limit, Dimension::watts, {0.0, 1e5, false});
  visitor.constant({"rated_power", "Power limit per PFLOP/s of the 16-bit peak at which the shares of the peak hold, "
                                   "watts; 0: they hold at any.", false, {0.0, 0.0, "not stated"}},
                   gpu.rated_power, Dimension::watts, {0.0, 1e6, false});
  visitor.constant({"power_exponent", "GEMM rates follow (power_limit / (rated_power x peak_fp16))^this.", false,
                    {0.5, 0.2, "between 1/3 (power as the cube of the clock) and 1 (as the clock)"}},
                   gpu.power_exponent, none, {0.0, 1.0, false});
}

void describe_gemm(FieldVisitor& visitor, Gpu& gpu) {
  constexpr const char* same_class = "not measured for this GPU: what GPUs of its class reach";
  visitor.constant({"gemm_efficiency_fp32", "Share of peak_fp32 that a very large GEMM sustains.", false,
                    {0.85, 0.1, same_class}},
                   gpu.gemm_efficiency_fp32, none, limits::positive_share);
  visitor.constant({"gemm_efficiency_tf32", "Share of peak_tf32 that a very large GEMM sustains.", false,
                    {0.75, 0.1, same_class}},
                   gpu.gemm_efficiency_tf32, none, limits::positive_share);
  visitor.constant({"gemm_efficiency_half",
                    "Share of peak_fp16 or peak_bf16 that a very large GEMM sustains, power and clock included.", true},
                   gpu.gemm_efficiency_half, none, limits::positive_share);
  visitor.constant({"gemm_efficiency_fp8", "Share of peak_fp8 that a very large GEMM sustains, casts excluded.", false,
                    {0.62, 0.15, same_class}},
                   gpu.gemm_efficiency_fp8, none, limits::positive_share);
  visitor.constant({"gemm_efficiency_mxfp8", "Share of peak_fp8 that a very large block-scaled GEMM sustains.", false,
                    {0.55, 0.15, same_class}},
                   gpu.gemm_efficiency_mxfp8, none, limits::positive_share);
  visitor.constant({"gemm_efficiency_fp4", "Share of peak_fp4 that a very large block-scaled GEMM sustains.", false,
                    {0.45, 0.3, same_class}},
                   gpu.gemm_efficiency_fp4, none, limits::positive_share);
  visitor.constant({"fp8_rowwise_rate", "Rate of fp8 GEMMs with a scale per row over those with one per tensor.",
                    false, {0.7, 0.12, "CUTLASS kernels scaled by rows against cuBLAS, Hopper"}},
                   gpu.fp8_rowwise_rate, none, limits::positive_share);
  visitor.constant({"fp8_blockwise_rate", "Rate of fp8 GEMMs with a scale per block of 128 over those with one per "
                                          "tensor.", false, {0.93, 0.08, "DeepGEMM against cuBLAS, Hopper"}},
                   gpu.fp8_blockwise_rate, none, limits::positive_share);
  constexpr const char* form = "shape of GEMM time over size, typical of cuBLAS";
  visitor.constant({"gemm_m0", "Rows M at which a GEMM loses half of its efficiency to tiles; t = F/(P e) "
                               "(1+m0/M)(1+n0/N)(1+k0/K).", false, {70.0, 0.3, form}},
                   gpu.gemm_m0, none, {0.0, 1e5, false});
  visitor.constant({"gemm_n0", "The same for columns N.", false, {70.0, 0.5, form}}, gpu.gemm_n0, none,
                   {0.0, 1e5, false});
  visitor.constant({"gemm_k0", "The same for the inner size K.", false, {150.0, 0.5, form}}, gpu.gemm_k0, none,
                   {0.0, 1e5, false});
  visitor.constant({"gemm_fixed_time", "Time of one GEMM kernel that does not depend on its size.", false,
                    {7e-6, 0.25, "launch and tail of one kernel"}},
                   gpu.gemm_fixed_time, Dimension::seconds, limits::latency);
  visitor.constant({"gemm_misaligned", "Efficiency factor where N or K is not a multiple of 64.", false,
                    {0.76, 0.1, "cuBLAS falls back to smaller tiles"}},
                   gpu.gemm_misaligned, none, limits::positive_share);
  visitor.constant({"memory_efficiency", "Share of memory_bandwidth that streaming kernels reach.", true},
                   gpu.memory_efficiency, none, limits::positive_share);
}

void describe_memory_kernels(FieldVisitor& visitor, Gpu& gpu) {
  visitor.constant({"memory_fixed_time", "Time of one memory-bound kernel that does not depend on its size.", false,
                    {2e-6, 0.5, "launch and tail of one kernel"}},
                   gpu.memory_fixed_time, Dimension::seconds, limits::latency);
  constexpr const char* stream = "taken as a streaming kernel";
  const auto share = [&](const char* key, const char* doc, Constant<double>& value, double usual, double spread,
                         const char* why) {
    visitor.constant({key, doc, false, {usual, spread, why}}, value, none, limits::positive_share);
  };
  share("memory_norm", "Bandwidth of norms over that of a streaming kernel.", gpu.memory_norm, 1.0, 0.1, stream);
  share("memory_rope", "The same for rotary embeddings.", gpu.memory_rope, 1.0, 0.1, stream);
  share("memory_activation", "The same for activation functions.", gpu.memory_activation, 1.0, 0.1, stream);
  share("memory_softmax", "The same for softmax, mask and dropout of scores.", gpu.memory_softmax, 1.0, 0.1, stream);
  share("memory_cast", "The same for casts to fp8 and fp4.", gpu.memory_cast, 1.0, 0.1, stream);
  share("memory_permutation", "The same for rows gathered or scattered by index.", gpu.memory_permutation, 1.0, 0.1,
        stream);
  share("memory_loss", "The same for the loss.", gpu.memory_loss, 1.0, 0.1, stream);
  share("memory_optimizer", "The same for the optimizer.", gpu.memory_optimizer, 1.0, 0.1, stream);
}

void describe_attention(FieldVisitor& visitor, Gpu& gpu) {
  constexpr const char* published = "published attention kernel tables of the same class of GPU";
  visitor.constant({"attention_flash1", "FlashAttention-1: share of the half-precision peak, forward, long sequence, "
                                        "head size 128.", false, {0.25, 0.3, published}},
                   gpu.attention_flash1, none, limits::positive_share);
  visitor.constant({"attention_flash2", "FlashAttention-2: the same.", false, {0.4, 0.2, published}},
                   gpu.attention_flash2, none, limits::positive_share);
  visitor.constant({"attention_flash3", "FlashAttention-3, cuDNN or Transformer Engine: the same.", false,
                    {0.5, 0.2, published}},
                   gpu.attention_flash3, none, limits::positive_share);
  visitor.constant({"attention_half_sequence", "Sequence length s0 at which attention reaches half of its efficiency: "
                                               "e(s) = e s/(s+s0).", false, {600.0, 0.3, published}},
                   gpu.attention_half_sequence, none, {0.0, 1e6, false});
  visitor.constant({"attention_backward", "Efficiency of the backward over the forward kernel.", false,
                    {0.89, 0.05, published}},
                   gpu.attention_backward, none, limits::factor);
  visitor.constant({"attention_head64", "Efficiency factor at head size 64.", false, {0.95, 0.1, published}},
                   gpu.attention_head64, none, limits::factor);
  constexpr const char* batched = "batched GEMMs of unfused attention in published step times";
  visitor.constant({"batched_gemm_efficiency", "Unfused attention: share of gemm_efficiency_half.", false,
                    {0.7, 0.2, batched}},
                   gpu.batched_gemm_efficiency, none, limits::positive_share);
  visitor.constant({"batched_gemm_half_head", "Head size at which a batched GEMM reaches half of its efficiency.",
                    false, {78.0, 0.3, batched}},
                   gpu.batched_gemm_half_head, none, {0.0, 1e4, false});
  visitor.constant({"batched_gemm_misaligned", "Efficiency factor where the head size is not a multiple of 8.", false,
                    {0.2, 0.3, batched}},
                   gpu.batched_gemm_misaligned, none, limits::positive_share);
  visitor.constant({"overlap_slowdown", "Seconds of compute lost per second of communication that runs beside it.",
                    false, {0.2, 0.5, "SMs and memory bandwidth that NCCL takes; differs much between studies"}},
                   gpu.overlap_slowdown, none, limits::share);
}

}  // namespace

void describe(FieldVisitor& visitor, Gpu& gpu) {
  describe_datasheet(visitor, gpu);
  describe_gemm(visitor, gpu);
  describe_memory_kernels(visitor, gpu);
  describe_attention(visitor, gpu);
}

}  // namespace lockstep
