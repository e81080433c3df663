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

// Of a single column, where a register has so many lanes that this takes less than a register of which one lane counts.
// Of doubles it would, with eight; their code is left out.
template <class T>
constexpr int kColumnRows = sizeof(T) == 4 && kLanes<T> >= 8 ? 64 : 0;

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

// Sums of R rows from `row` on with the single column of t; each row has H registers of chains, and its bits do not
// depend on R.
template <class T, int R, int H>
LAMINA_INLINE void dots(const Tile<T>& t, dim_t row, Vec<T> (&sums)[R]) {
  constexpr int W = kLanes<T>;
  Vec<T> s[R][H] = {};
  const T* b = t.b;
  for (dim_t i3 = 0; i3 < t.k3; i3++)
    for (dim_t i2 = 0; i2 < t.k2; i2++, b += t.k1) {
      const T* a = t.a + row * t.row + i3 * t.s3 + i2 * t.s2;
      dim_t k = 0;
      for (; k + H * W <= t.k1; k += H * W)
        for (int h = 0; h < H; h++) {
          const Vec<T> v = load(b + k + h * W);
#pragma GCC unroll 8
          for (int r = 0; r < R; r++) s[r][h] += v * load(a + r * t.row + k + h * W);
        }
      for (; k < t.k1; k += W) {
        const int l = t.k1 - k < W ? int(t.k1 - k) : W;
        const Vec<T> v = load_part(b + k, l);
#pragma GCC unroll 8
        for (int r = 0; r < R; r++) s[r][0] += v * load_part(a + r * t.row + k, l);
      }
    }
  for (int r = 0; r < R; r++)
    if constexpr (H == 2)
      sums[r] = s[r][0] + s[r][1];
    else
      sums[r] = s[r][0];
}

// As hsum() of each of the R registers: lane r * W / R of the first.
template <class T, int R, int D = kLanes<T> / 2>
LAMINA_INLINE Vec<T> join_rows(const Vec<T>* v) {
  constexpr int W = kLanes<T>;
  if constexpr (D == 0) {
    return v[0];
  } else {
    constexpr int H = R > 1 ? R / 2 : 1;
    Vec<T> half[H];
#pragma GCC unroll 8
    for (int r = 0; r < H; r++) {
      const Vec<T> a = v[r], b = R > 1 ? v[r + R / 2] : a;
      with_lane_numbers<W>([&]<int... I>(LaneNumbers<I...>) LAMINA_INLINE_LAMBDA {
        half[r] = __builtin_shufflevector(a, b, ((I & D) ? I + W : I)...) +
                  __builtin_shufflevector(a, b, ((I & D) ? (I ^ D) + W : (I ^ D))...);
      });
    }
    return join_rows<T, H, D / 2>(half);
  }
}

// Sums of a single column become c's, in a register as far as nothing is added to them.
template <class T>
LAMINA_INLINE Vec<T> finished(const Tile<T>& t, Vec<T> sums) {
  if (t.bias) sums += splat(*t.bias);
  return t.act == Activation::relu && !t.accumulate ? vmax<T>(sums, Vec<T>{}) : sums;
}
template <class T>
LAMINA_INLINE void deliver(const Tile<T>& t, dim_t row, int rows, const T* sums, int step) {
  T* c = t.c + row * t.ldc;
  const bool relu = t.act == Activation::relu;
  if (!t.accumulate)
    for (int i = 0; i < rows; i++) c[i * t.ldc] = sums[i * step];
  else
    for (int i = 0; i < rows; i++) {
      const T v = c[i * t.ldc] + sums[i * step];
      c[i * t.ldc] = relu && v < T(0) ? T(0) : v;
    }
}

// Lanes are terms. The last rows are as many again, of which those that are not done yet count.
template <class T, int R>
void column_of_terms(const Tile<T>& t) {
  for (dim_t done = 0; done < t.rows; done += R) {
    const dim_t row = done + R <= t.rows ? done : t.rows - R, left = done - row;
    Vec<T> v[R];
    alignas(kVectorBytes) T sums[kLanes<T>];
    dots<T, R, 1>(t, row, v);
    constexpr int step = kLanes<T> / R;
    *reinterpret_cast<Vec<T>*>(sums) = finished(t, join_rows<T, R>(v));
    deliver(t, done, int(R - left), sums + left * step, step);
  }
}

// Lanes are rows, which stand next to each other: R registers of them.
template <class T, int R>
void column_of_rows(const Tile<T>& t) {
  constexpr int W = kLanes<T>;
  for (dim_t row = 0; row < t.rows; row += R * W) {
    Vec<T> s[R] = {};
    int lanes[R];
    for (int r = 0; r < R; r++) {
      const dim_t left = t.rows - row - r * W;
      lanes[r] = left < 0 ? 0 : left < W ? int(left) : W;
    }
    const T* b = t.b;
    for (dim_t i3 = 0; i3 < t.k3; i3++)
      for (dim_t i2 = 0; i2 < t.k2; i2++) {
        const T* a = t.a + row + i3 * t.s3 + i2 * t.s2;
        for (dim_t k = 0; k < t.k1; k++, a += t.s1, b += t.ldb)
#pragma GCC unroll 4
          for (int r = 0; r < R; r++) s[r] += *b * load_part(a + r * W, lanes[r]);
      }
    T sums[R * W];
    for (int r = 0; r < R; r++) store(sums + r * W, finished(t, s[r]));
    deliver(t, row, t.rows - row < R * W ? int(t.rows - row) : R * W, sums, 1);
  }
}

template <class T>
__attribute__((noinline)) void single_column(const Tile<T>& t) {
  if (t.s1 != 1 || t.ldb != 1)
    t.rows <= 2 * kLanes<T> ? column_of_rows<T, 2>(t) : column_of_rows<T, 4>(t);
  else
    t.rows >= 8 ? column_of_terms<T, 8>(t) : t.rows >= 4 ? column_of_terms<T, 4>(t) : column_of_terms<T, 1>(t);
  if (t.act == Activation::tanh || t.act == Activation::sigmoid) {
    const dim_t runs = t.ldc == 1 ? 1 : t.rows;
    for (dim_t i = 0; i < runs; i++) activate(t.c + i * t.ldc, t.rows / runs, t.act);
  }
}

template <class T>
void tile(const Tile<T>& t) {
  switch (t.vectors) {
    case 0:
      if constexpr (kColumnRows<T> > 0) return single_column(t);
      break;
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
  if (width == 1) {
    for (dim_t p = 0; p < k; p++) out[p] = src[p * stride_k];
    return;
  }
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

template <class T>
void dot_rows(dim_t k, dim_t n, const T* x, const T* b, dim_t ldb, T* y, const T* bias, bool accumulate) {
  auto deliver = [&](dim_t j, T v) LAMINA_INLINE_LAMBDA { y[j] = accumulate ? y[j] + v : v + (bias ? bias[j] : T(0)); };
  Tile<T> t{};
  t.a = b;
  t.row = ldb;
  t.k3 = t.k2 = 1;
  t.k1 = k;
  t.b = x;
  dim_t j = 0;
  for (; j + 4 <= n; j += 4) {
    Vec<T> d[4];
    dots<T, 4, 2>(t, j, d);
    for (int r = 0; r < 4; r++) deliver(j + r, hsum<T>(d[r]));
  }
  for (; j < n; j++) {
    Vec<T> d[1];
    dots<T, 1, 2>(t, j, d);
    deliver(j, hsum<T>(d[0]));
  }
}

template <class T>
void fill(GemmKernels<T>& k) {
  k.lanes = kLanes<T>;
  for (int i = 0; i <= kMaxVectors; i++) k.max_rows[i] = i ? kMaxRows[i] : kColumnRows<T>;
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
