#include "kernels/probe.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// Two units of latency four or five want ten chains; twelve and two operands fit into sixteen registers.
constexpr int kChains = 12;

template <class T>
T multiply_add(dim_t rounds) {
  Vec<T> a[kChains];
  for (int j = 0; j < kChains; j++) a[j] = splat(T(j));
  Vec<T> x = splat(T(0.999)), y = splat(T(1e-6));
  asm volatile("" : "+m"(x), "+m"(y));  // not constants to the compiler
  const Vec<T> factor = x, term = y;
  for (dim_t i = 0; i < rounds; i++)
#pragma GCC unroll 12
    for (int j = 0; j < kChains; j++) a[j] = a[j] * factor + term;
  for (int j = 1; j < kChains; j++) a[0] += a[j];
  return hsum<T>(a[0]);
}

template <class T>
void stream(dim_t n, const T* x, const T* z, T* y, Stream kind) {
  switch (kind) {
    case Stream::add:
      for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(y + i, get(y + i, l) + get(x + i, l), l); });
      break;
    case Stream::copy:
      for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(y + i, get(x + i, l), l); });
      break;
    case Stream::triad:
      for_lanes<T>(
          n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(y + i, get(x + i, l) + T(0.5) * get(z + i, l), l); });
      break;
  }
}

template <class T>
void fill(ProbeKernels<T>& k) {
  k.flops_per_round = 2 * kChains * kLanes<T>;
  k.multiply_add = multiply_add<T>;
  k.stream = stream<T>;
}

}  // namespace

LAMINA_FILL(probe)

}  // namespace LAMINA_ISA
}  // namespace lamina
