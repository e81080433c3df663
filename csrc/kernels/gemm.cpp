#include "kernels/gemm.h"

#include "kernels/table.h"
#include "kernels/tile.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// Rows a tile may have: accumulators + one panel row + broadcasts must fit into the registers (32, or 16 before
// AVX-512). 24 accumulators of 7x4 + 4 + memory broadcasts fill AVX-512's 32; 6x2 is the classic tile of AVX2.
// On Emerald Rapids 6x4 took 1.1 to 1.4 of the time, 14x2 as long, both with broadcasts in registers 1.2 to 1.5, and
// depths of 224 and 128 1.1 and 1.3.
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kMaxRows[kMaxVectors + 1] = {0, 16, 14, 8, 7};
constexpr dim_t kDepth = 384;  // a panel of B, up to 96 KiB, streams from L2 under 24 FMAs a row of it
#else
constexpr int kMaxRows[kMaxVectors + 1] = {0, 12, 6, 4, 0};
constexpr dim_t kDepth = 224;  // a panel of B (14 KiB) and a tile of A (5 KiB) share L1, also when 1.4 times as deep
#endif

template <class T, class F>
LAMINA_INLINE void map_gradient(const T* y, const T* dy, T* dz, dim_t n, F slope) {
  for_lanes<T>(n,
               [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(dz + i, slope(get(y + i, l), get(dy + i, l)), l); });
}

template <class T>
void activation_gradient(const T* y, const T* dy, T* dz, dim_t n, Activation act) {
  using V = Vec<T>;
  switch (act) {
    case Activation::linear: return map_gradient<T>(y, dy, dz, n, [](V, V g) LAMINA_INLINE_LAMBDA { return g; });
    case Activation::relu:
      return map_gradient<T>(y, dy, dz, n, [](V v, V g) LAMINA_INLINE_LAMBDA { return select<T>(v > T(0), g, V{}); });
    case Activation::tanh:
      return map_gradient<T>(y, dy, dz, n, [](V v, V g) LAMINA_INLINE_LAMBDA { return g * (T(1) - v * v); });
    case Activation::sigmoid:
      return map_gradient<T>(y, dy, dz, n, [](V v, V g) LAMINA_INLINE_LAMBDA { return g * v * (T(1) - v); });
  }
}

template <class T>
void tile(const Tile<T>& t) {
  switch (t.vectors) {
    case 1: return tile_rows<FloatProduct<T>, T, 1, 1, kMaxRows[1]>(t);
    case 2: return tile_rows<FloatProduct<T>, T, 2, 1, kMaxRows[2]>(t);
    case 3: return tile_rows<FloatProduct<T>, T, 3, 1, kMaxRows[3]>(t);
    case 4:
      if constexpr (kMaxRows[4] > 0) return tile_rows<FloatProduct<T>, T, 4, 1, kMaxRows[4]>(t);
  }
}

template <class T>
void pack(const T* src, dim_t stride_k, dim_t stride_j, dim_t k, dim_t n, T* out, dim_t width) {
  constexpr int W = kLanes<T>;
  if (stride_j == 1) {
    for (dim_t p = 0; p < k; p++, src += stride_k, out += width) {
      dim_t j = 0;
      for (; j + W <= n; j += W) {
        __builtin_prefetch(src + kAhead * stride_k + j);
        store(out + j, load(src + j));
      }
      if (j < n) {
        const Vec<T> tail = load_part(src + j, int(n - j));
        const dim_t room = width - j;
        room >= W ? store(out + j, tail) : store_part(out + j, tail, int(room));
        j += W;
      }
      for (; j < width; j++) out[j] = 0;
    }
    return;
  }
  // Rows of src run along k: W of them at a time become W columns.
  for (dim_t j = 0; j < width; j += W) {
    const int columns = int(n - j < W ? (n - j < 0 ? 0 : n - j) : W), room = int(width - j < W ? width - j : W);
    for (dim_t p = 0; p < k; p += W) {
      const int steps = int(k - p < W ? k - p : W);
      Vec<T> v[W];
#pragma GCC unroll 16
      for (int i = 0; i < W; i++) v[i] = i < columns ? get(src + (j + i) * stride_j + p, steps) : Vec<T>{};
      transpose_round<T, 1>(v);
#pragma GCC unroll 16
      for (int i = 0; i < W; i++)
        if (i < steps) put<T>(out + (p + i) * width + j, v[i], room);
    }
  }
}

template <class T>
void axpy_rows(dim_t k, dim_t n, const T* x, dim_t incx, const T* b, dim_t ldb, T* y, const T* bias, bool accumulate) {
  // Strips of y that stay in L1 while the rows of b stream by, four at a time (eight, a power of two
  // apart, would not fit into L1's ways beside y).
  constexpr dim_t strip = 4096;
  for (dim_t j0 = 0; j0 < n; j0 += strip) {
    const dim_t m = n - j0 < strip ? n - j0 : strip;
    T* ys = y + j0;
    if (!accumulate)
      for_lanes<T>(
          m, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(ys + i, bias ? get(bias + j0 + i, l) : Vec<T>{}, l); });
    dim_t p = 0;
    for (; p + 8 <= k; p += 8) {
      const T* r = b + p * ldb + j0;
      Vec<T> s[8];
      for (int q = 0; q < 8; q++) s[q] = splat(x[(p + q) * incx]);
      for_lanes<T>(m, [&](dim_t i, int l) LAMINA_INLINE_LAMBDA {
        Vec<T> v = get(ys + i, l);
#pragma GCC unroll 8
        for (int q = 0; q < 8; q++) v += s[q] * get(r + q * ldb + i, l);
        put<T>(ys + i, v, l);
      });
    }
    for (; p < k; p++) {
      const T* r = b + p * ldb + j0;
      const Vec<T> s = splat(x[p * incx]);
      for_lanes<T>(m,
                   [&](dim_t i, int l) LAMINA_INLINE_LAMBDA { put<T>(ys + i, get(ys + i, l) + s * get(r + i, l), l); });
    }
  }
}

// Dots of x with R rows at once; a row's bits do not depend on R.
template <class T, int R>
void dots(dim_t k, const T* x, const T* b, dim_t ldb, T* out) {
  constexpr int W = kLanes<T>;
  Vec<T> s[R][2] = {};
  dim_t i = 0;
  for (; i + 2 * W <= k; i += 2 * W)
    for (int h = 0; h < 2; h++) {
      const Vec<T> v = load(x + i + h * W);
#pragma GCC unroll 4
      for (int r = 0; r < R; r++) s[r][h] += v * load(b + r * ldb + i + h * W);
    }
  for (; i < k; i += W) {
    const int l = k - i < W ? int(k - i) : W;
    const Vec<T> v = get(x + i, l);
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) s[r][0] += v * get(b + r * ldb + i, l);
  }
  for (int r = 0; r < R; r++) out[r] = hsum<T>(s[r][0] + s[r][1]);
}

template <class T>
void dot_rows(dim_t k, dim_t n, const T* x, const T* b, dim_t ldb, T* y, const T* bias, bool accumulate) {
  auto deliver = [&](dim_t j, T v) LAMINA_INLINE_LAMBDA { y[j] = accumulate ? y[j] + v : v + (bias ? bias[j] : T(0)); };
  T d[4];
  dim_t j = 0;
  for (; j + 4 <= n; j += 4) {
    dots<T, 4>(k, x, b + j * ldb, ldb, d);
    for (int r = 0; r < 4; r++) deliver(j + r, d[r]);
  }
  for (; j < n; j++) {
    dots<T, 1>(k, x, b + j * ldb, ldb, d);
    deliver(j, d[0]);
  }
}

template <class T>
void fill(GemmKernels<T>& k) {
  k.lanes = kLanes<T>;
  for (int i = 0; i <= kMaxVectors; i++) k.max_rows[i] = kMaxRows[i];
  k.depth = kDepth;
  k.tile = tile<T>;
  k.fence = [] { stream_fence(); };
  k.pack = pack<T>;
  k.axpy_rows = axpy_rows<T>;
  k.dot_rows = dot_rows<T>;
  k.activate = activate<T>;
  k.activation_gradient = activation_gradient<T>;
}

}  // namespace

LAMINA_FILL(gemm)

}  // namespace LAMINA_ISA
}  // namespace lamina
