#include "ops/bfloat16.h"

#include <algorithm>
#include <chrono>
#include <cstdlib>
#include <cstring>

#include "core/cpu_extensions.h"
#include "ops/panels.h"

namespace lamina {
namespace {

constexpr double kWorthIt = 1.35;  // processors with fewer units for pairs stand at 0.7 or 1.0, others near 2
constexpr int kRuns = 40;
constexpr dim_t kRows = 64;

// Terms a second of the register tile over a panel in L2, one of the two ways: the best of some runs in turn, each of
// some microseconds, since other programs may run beside this one.
double measure_gain() {
  constexpr dim_t kTerms = 512;
  const auto now = [] { return std::chrono::steady_clock::now(); };
  double best[2] = {1e300, 1e300};
  const dim_t width = 4 * kernels_of<float>(false).lanes;
  Scratch<float> a(kRows * kTerms), b(kTerms * width), c(kRows * width);
  std::fill_n(a.get(), kRows * kTerms, 0.0f);
  std::fill_n(b.get(), kTerms * width, 0.0f);
  const Multiplying<float> scope(true);
  for (int run = 0; run < kRuns; run++)
    for (const bool pairs : {false, true}) {
      const dim_t k = pairs ? kTerms / 2 : kTerms;
      Tile<float> t = matrix_tile<float>(k, kTerms, 1, width, false);
      t.b = b;
      t.ldb = width;
      t.vectors = 4;
      t.cols = int(width);
      const auto start = now();
      run_rows(kernels_of<float>(pairs), t, kRows, a.get(), c.get());
      best[pairs] = std::min(best[pairs], std::chrono::duration<double>(now() - start).count());
    }
  return best[0] / best[1];
}

}  // namespace

template <>
const GemmBfloat16Kernels<float>& bfloat16_kernels<float>() {
  static constexpr GemmBfloat16Kernels<float> kNone{};
#if defined(__x86_64__)
  static const bool tiles = host_has_bfloat16() && host_has_bfloat16_tiles();
  if (active_isa() == Isa::v4) return v4::bfloat16_kernels(tiles);
#endif
  return kNone;
}
template <>
const GemmBfloat16Kernels<double>& bfloat16_kernels<double>() {
  static constexpr GemmBfloat16Kernels<double> kNone{};
  return kNone;
}

bool has_bfloat16() {
  static const bool host = host_has_bfloat16();  // all that have tiles have pairs
  return host && bfloat16_kernels<float>().cells.tile;
}

bool fast_bfloat16() {
  if (!has_bfloat16()) return false;
  static const bool fast = [] {
    const char* said = std::getenv("LAMINA_BFLOAT16");
    if (said && (std::strcmp(said, "0") == 0 || std::strcmp(said, "1") == 0)) return *said == '1';
    return measure_gain() >= kWorthIt;
  }();
  return fast;
}

}  // namespace lamina
