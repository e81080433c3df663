#include "kernels/pooling.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

constexpr int kBlock = 4;  // registers at once: enough chains to hide the latency of each

template <int N>
struct Number {
  static constexpr int value = N;
};

// Cuts a row into blocks of R registers that are alike: neighbouring ones of a pixel's channels, or, for what channels
// are left, the same ones of neighbouring pixels. Calls f(Number<R>, x, y, x_step, y_step, lanes): register r stands at
// offset x + r * x_step of the source, under the first tap, and at y + r * y_step of the destination.
template <class T, class F>
LAMINA_INLINE void for_blocks(const PoolRow<T>& d, F&& f) {
  constexpr int W = kLanes<T>;
  const dim_t whole = d.channels / (kBlock * W) * (kBlock * W);
  for (dim_t p = 0; p < d.pixels; p += kBlock) {
    const dim_t end = d.pixels - p < kBlock ? d.pixels : p + kBlock;
    for (dim_t q = p; q < end; q++)
      for (dim_t c = 0; c < whole; c += kBlock * W)
        f(Number<kBlock>{}, q * d.x_pixel + c, q * d.y_pixel + c, dim_t(W), dim_t(W), W);
    for (dim_t c = whole; c < d.channels; c += W) {
      const int lanes = int(d.channels - c < W ? d.channels - c : W);
      if (end - p == kBlock)
        f(Number<kBlock>{}, p * d.x_pixel + c, p * d.y_pixel + c, d.x_pixel, d.y_pixel, lanes);
      else
        for (dim_t q = p; q < end; q++) f(Number<1>{}, q * d.x_pixel + c, q * d.y_pixel + c, dim_t(0), dim_t(0), lanes);
    }
  }
}

template <class T>
LAMINA_INLINE IntVec<T> load_index(const std::uint8_t* p, int lanes) {
  IntVec<T> v;
  load_bytes(p, v, lanes);
  return v;
}
template <class T>
LAMINA_INLINE IntVec<T> load_index(const std::int32_t* p, int lanes) {
  IntVec<T> v{};
  for (int i = 0; i < lanes; i++) v[i] = p[i];
  return v;
}
template <class T>
LAMINA_INLINE void store_index(std::uint8_t* p, IntVec<T> v, int lanes) {
  store_bytes(p, v, lanes);
}
template <class T>
LAMINA_INLINE void store_index(std::int32_t* p, IntVec<T> v, int lanes) {
  for (int i = 0; i < lanes; i++) p[i] = static_cast<std::int32_t>(v[i]);
}
template <class T>
LAMINA_INLINE IntVec<T> splat_index(dim_t n) {
  return IntVec<T>{} + typename VecOf<T>::int_t(n);
}

template <class T, class I>
void max_indexed(const PoolRow<T>& d, const PoolIndex& index) {
  for_blocks(d, [&](auto number, dim_t from, dim_t to, dim_t x_step, dim_t y_step, int lanes) LAMINA_INLINE_LAMBDA {
    constexpr int R = decltype(number)::value;
    const T* x = d.x + from;
    const dim_t x_h = d.x_h, x_w = d.x_w, kw = d.kw;
    Vec<T> best[R];
    IntVec<T> at[R];
    for (int r = 0; r < R; r++) best[r] = get(x + r * x_step, lanes), at[r] = splat_index<T>(index.tap0);
    for (dim_t i = 0; i < d.kh; i++)
      for (dim_t j = 0; j < kw; j++) {
        const IntVec<T> tap = splat_index<T>(index.tap0 + i * index.tap_h + j * index.tap_w);
        const T* under = x + i * x_h + j * x_w;
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) {
          const Vec<T> a = get(under + r * x_step, lanes);
          const IntVec<T> better = ~(a <= best[r]) & (best[r] == best[r]);  // larger, or the first NaN
          best[r] = select<T>(better, a, best[r]);
          at[r] = better ? tap : at[r];
        }
      }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      put<T>(d.y + to + r * y_step, best[r], lanes);
      store_index<T>(static_cast<I*>(index.data) + to + r * y_step, at[r], lanes);
    }
  });
}

template <class T>
void max_plain(const PoolRow<T>& d) {
  for_blocks(d, [&](auto number, dim_t from, dim_t to, dim_t x_step, dim_t y_step, int lanes) LAMINA_INLINE_LAMBDA {
    constexpr int R = decltype(number)::value;
    const T* x = d.x + from;
    const dim_t x_h = d.x_h, x_w = d.x_w, kw = d.kw;
    Vec<T> best[R];
    for (int r = 0; r < R; r++) best[r] = get(x + r * x_step, lanes);
    for (dim_t i = 0; i < d.kh; i++)
      for (dim_t j = 0; j < kw; j++) {
        const T* under = x + i * x_h + j * x_w;
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) {
          const Vec<T> a = get(under + r * x_step, lanes);
          best[r] = select<T>((a > best[r]) | (a != a), a, best[r]);
        }
      }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) put<T>(d.y + to + r * y_step, best[r], lanes);
  });
}

template <class T>
void max(const PoolRow<T>& d, const PoolIndex& index) {
  if (!index.data) return max_plain(d);
  index.wide ? max_indexed<T, std::int32_t>(d, index) : max_indexed<T, std::uint8_t>(d, index);
}

// y = scale * sum over taps of value(offset into x, lanes, tap).
template <class T, class F>
LAMINA_INLINE void sum_of(const PoolRow<T>& d, const PoolIndex& index, T scale, F&& value) {
  for_blocks(d, [&](auto number, dim_t from, dim_t to, dim_t x_step, dim_t y_step, int lanes) LAMINA_INLINE_LAMBDA {
    constexpr int R = decltype(number)::value;
    const dim_t x_h = d.x_h, x_w = d.x_w, kw = d.kw;
    Vec<T> s[R] = {};
    for (dim_t i = 0; i < d.kh; i++)
      for (dim_t j = 0; j < kw; j++) {
        const IntVec<T> tap = splat_index<T>(index.tap0 + i * index.tap_h + j * index.tap_w);
        const dim_t under = from + i * x_h + j * x_w;
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) s[r] += value(under + r * x_step, lanes, tap);
      }
#pragma GCC unroll 4
    for (int r = 0; r < R; r++) {
      T* y = d.y + to + r * y_step;
      put<T>(y, d.accumulate ? get(y, lanes) + s[r] * scale : s[r] * scale, lanes);
    }
  });
}

template <class T, class I>
void max_gradient_of(const PoolRow<T>& d, const PoolIndex& index) {
  const I* won = static_cast<const I*>(index.data);
  sum_of<T>(d, index, T(1), [&](dim_t at, int lanes, IntVec<T> tap) LAMINA_INLINE_LAMBDA {
    return select<T>(load_index<T>(won + at, lanes) == tap, get(d.x + at, lanes), Vec<T>{});
  });
}

template <class T>
void max_gradient(const PoolRow<T>& d, const PoolIndex& index) {
  index.wide ? max_gradient_of<T, std::int32_t>(d, index) : max_gradient_of<T, std::uint8_t>(d, index);
}

template <class T>
void sum(const PoolRow<T>& d, T scale) {
  sum_of<T>(d, PoolIndex{}, scale,
            [&](dim_t at, int lanes, IntVec<T>) LAMINA_INLINE_LAMBDA { return get(d.x + at, lanes); });
}

template <class T>
void fill(PoolingKernels<T>& k) {
  k.max = max<T>;
  k.max_gradient = max_gradient<T>;
  k.sum = sum<T>;
}

}  // namespace

void fill_pooling(Kernels<float>& f, Kernels<double>& d) {
  fill(f.pooling);
  fill(d.pooling);
}

}  // namespace LAMINA_ISA
}  // namespace lamina
