#include "kernels/depthwise.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

constexpr int kPixels = 8;  // that share each load of a weight
constexpr int kTaps = 7;    // that share each load of dz

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
  k.weights = depthwise_weights<T>;
  k.repeat = repeat<T>;
  k.fold = fold<T>;
}

}  // namespace

LAMINA_FILL(depthwise)

}  // namespace LAMINA_ISA
}  // namespace lamina
