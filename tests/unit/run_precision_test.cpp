// From texts about precision to data types, and to what one scale of fp8 covers.
#include <string>

#include "tests/catch.hpp"
#include "tests/support/measured_row.hpp"
#include "validate/run_row.hpp"

using namespace lockstep;
using lockstep::testing::build;

TEST_CASE("Rows: precision texts", "[unit]") {
  const auto precision = [](const std::string& text) { return build({{"precision", text}}).training.precision; };
  CHECK(precision("nvfp4 or fp8 (two configs match)") == Precision::nvfp4);
  CHECK(precision("mxfp8_cublas") == Precision::mxfp8);
  CHECK(precision("fp8 (current scaling)") == Precision::fp8);
  CHECK(precision("float8 linears + bf16 attention") == Precision::fp8);
  CHECK(precision("bf16 compute, fp32 params/opt, fp32 reduce") == Precision::bf16);
  CHECK(precision("fp16 mixed") == Precision::fp16);
  CHECK(precision("TF32") == Precision::tf32);
  CHECK(build({{"precision", "bf16 (FSDP PURE: params/reduce bf16)"}}).plan.software.gradient_reduce_bytes == 2);
  CHECK(build({{"precision", "bf16, fp32 grad accumulation"}}).plan.software.gradient_bytes == 4);
}

TEST_CASE("Rows: what one scale of fp8 covers", "[unit]") {
  const auto scaling = [](const std::string& text) { return build({{"precision", text}}).training.fp8_scaling; };
  CHECK(scaling("float8 rowwise") == Fp8Scaling::rowwise);
  CHECK(scaling("row-wise fp8") == Fp8Scaling::rowwise);
  CHECK(scaling("float8 linears (tensorwise, torchao) + bf16 attention") == Fp8Scaling::current);
  CHECK(scaling("fp8 (current scaling)") == Fp8Scaling::current);
  CHECK(scaling("fp8 blockwise") == Fp8Scaling::blockwise);
  CHECK(scaling("fp8 (TE delayed scaling era)") == Fp8Scaling::delayed);
  CHECK(scaling("fp8") == Fp8Scaling::delayed);
  CHECK(scaling("bf16") == Fp8Scaling::delayed);
}
