#include "kernels/optimizer.h"

#include "kernels/table.h"
#include "kernels/update_rules.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

template <class T>
T squares(dim_t n, const T* x) {
  constexpr int W = kLanes<T>;
  Vec<T> s[4] = {};
  dim_t i = 0;
  for (; i + 4 * W <= n; i += 4 * W)
#pragma GCC unroll 4
    for (int j = 0; j < 4; j++) s[j] += load(x + i + j * W) * load(x + i + j * W);
  for_lanes<T>(n - i, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> v = get(x + i + j, l);
    s[0] += v * v;
  });
  return hsum<T>((s[0] + s[1]) + (s[2] + s[3]));
}

template <class T>
void accumulate(dim_t n, const T* g, T* sum, T divisor) {
  const Vec<T> d = splat(divisor);
  for_lanes<T>(n, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> s = get(sum + i, l);
    put<T>(sum + i, (g ? s + get(g + i, l) : s) / d, l);
  });
}

template <class T>
void fill(OptimizerKernels<T>& k) {
  enter_rules(k);
  k.squares = squares<T>;
  k.accumulate = accumulate<T>;
}

}  // namespace

LAMINA_FILL(optimizer)

}  // namespace LAMINA_ISA
}  // namespace lamina
