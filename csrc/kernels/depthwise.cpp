#include "kernels/depthwise.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

constexpr int kPixels = 8;  // that share each load of a weight
constexpr int kTaps = 7;    // that share each load of dz
#if defined(__AVX512F__) || defined(__aarch64__)
constexpr int kRegisters = 32;
#else
constexpr int kRegisters = 16;
#endif

// P pixels, one register of channels from c on. KW: the taps of a row if pixels stand as far apart as taps, so that
// each is loaded once for all of them; else 0.
template <class T, int P, int KW>
LAMINA_INLINE void pixels_of(const DepthwiseRow<T>& d, const T* x, T* y, dim_t c, int lanes) {
  Vec<T> r[P];
  const Vec<T> start = d.bias ? get(d.bias + c, lanes) : Vec<T>{};
#pragma GCC unroll 8
  for (int p = 0; p < P; p++) r[p] = start;
  for (dim_t i = 0; i < d.kh; i++) {
    const T *w = d.w + i * d.w_h + c, *at = x + i * d.x_h + c;
    if constexpr (KW > 0) {
      Vec<T> tap[KW];
#pragma GCC unroll 8
      for (int j = 0; j < KW; j++) tap[j] = get(w + j * d.w_w, lanes);
#pragma GCC unroll 16
      for (int q = 0; q < P + KW - 1; q++) {
        const Vec<T> v = get(at + q * d.x_pixel, lanes);
#pragma GCC unroll 8
        for (int j = 0; j < KW; j++)
          if (q - j >= 0 && q - j < P) r[q - j] += v * tap[j];
      }
    } else {
      for (dim_t j = 0; j < d.kw; j++) {
        const Vec<T> tap = get(w + j * d.w_w, lanes);
#pragma GCC unroll 8
        for (int p = 0; p < P; p++) r[p] += get(at + p * d.x_pixel + j * d.x_w, lanes) * tap;
      }
    }
  }
#pragma GCC unroll 8
  for (int p = 0; p < P; p++) {
    T* out = y + p * d.y_pixel + c;
    put<T>(out, d.accumulate ? get(out, lanes) + r[p] : r[p], lanes);
  }
}

template <class T, int P, int KW>
void pixels(const DepthwiseRow<T>& d, dim_t at) {
  const T* x = d.x + at * d.x_pixel;
  T* y = d.y + at * d.y_pixel;
  for_lanes<T>(d.channels, [&](dim_t c, int l) LAMINA_INLINE_LAMBDA { pixels_of<T, P, KW>(d, x, y, c, l); });
}

template <class T, int KW, int LO, int HI>
LAMINA_INLINE void pixels_by_number(const DepthwiseRow<T>& d, dim_t at, dim_t n) {
  if constexpr (LO == HI) {
    pixels<T, LO, KW>(d, at);
  } else {
    constexpr int mid = (LO + HI) / 2;
    n <= mid ? pixels_by_number<T, KW, LO, mid>(d, at, n) : pixels_by_number<T, KW, mid + 1, HI>(d, at, n);
  }
}

template <class T>
void depthwise(const DepthwiseRow<T>& d) {
  const dim_t count = (d.pixels + kPixels - 1) / kPixels;
  const dim_t shared = d.x_pixel == d.x_w && count > 1 ? d.kw : 0;
  for (dim_t i = 0; i < count; i++) {
    const dim_t at = d.pixels * i / count, n = d.pixels * (i + 1) / count - at;
    if (shared == 3)
      pixels_by_number<T, 3, kPixels / 2, kPixels>(d, at, n);
    else if (shared == 5)
      pixels_by_number<T, 5, kPixels / 2, kPixels>(d, at, n);
    else
      pixels_by_number<T, 0, 1, kPixels>(d, at, n);
  }
}

// A block of R x P outputs, the first of which is (row, pixel). Its taps read the lines [low[0], high[0]) of R + K - 1
// and of each the pixels [low[1], high[1]) of P + K - 1; the others do not exist.
template <class T, int K, int R, int P>
struct Block {
  const T* x;
  T* y;
  dim_t low[2], high[2];

  LAMINA_INLINE Block(const DepthwiseRows<T>& d, dim_t row, dim_t pixel) {
    const dim_t line = row + d.top, at = pixel + d.left;
    x = d.x + (line * d.x_width + at) * d.channels;
    y = d.y + (row * d.width + pixel) * d.channels;
    const dim_t first[2] = {line, at}, size[2] = {d.x_height, d.x_width}, reach[2] = {R + K - 1, P + K - 1};
    for (int i = 0; i < 2; i++) {
      low[i] = first[i] < 0 ? -first[i] : 0;
      high[i] = size[i] - first[i] < reach[i] ? size[i] - first[i] : reach[i];
    }
  }
  LAMINA_INLINE bool inside() const {
    return low[0] == 0 && low[1] == 0 && high[0] == R + K - 1 && high[1] == P + K - 1;
  }
};

// Every input is read once for all outputs that it belongs to. A sum is the chain of depthwise(), tap by tap.
template <class T, int K, int R, int P, bool edge>
LAMINA_INLINE void block_of(const DepthwiseRows<T>& d, const Block<T, K, R, P>& b, dim_t c, int lanes) {
  const dim_t C = d.channels, x_line = d.x_width * C, y_line = d.width * C, w_h = d.w_h, w_w = d.w_w;
  const dim_t top = b.low[0], bottom = b.high[0], left = b.low[1], right = b.high[1];
  const T* w = d.w + c;
  Vec<T> r[R][P];
  const Vec<T> start = d.bias ? get(d.bias + c, lanes) : Vec<T>{};
#pragma GCC unroll 4
  for (int i = 0; i < R; i++)
#pragma GCC unroll 4
    for (int p = 0; p < P; p++) r[i][p] = start;
#pragma GCC unroll 8
  for (int t = 0; t < R + K - 1; t++) {
    if (edge && (t < top || t >= bottom)) continue;
    const T* x = b.x + t * x_line + c;
#pragma GCC unroll 8
    for (int q = 0; q < P + K - 1; q++) {
      if (edge && (q < left || q >= right)) continue;
      const Vec<T> v = get(x + q * C, lanes);
      if (t >= K - 1 && q < P) __builtin_prefetch(x + (q + P + K - 1) * C, 0, 2);  // the next block's
#pragma GCC unroll 4
      for (int i = 0; i < R; i++)
#pragma GCC unroll 4
        for (int p = 0; p < P; p++)
          if (t >= i && t < i + K && q >= p && q < p + K) r[i][p] += v * get(w + (t - i) * w_h + (q - p) * w_w, lanes);
    }
  }
#pragma GCC unroll 4
  for (int i = 0; i < R; i++)
#pragma GCC unroll 4
    for (int p = 0; p < P; p++) {
      T* out = b.y + i * y_line + p * C + c;
      put<T>(out, d.accumulate ? get(out, lanes) + r[i][p] : r[i][p], lanes, d.stream);
    }
}

// The channels of one row that fill no register.
template <class T, int K, int P>
__attribute__((noinline)) void rest_of(const DepthwiseRows<T>& d, dim_t row, dim_t pixel, dim_t c) {
  block_of<T, K, 1, P, true>(d, Block<T, K, 1, P>(d, row, pixel), c, int(d.channels - c));
}

template <class T, int K, int R, int P>
__attribute__((noinline)) void block(const DepthwiseRows<T>& d, dim_t row, dim_t pixel) {
  constexpr int W = kLanes<T>;
  const Block<T, K, R, P> b(d, row, pixel);
  const dim_t whole = d.channels / W * W;
  if (b.inside())
    for (dim_t c = 0; c < whole; c += W) block_of<T, K, R, P, false>(d, b, c, W);
  else
    for (dim_t c = 0; c < whole; c += W) block_of<T, K, R, P, true>(d, b, c, W);
  if (whole < d.channels)
    for (int i = 0; i < R; i++) rest_of<T, K, P>(d, row + i, pixel, whole);
}

template <class T, int K, int R>
__attribute__((noinline)) void blocks(const DepthwiseRows<T>& d, dim_t row) {
  const dim_t count = (d.width + 3) / 4;
  for (dim_t i = 0; i < count; i++) {
    const dim_t at = d.width * i / count, n = d.width * (i + 1) / count - at;
    n == 4 ? block<T, K, R, 4>(d, row, at) : n == 3 ? block<T, K, R, 3>(d, row, at) : block<T, K, R, 2>(d, row, at);
  }
}

// 16 sums and 9 taps fill 32 registers. Doubles are rare, and code is long.
template <class T, int K>
void rows_of(const DepthwiseRows<T>& d) {
  constexpr int most = kRegisters == 32 && K == 3 && sizeof(T) == 4 ? 4 : 2;
  dim_t row = d.row;
  const dim_t end = row + d.rows;
  for (; row + most <= end; row += most) blocks<T, K, most>(d, row);
  if (most > 2 && row + 2 <= end) blocks<T, K, 2>(d, row), row += 2;
  if (row < end) blocks<T, K, 1>(d, row);
}
template <class T>
void depthwise_rows(const DepthwiseRows<T>& given) {
  DepthwiseRows<T> d = given;
  d.stream = d.stream && vector_aligned(d.y) && d.channels % kLanes<T> == 0;
  if constexpr (sizeof(T) == 4)
    if (d.taps == 5) return rows_of<T, 5>(d);
  rows_of<T, 3>(d);
}

// J taps and V registers of channels: enough chains of FMAs to hide their latency.
template <class T, int J, int V>
LAMINA_INLINE void taps_of(const DepthwiseTaps<T>& d, dim_t c, int last) {
  constexpr int W = kLanes<T>;
  Vec<T> r[J][V];
  T* dw = d.dw + c;
#pragma GCC unroll 8
  for (int j = 0; j < J; j++)
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) r[j][v] = get(dw + j * d.dw_w + v * W, v == V - 1 ? last : W);
  const T *x = d.x + c, *dz = d.dz + c;
  for (dim_t p = 0; p < d.pixels; p++, x += d.x_pixel, dz += d.channels)
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) {
      const int l = v == V - 1 ? last : W;
      const Vec<T> g = get(dz + v * W, l);
#pragma GCC unroll 8
      for (int j = 0; j < J; j++) r[j][v] += get(x + j * d.x_w + v * W, l) * g;
    }
#pragma GCC unroll 8
  for (int j = 0; j < J; j++)
#pragma GCC unroll 4
    for (int v = 0; v < V; v++) put<T>(dw + j * d.dw_w + v * W, r[j][v], v == V - 1 ? last : W);
}

template <class T, int J>
void taps(const DepthwiseTaps<T>& d) {
  constexpr int W = kLanes<T>, V = J <= 2 ? 4 : J <= 5 ? 2 : 1;
  dim_t c = 0;
  for (; c + V * W <= d.channels; c += V * W) taps_of<T, J, V>(d, c, W);
  for (; c < d.channels; c += W) taps_of<T, J, 1>(d, c, int(d.channels - c < W ? d.channels - c : W));
}

template <class T, int LO, int HI>
LAMINA_INLINE void taps_by_number(const DepthwiseTaps<T>& d) {
  if constexpr (LO == HI) {
    taps<T, LO>(d);
  } else {
    constexpr int mid = (LO + HI) / 2;
    d.taps <= mid ? taps_by_number<T, LO, mid>(d) : taps_by_number<T, mid + 1, HI>(d);
  }
}

template <class T>
void depthwise_weights(const DepthwiseTaps<T>& d) {
  DepthwiseTaps<T> part = d;
  for (dim_t j = 0; j < d.taps; j += kTaps) {
    part.taps = d.taps - j < kTaps ? d.taps - j : kTaps;
    part.x = d.x + j * d.x_w;
    part.dw = d.dw + j * d.dw_w;
    taps_by_number<T, 1, kTaps>(part);
  }
}

// The lanes of `v` that register lane l of a result meets: `pick` gives their numbers.
LAMINA_INLINE Vec<float> spread(Vec<float> v, IntVec<float> pick) {
#if defined(__AVX512F__)
  return (Vec<float>)_mm512_maskz_permutexvar_ps(__mmask16(-1), (__m512i)pick, (__m512)v);
#elif defined(__AVX2__)
  return (Vec<float>)_mm256_permutevar8x32_ps((__m256)v, (__m256i)pick);
#else
  return pick_lanes<float>(v, pick);
#endif
}
LAMINA_INLINE Vec<double> spread(Vec<double> v, IntVec<double> pick) {
#if defined(__AVX512F__)
  return (Vec<double>)_mm512_maskz_permutexvar_pd(__mmask8(-1), (__m512i)pick, (__m512d)v);
#else
  return pick_lanes<double>(v, pick);
#endif
}

// Which source lane a lane of the result meets, for its cell's first channel. Lanes without a cell meet zeros, where
// there are some.
template <class T, class Run>
LAMINA_INLINE IntVec<T> first_inputs(const Run& d) {
  const int used = d.cells * d.inputs;
  const T none = T(used + d.inputs <= kLanes<T> ? used : 0);
  return __builtin_convertvector(select<T>(lane_numbers<T>() < T(d.cells * d.outputs), load(d.first), splat(none)),
                                 IntVec<T>);
}

constexpr int kSteps = kRegisters == 32 ? 8 : 4;  // and what they read of a row of taps fit into the registers

// P steps. KW: the taps of a row if steps stand as far apart as taps, so that each register of the source is spread
// once for all of them; else 0.
template <class T, int P, int KW>
LAMINA_INLINE void cell_steps(const CellRow<T>& d, dim_t at, IntVec<T> first) {
  constexpr int W = kLanes<T>, reads = KW > 0 ? P + KW - 1 : P;
  const int from = d.cells * d.inputs, to = d.cells * d.outputs;
  const T* x = d.x + at * d.x_step;
  T* y = d.y + at * d.y_step;
  Vec<T> r[P], v[reads];
  const Vec<T> start = d.bias ? get(d.bias, to) : Vec<T>{};
#pragma GCC unroll 8
  for (int p = 0; p < P; p++) r[p] = start;
  for (dim_t i = 0; i < d.kh; i++)
    for (dim_t j = 0; j < (KW > 0 ? 1 : d.kw); j++) {
#pragma GCC unroll 16
      for (int q = 0; q < reads; q++) v[q] = get(x + i * d.x_h + j * d.x_w + q * d.x_step, from);
      const T* w = d.w + i * d.w_h + j * d.w_w;
      for (int c = 0; c < d.inputs; c++, w += W) {
        const IntVec<T> pick = first + c;
        if constexpr (KW > 0) {
          Vec<T> tap[KW];
#pragma GCC unroll 8
          for (int t = 0; t < KW; t++) tap[t] = load(w + t * d.w_w);
#pragma GCC unroll 16
          for (int q = 0; q < reads; q++) {
            const Vec<T> s = spread(v[q], pick);
#pragma GCC unroll 8
            for (int t = 0; t < KW; t++)
              if (q - t >= 0 && q - t < P) r[q - t] += s * tap[t];
          }
        } else {
          const Vec<T> tap = load(w);
#pragma GCC unroll 8
          for (int p = 0; p < P; p++) r[p] += spread(v[p], pick) * tap;
        }
      }
    }
#pragma GCC unroll 8
  for (int p = 0; p < P; p++) {
    T* out = y + p * d.y_step;
    put<T>(out, d.accumulate ? get(out, to) + r[p] : r[p], to);
  }
}

template <class T>
void cell_row(const CellRow<T>& d) {
  const IntVec<T> first = first_inputs<T>(d);
  dim_t at = 0;
  if (d.kw == 3 && d.x_step == d.x_w)
    for (; at + kSteps <= d.steps; at += kSteps) cell_steps<T, kSteps, 3>(d, at, first);
  for (; at + kSteps <= d.steps; at += kSteps) cell_steps<T, kSteps, 0>(d, at, first);
  for (; at + 2 <= d.steps; at += 2) cell_steps<T, 2, 0>(d, at, first);
  if (at < d.steps) cell_steps<T, 1, 0>(d, at, first);
}

// J taps of Q channels each.
template <class T, int J, int Q>
LAMINA_INLINE void cell_sums(const CellTaps<T>& d, dim_t tap, int c, IntVec<T> first) {
  constexpr int W = kLanes<T>;
  const int from = d.cells * d.inputs, to = d.cells * d.outputs;
  T* dw = d.dw + (tap * d.inputs + c) * W;
  Vec<T> r[J][Q];
  IntVec<T> pick[Q];
#pragma GCC unroll 4
  for (int q = 0; q < Q; q++) {
    pick[q] = first + (c + q);
#pragma GCC unroll 4
    for (int j = 0; j < J; j++) r[j][q] = load(dw + (j * d.inputs + q) * W);
  }
  const T *x = d.x + tap * d.x_w, *dz = d.dz;
  for (dim_t p = 0; p < d.steps; p++, x += d.x_step, dz += d.z_step) {
    const Vec<T> g = get(dz, to);
#pragma GCC unroll 4
    for (int j = 0; j < J; j++) {
      const Vec<T> v = get(x + j * d.x_w, from);
#pragma GCC unroll 4
      for (int q = 0; q < Q; q++) r[j][q] += spread(v, pick[q]) * g;
    }
  }
#pragma GCC unroll 4
  for (int j = 0; j < J; j++)
#pragma GCC unroll 4
    for (int q = 0; q < Q; q++) store(dw + (j * d.inputs + q) * W, r[j][q]);
}

template <class T>
void cell_weights(const CellTaps<T>& d) {
  const IntVec<T> first = first_inputs<T>(d);
  dim_t tap = 0;
  for (; tap + 3 <= d.taps; tap += 3) {
    int c = 0;
    for (; c + 4 <= d.inputs; c += 4) cell_sums<T, 3, 4>(d, tap, c, first);
    for (; c < d.inputs; c++) cell_sums<T, 3, 1>(d, tap, c, first);
  }
  for (; tap < d.taps; tap++)
    for (int c = 0; c < d.inputs; c++) cell_sums<T, 1, 1>(d, tap, c, first);
}

template <class T>
void repeat(const T* x, dim_t n, dim_t m, T* out) {
  for (dim_t i = 0; i < n; i++)
    for (dim_t j = 0; j < m; j++) *out++ = x[i];
}

template <class T>
void fold(const T* x, dim_t n, dim_t m, T* out, bool accumulate) {
  for (dim_t i = 0; i < n; i++) {
    T s = *x++;
    for (dim_t j = 1; j < m; j++) s += *x++;
    out[i] = accumulate ? out[i] + s : s;
  }
}

template <class T>
void fill(DepthwiseKernels<T>& k) {
  k.row = depthwise<T>;
  k.rows = depthwise_rows<T>;
  k.weights = depthwise_weights<T>;
  k.cell_row = cell_row<T>;
  k.cell_weights = cell_weights<T>;
  k.repeat = repeat<T>;
  k.fold = fold<T>;
}

}  // namespace

LAMINA_FILL(depthwise)

}  // namespace LAMINA_ISA
}  // namespace lamina
