#include "kernels/decoding.h"

#include "kernels/table.h"
#include "simd/math.h"
#include "simd/rows.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

template <class T>
constexpr T kInf = T(__builtin_inf());

// Registers of scores that are summed together.
constexpr int kStrip = 4;

// s = scale * q . keys of the block's registers that hold keys of [first, n); returns their maxima.
template <class T>
Vec<T> scores(dim_t first, dim_t n, dim_t D, const T* q, const T* keys, T scale, T* s) {
  constexpr int W = kLanes<T>;
  const Vec<T> none = splat(-kInf<T>);
  Vec<T> top = none;
  const dim_t width = kStrip * W, end = (n + width - 1) / width * width;
  for (dim_t j = first / width * width; j < end; j += width) {
    const T* k = keys + j / kKeyBlock * D * kKeyBlock + j % kKeyBlock;
    Vec<T> dot[kStrip] = {};
    for (dim_t d = 0; d < D; d++) {
      const Vec<T> x = splat(q[d]);
#pragma GCC unroll 4
      for (int v = 0; v < kStrip; v++) dot[v] += x * load(k + d * kKeyBlock + v * W);
    }
#pragma GCC unroll 4
    for (int v = 0; v < kStrip; v++) store(s + j + v * W, dot[v] * scale);
    for (dim_t i = j; i < first; i++) s[i] = -kInf<T>;
    for (dim_t i = n > j ? n : j; i < j + width; i++) s[i] = -kInf<T>;
#pragma GCC unroll 4
    for (int v = 0; v < kStrip; v++) top = vmax<T>(load(s + j + v * W), top);
  }
  return top;
}

// The soft cap and the distances' part of scores [first, n), with -inf around them; returns their maxima.
template <class T>
Vec<T> shaped(dim_t first, dim_t n, T cap, T slope, dim_t own, T* s) {
  constexpr int W = kLanes<T>;
  const Vec<T> none = splat(-kInf<T>), lanes = lane_numbers<T>();
  Vec<T> top = none;
  for (dim_t j = first / W * W; j < n; j += W) {
    const Vec<T> x = load(s + j);
    const Vec<T> y = (cap == T(0) ? x : cap * vtanh<T>(x / cap)) - slope * vabs<T>(lanes + T(j - own));
    store(s + j, select<T>(x == none, none, y));
    top = vmax<T>(load(s + j), top);
  }
  return top;
}

// Sums over U keys side by side: one chain of dependent additions would wait for each.
template <class T, int NV, int U>
LAMINA_INLINE void weighted_sum(dim_t n, dim_t ld, const T* p, const T* values, int lanes, T factor, T* out) {
  constexpr int W = kLanes<T>;
  Vec<T> sum[U][NV] = {};
  auto add = [&](dim_t j, int u) LAMINA_INLINE_LAMBDA {
    const Vec<T> w = splat(p[j]);
#pragma GCC unroll 4
    for (int v = 0; v < NV; v++) sum[u][v] += w * get(values + j * ld + v * W, v == NV - 1 ? lanes : W);
  };
  dim_t j = 0;
  for (; j + U <= n; j += U)
#pragma GCC unroll 8
    for (int u = 0; u < U; u++) add(j + u, u);
  for (; j < n; j++) add(j, 0);
#pragma GCC unroll 4
  for (int v = 0; v < NV; v++) {
    Vec<T> total = sum[0][v];
#pragma GCC unroll 8
    for (int u = 1; u < U; u++) total += sum[u][v];
    put<T>(out + v * W, total * factor, v == NV - 1 ? lanes : W);
  }
}

template <class T>
void attend(dim_t first, dim_t n, dim_t D, dim_t Dv, const T* q, const T* keys, const T* values, T scale, T cap,
            T slope, dim_t own, T* s, T* out) {
  constexpr int W = kLanes<T>;
  Vec<T> top = scores<T>(first, n, D, q, keys, scale, s);
  if (cap != T(0) || slope != T(0)) top = shaped<T>(first, n, cap, slope, own, s);
  const T most = hmax<T>(top);
  const Vec<T> base = splat(most == -kInf<T> ? T(0) : most);
  Vec<T> sum{};
  for (dim_t j = first / W * W; j < n; j += W) {  // s is -inf outside of [first, n)
    const Vec<T> p = exp_below<T>(load(s + j) - base);
    store(s + j, p);
    sum += p;
  }
  const T total = hsum<T>(sum), factor = total == T(0) ? T(0) : T(1) / total;
  const T *p = s + first, *v = values + first * Dv;
  const dim_t count = n - first;
  dim_t c = 0;
  for (; c + 4 * W <= Dv; c += 4 * W) weighted_sum<T, 4, 2>(count, Dv, p, v + c, W, factor, out + c);
  for (; c + 2 * W <= Dv; c += 2 * W) weighted_sum<T, 2, 4>(count, Dv, p, v + c, W, factor, out + c);
  for (; c < Dv; c += W) weighted_sum<T, 1, 8>(count, Dv, p, v + c, int(Dv - c < W ? Dv - c : W), factor, out + c);
}

template <class T>
void fill(DecodingKernels<T>& k) {
  k.attend = attend<T>;
}

}  // namespace

LAMINA_FILL(decoding)

}  // namespace LAMINA_ISA
}  // namespace lamina
