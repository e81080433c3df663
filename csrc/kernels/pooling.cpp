#include "kernels/pooling.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

constexpr int kBlock = 4;  // registers of channels at once: a tap of them is one run of memory

template <int N>
struct Number {
  static constexpr int value = N;
};

// Calls f(Number<V>, c, last): V registers of channels from c on, the last one `last` lanes wide.
template <class T, class F>
LAMINA_INLINE void for_channels(dim_t channels, F&& f) {
  constexpr int W = kLanes<T>;
  dim_t c = 0;
  for (; c + kBlock * W <= channels; c += kBlock * W) f(Number<kBlock>{}, c, W);
  for (; c < channels; c += W) f(Number<1>{}, c, int(channels - c < W ? channels - c : W));
}

template <class T, class I>
using Narrow [[gnu::vector_size(kLanes<T> * sizeof(I))]] = I;

template <class T, class I>
LAMINA_INLINE IntVec<T> load_index(const I* p, int lanes) {
  Narrow<T, I> v{};
  if (lanes == kLanes<T>)
    __builtin_memcpy(&v, p, sizeof v);
  else
    for (int i = 0; i < lanes; i++) v[i] = p[i];
  return __builtin_convertvector(v, IntVec<T>);
}
template <class T, class I>
LAMINA_INLINE void store_index(I* p, IntVec<T> index, int lanes) {
  const Narrow<T, I> v = __builtin_convertvector(index, Narrow<T, I>);
  if (lanes == kLanes<T>)
    __builtin_memcpy(p, &v, sizeof v);
  else
    for (int i = 0; i < lanes; i++) p[i] = v[i];
}
template <class T>
LAMINA_INLINE IntVec<T> splat_index(dim_t n) {
  return IntVec<T>{} + typename VecOf<T>::int_t(n);
}

template <class T, class I>
void max_indexed(const PoolRow<T>& d, const PoolIndex& index) {
  constexpr int W = kLanes<T>;
  for (dim_t p = 0; p < d.pixels; p++)
    for_channels<T>(d.channels, [&](auto v, dim_t c, int last) LAMINA_INLINE_LAMBDA {
      constexpr int V = decltype(v)::value;
      const T* x = d.x + p * d.x_pixel + c;
      Vec<T> best[V];
      IntVec<T> at[V];
      for (int k = 0; k < V; k++) {
        best[k] = get(x + k * W, k == V - 1 ? last : W);
        at[k] = splat_index<T>(index.tap0);
      }
      for (dim_t i = 0; i < d.kh; i++)
        for (dim_t j = 0; j < d.kw; j++) {
          const IntVec<T> tap = splat_index<T>(index.tap0 + i * index.tap_h + j * index.tap_w);
          const T* from = x + i * d.x_h + j * d.x_w;
#pragma GCC unroll 4
          for (int k = 0; k < V; k++) {
            const Vec<T> a = get(from + k * W, k == V - 1 ? last : W);
            const IntVec<T> better = (a > best[k]) | ((a != a) & (best[k] == best[k]));
            best[k] = select<T>(better, a, best[k]);
            at[k] = better ? tap : at[k];
          }
        }
#pragma GCC unroll 4
      for (int k = 0; k < V; k++) {
        const int lanes = k == V - 1 ? last : W;
        put<T>(d.y + p * d.y_pixel + c + k * W, best[k], lanes);
        store_index<T>(static_cast<I*>(index.data) + p * d.y_pixel + c + k * W, at[k], lanes);
      }
    });
}

template <class T>
void max_plain(const PoolRow<T>& d) {
  constexpr int W = kLanes<T>;
  for (dim_t p = 0; p < d.pixels; p++)
    for_channels<T>(d.channels, [&](auto v, dim_t c, int last) LAMINA_INLINE_LAMBDA {
      constexpr int V = decltype(v)::value;
      const T* x = d.x + p * d.x_pixel + c;
      Vec<T> best[V];
      for (int k = 0; k < V; k++) best[k] = get(x + k * W, k == V - 1 ? last : W);
      for (dim_t i = 0; i < d.kh; i++)
        for (dim_t j = 0; j < d.kw; j++) {
          const T* from = x + i * d.x_h + j * d.x_w;
#pragma GCC unroll 4
          for (int k = 0; k < V; k++) {
            const Vec<T> a = get(from + k * W, k == V - 1 ? last : W);
            best[k] = select<T>((a > best[k]) | (a != a), a, best[k]);
          }
        }
      for (int k = 0; k < V; k++) put<T>(d.y + p * d.y_pixel + c + k * W, best[k], k == V - 1 ? last : W);
    });
}

template <class T>
void max(const PoolRow<T>& d, const PoolIndex& index) {
  if (!index.data) return max_plain(d);
  index.wide ? max_indexed<T, std::int32_t>(d, index) : max_indexed<T, std::uint8_t>(d, index);
}

// y = sum over taps of value(offset into x, lanes, tap).
template <class T, class F>
LAMINA_INLINE void sum_of(const PoolRow<T>& d, const PoolIndex& index, T scale, F&& value) {
  constexpr int W = kLanes<T>;
  for (dim_t p = 0; p < d.pixels; p++)
    for_channels<T>(d.channels, [&](auto v, dim_t c, int last) LAMINA_INLINE_LAMBDA {
      constexpr int V = decltype(v)::value;
      Vec<T> s[V] = {};
      for (dim_t i = 0; i < d.kh; i++)
        for (dim_t j = 0; j < d.kw; j++) {
          const dim_t from = p * d.x_pixel + c + i * d.x_h + j * d.x_w;
          const IntVec<T> tap = splat_index<T>(index.tap0 + i * index.tap_h + j * index.tap_w);
#pragma GCC unroll 4
          for (int k = 0; k < V; k++) s[k] += value(from + k * W, k == V - 1 ? last : W, tap);
        }
      T* y = d.y + p * d.y_pixel + c;
#pragma GCC unroll 4
      for (int k = 0; k < V; k++) {
        const int lanes = k == V - 1 ? last : W;
        put<T>(y + k * W, d.accumulate ? get(y + k * W, lanes) + s[k] * scale : s[k] * scale, lanes);
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
