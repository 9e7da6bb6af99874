// Tables of kernels: what is read, what is fitted, what is written.
#include <cmath>
#include <string>

#include <fmt/format.h>

#include "scenarios/diagnostics.hpp"
#include "tests/catch.hpp"
#include "validate/kernel_corpus.hpp"
#include "validate/kernel_fit.hpp"
#include "validate/kernel_report.hpp"

using namespace lockstep;

namespace {

const KernelConstant* constant(const KernelFit& fit, const std::string& name) {
  for (const KernelConstant& c : fit.constants) {
    if (c.name == name) return &c;
  }
  return nullptr;
}

}  // namespace

TEST_CASE("kernel tables: columns say the kind, and rows that no fit uses stay out") {
  KernelCorpus corpus;
  add_kernel_table(
      "device,dtype,library,M,N,K,batch,time_us,tflops,peak_tflops,eff,timing,source\n"
      "A40,fp16,cuBLAS,128,1024,2048,1,10,1,149.7,1,kernel (profiler),x\n"
      "A40,fp16,cuBLAS,32,1024,2048,1,10,1,149.7,1,kernel (profiler),x\n"
      "A40,fp16,DeepGEMM,128,1024,2048,1,10,1,149.7,1,wall (loop),x\n",
      "g.csv", corpus);
  REQUIRE(corpus.gemms.size() == 1);
  CHECK(corpus.gemms[0].seconds == Approx(10e-6));
  CHECK(corpus.gemms[0].peak == Approx(149.7e12));
  add_kernel_table(
      "device,impl,dtype,pass,head_dim,causal,seq,tflops,peak_tflops,eff,source\n"
      "H100,FA2,fp16,bwd,64,1,512,1,989,0.2,x\n"
      "H100,PyTorch std,fp16,fwd,128,1,512,1,989,0.2,x\n",
      "a.csv", corpus);
  REQUIRE(corpus.attention.size() == 1);
  CHECK(corpus.attention[0].causal);
  CHECK((corpus.attention[0].pass == AttentionPass::backward));
  add_kernel_table(
      "device,op,traffic_MB_lo,traffic_MB_hi,n,median_us,median_GBps,peak_GBps\n"
      "a100,add,100,200,9,100,1500,2039\n"
      "A100,copy,,,,,1588,2039\n",
      "m.csv", corpus);
  REQUIRE(corpus.memory.size() == 1);
  CHECK(corpus.memory[0].bytes == Approx(150e6));  // 100 us at 1500 GB/s
}

TEST_CASE("kernel tables: other columns are an error with what is expected") {
  KernelCorpus corpus;
  try {
    add_kernel_table("a,b\n1,2\n", "t.csv", corpus);
    FAIL("no error");
  } catch (const InputError& error) {
    CHECK(std::string(error.what()) ==
          "t.csv:1:1: error[E630]: columns of no kernel table\n"
          "    1 | a,b\n"
          "      | ^\n"
          "      = hint: products have M, N, K, time_us; attention impl, head_dim, seq, eff; "
          "memory-bound ops traffic_MB_lo, median_us, peak_GBps\n");
  }
}

TEST_CASE("kernel fit: a robust minimum does not follow an outlier") {
  // Ten values of 2 and one of 200: the median, not the mean of the logarithms.
  const LogResiduals residuals = [](const std::vector<double>& p, std::vector<double>& out) {
    out.assign(10, std::log(p[0] / 2.0));
    out.push_back(std::log(p[0] / 200.0));
  };
  const RobustMinimum minimum = robust_minimum(residuals, {1.0}, {0.1}, {1000.0});
  CHECK(minimum.parameters[0] == Approx(2.0).epsilon(0.01));
}

TEST_CASE("kernel fit: constants of a memory-bound kernel come back") {
  // 1 TB/s nominal, 0.8 of it, 2 us fixed.
  KernelCorpus corpus;
  for (double bytes = 1e6; bytes < 1e9; bytes *= 2) {
    corpus.memory.push_back({"a100", "add", bytes, 2e-6 + bytes / 0.8e12, 1e12, 5});
  }
  const KernelFit fit = fit_kernels(corpus);
  REQUIRE(constant(fit, "bandwidth of add") != nullptr);
  CHECK(constant(fit, "bandwidth of add")->value == Approx(0.8).epsilon(0.001));
  CHECK(constant(fit, "fixed time of add")->value == Approx(2e-6).epsilon(0.01));
  CHECK(fit.errors[0].median < 1e-3);
}

TEST_CASE("kernel fit: shapes of attention come back from causal, open and backward rows") {
  // e 0.6, s0 500 causal and 200 open, head size 64 at 0.9, backward at 0.8.
  KernelCorpus corpus;
  for (double s = 512; s <= 16384; s *= 2) {
    const double causal = 0.6 * s / (s + 500);
    corpus.attention.push_back({"A100", "FA2", AttentionPass::forward, 128, true, s, causal});
    corpus.attention.push_back({"A100", "FA2", AttentionPass::forward, 64, true, s, 0.9 * causal});
    corpus.attention.push_back(
        {"A100", "FA2", AttentionPass::backward, 128, true, s, 0.8 * causal});
    corpus.attention.push_back(
        {"A100", "FA2", AttentionPass::forward, 128, false, s, 0.6 * s / (s + 200)});
  }
  const KernelFit fit = fit_kernels(corpus);
  CHECK(constant(fit, "attention_half_sequence")->value == Approx(500).epsilon(0.02));
  CHECK(constant(fit, "half_sequence_not_causal")->value == Approx(0.4).epsilon(0.05));
  CHECK(constant(fit, "attention_head64")->value == Approx(0.9).epsilon(0.01));
  CHECK(constant(fit, "attention_backward")->value == Approx(0.8).epsilon(0.01));
}

TEST_CASE("kernel fit: the file has a line for each constant, to three digits") {
  KernelFit fit;
  fit.constants.push_back({"A40", "gemm_m0", 12.6789, 0.2567, 455, "tables"});
  fit.constants.push_back({"", "attention_head64", 0.84567, 0.02, 108, "figures"});
  CHECK(kernel_fit_yaml(fit) ==
        "# Shapes of single kernels, as `lockstep calibrate --corpus kernels` fits them to\n"
        "# validate/corpus/kernels. The catalog's constants of kernel shapes start from these; "
        "published\n"
        "# training runs move them. Times in seconds.\n"
        "kernels:\n"
        "  - {name: \"gemm_m0\", device: \"A40\", value: 12.7, spread: 0.26, n: 455, source: "
        "\"tables\"}\n"
        "  - {name: \"attention_head64\", device: \"all\", value: 0.846, spread: 0.02, n: 108, "
        "source: "
        "\"figures\"}\n");
}
