#include "kernels/pooling.h"

#include "core/prefetch.h"
#include "kernels/pooling_blocks.h"
#include "kernels/table.h"
#include "simd/power.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

constexpr int kTaps = 4;  // of one register at once, where there are many: with 8, sums took 3.0 ms in place of 2.6

// How far ahead memory is prefetched. The hardware does not do it where a kernel reads from several places at once:
// sums of 25.7 million floats took 12.8 ms without and 6.0 with it by eight pixels of 128 channels, 6.2 and 5.3 by two
// lines of 112 x 64.
constexpr dim_t kAhead = 2048, kAheadLong = 8192;  // bytes

// Every register of y is whole and aligned.
template <class T>
LAMINA_INLINE bool streams(const PoolRow<T>& d) {
  return d.stream && !d.accumulate && vector_aligned(d.y) && d.channels % kLanes<T> == 0 && d.y_pixel % kLanes<T> == 0;
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
  if (lanes == kLanes<T>) {
    for (int i = 0; i < kLanes<T>; i++) v[i] = p[i];
    return v;
  }
  for (int i = 0; i < lanes; i++) v[i] = p[i];
  return v;
}
template <class T>
LAMINA_INLINE void store_index(std::uint8_t* p, IntVec<T> v, int lanes) {
  store_bytes(p, v, lanes);
}
template <class T>
LAMINA_INLINE void store_index(std::int32_t* p, IntVec<T> v, int lanes) {
  if (lanes == kLanes<T>) {
    for (int i = 0; i < kLanes<T>; i++) p[i] = static_cast<std::int32_t>(v[i]);
    return;
  }
  for (int i = 0; i < lanes; i++) p[i] = static_cast<std::int32_t>(v[i]);
}
template <class T>
LAMINA_INLINE IntVec<T> splat_index(dim_t n) {
  return IntVec<T>{} + typename VecOf<T>::int_t(n);
}

// Calls f(place, tap) for all taps of a row's outputs, in order; `first` is the place of the first one. `deep`: of
// several planes; a third loop for all windows made those of one plane 5 to 15 % slower.
template <bool deep, class T, class P, class F>
LAMINA_INLINE void each_tap(const PoolRow<T>& d, const PoolIndex& index, P first, F&& f) {
  const dim_t x_h = d.x_h, x_w = d.x_w, kw = d.kw;
  for (dim_t k = 0; k < (deep ? d.kd : 1); k++) {
    const P plane = deep ? first + k * d.x_d : first;
    const dim_t tap0 = deep ? index.tap0 + k * index.tap_d : index.tap0;
    for (dim_t i = 0; i < d.kh; i++)
      for (dim_t j = 0; j < kw; j++) f(plane + i * x_h + j * x_w, tap0 + i * index.tap_h + j * index.tap_w);
  }
}

// One output of many taps that lie one after the other: the image is read once, from front to back, and what is known
// of the output stays in the first cache. Such kernels stand apart, so that short rows do not save registers for them:
// average pooling of 64x32x32x32 took 6 % longer backward. Calls f(Number<R>, offset, tap) for R neighbouring taps at a
// time.
template <class T>
LAMINA_INLINE bool is_long(const PoolRow<T>& d) {
  return d.pixels == 1 && d.kd * d.kh * d.kw >= 2 * kTaps && d.x_w == d.channels && d.x_h == d.kw * d.x_w &&
         (d.kd == 1 || d.x_d == d.kh * d.x_h) && !d.accumulate;
}
template <class T, class F>
LAMINA_INLINE void for_taps(const PoolRow<T>& d, const PoolIndex& index, F&& f) {
  const dim_t taps = d.kd * d.kh * d.kw;
  dim_t i = 0;
  for (; i + kTaps <= taps; i += kTaps) f(Number<kTaps>{}, i * d.x_w, index.tap0 + i);
  for (; i < taps; i++) f(Number<1>{}, i * d.x_w, index.tap0 + i);
}

template <class T, class I, int V>
void max_long_of(const PoolRow<T>& d, const PoolIndex& index) {
  constexpr int W = kLanes<T>;
  Vec<T> best[V];
  IntVec<T> at[V], tap = splat_index<T>(index.tap0);
  const T* x = d.x;
#pragma GCC unroll 8
  for (int v = 0; v < V; v++) best[v] = load(x + v * W), at[v] = tap;
  for (dim_t taps = d.kd * d.kh * d.kw; taps > 0; taps--, x += V * W, tap += 1)
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) {
      const Vec<T> a = load(x + v * W);
      prefetch_ahead(x + v * W, kAheadLong);
      const IntVec<T> better = ~(a <= best[v]) & (best[v] == best[v]);  // larger, or the first NaN
      best[v] = select<T>(better, a, best[v]);
      at[v] = better ? tap : at[v];
    }
#pragma GCC unroll 8
  for (int v = 0; v < V; v++) {
    store(d.y + v * W, best[v]);
    store_index<T>(static_cast<I*>(index.data) + v * W, at[v], W);
  }
}

template <class T, class I>
__attribute__((noinline)) void max_long(const PoolRow<T>& d, const PoolIndex& index) {
  I* won = static_cast<I*>(index.data);
  if (won && d.channels == 8 * kLanes<T>) return max_long_of<T, I, 8>(d, index);
  if (won && d.channels == 4 * kLanes<T>) return max_long_of<T, I, 4>(d, index);
  for (dim_t c = 0; c < d.channels; c++) {
    d.y[c] = d.x[c];
    if (won) won[c] = I(index.tap0);
  }
  for_taps(d, index, [&](auto number, dim_t from, dim_t first) LAMINA_INLINE_LAMBDA {
    constexpr int R = decltype(number)::value;
    for_lanes<T>(d.channels, [&](dim_t c, int lanes) LAMINA_INLINE_LAMBDA {
      Vec<T> best = get(d.y + c, lanes);
      IntVec<T> at = won ? load_index<T>(won + c, lanes) : IntVec<T>{};
#pragma GCC unroll 8
      for (int r = 0; r < R; r++) {
        const T* x = d.x + from + r * d.x_w + c;
        const Vec<T> a = get(x, lanes);
        prefetch_ahead(x, kAheadLong);
        const IntVec<T> better = ~(a <= best) & (best == best);  // larger, or the first NaN
        best = select<T>(better, a, best);
        at = better ? splat_index<T>(first + r) : at;
      }
      put<T>(d.y + c, best, lanes);
      if (won) store_index<T>(won + c, at, lanes);
    });
  });
}

// V registers hold all channels, so that memory is all that is read.
template <class T, int V>
void sum_long_of(const PoolRow<T>& d, T scale) {
  constexpr int W = kLanes<T>;
  Vec<T> s[V] = {};
  const T* x = d.x;
  for (dim_t taps = d.kd * d.kh * d.kw; taps > 0; taps--, x += V * W)
#pragma GCC unroll 8
    for (int v = 0; v < V; v++) {
      s[v] += load(x + v * W);
      prefetch_ahead(x + v * W, kAheadLong);
    }
#pragma GCC unroll 8
  for (int v = 0; v < V; v++) store(d.y + v * W, s[v] * scale);
}

template <class T>
__attribute__((noinline)) void sum_long(const PoolRow<T>& d, T scale) {
  if (d.channels == 8 * kLanes<T>) return sum_long_of<T, 8>(d, scale);
  if (d.channels == 4 * kLanes<T>) return sum_long_of<T, 4>(d, scale);
  for (dim_t c = 0; c < d.channels; c++) d.y[c] = 0;
  for_taps(d, PoolIndex{}, [&](auto number, dim_t from, dim_t) LAMINA_INLINE_LAMBDA {
    constexpr int R = decltype(number)::value;
    for_lanes<T>(d.channels, [&](dim_t c, int lanes) LAMINA_INLINE_LAMBDA {
      Vec<T> s = get(d.y + c, lanes);
#pragma GCC unroll 8
      for (int r = 0; r < R; r++) {
        const T* x = d.x + from + r * d.x_w + c;
        s += get(x, lanes);
        prefetch_ahead(x, kAheadLong);
      }
      put<T>(d.y + c, s, lanes);
    });
  });
  for (dim_t c = 0; c < d.channels; c++) d.y[c] *= scale;
}

// I: the type of an index, if it is asked which tap won.
template <class T, bool indexed, class I, bool deep>
void max_of(const PoolRow<T>& d, const PoolIndex& index) {
  const bool stream = streams(d), ahead = deep ? d.ahead : stream;
  for_blocks<true>(
      d, [&](auto number, dim_t from, dim_t to, dim_t x_step, dim_t y_step, int lanes, auto read) LAMINA_INLINE_LAMBDA {
        constexpr int R = decltype(number)::value;
        const T* x = d.x + from;
        Vec<T> best[R];
        IntVec<T> at[indexed ? R : 1];
        for (int r = 0; r < R; r++) {
          best[r] = read(x + r * x_step, lanes);
          if constexpr (indexed) at[r] = splat_index<T>(index.tap0);
        }
        each_tap<deep>(d, index, x, [&](const T* under, dim_t number_of_tap) LAMINA_INLINE_LAMBDA {
          const IntVec<T> tap = splat_index<T>(number_of_tap);
#pragma GCC unroll 4
          for (int r = 0; r < R; r++) {
            const Vec<T> a = read(under + r * x_step, lanes);
            if (ahead) prefetch_ahead(under + r * x_step, kAhead);
            const IntVec<T> better = ~(a <= best[r]) & (best[r] == best[r]);  // larger, or the first NaN
            best[r] = select<T>(better, a, best[r]);
            if constexpr (indexed) at[r] = better ? tap : at[r];
          }
        });
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) {
          put<T>(d.y + to + r * y_step, best[r], lanes, stream);
          if constexpr (indexed) store_index<T>(static_cast<I*>(index.data) + to + r * y_step, at[r], lanes);
        }
      });
}

template <class T, bool indexed, class I>
void max_of(const PoolRow<T>& d, const PoolIndex& index) {
  d.kd > 1 ? max_of<T, indexed, I, true>(d, index) : max_of<T, indexed, I, false>(d, index);
}

template <class T>
void max(const PoolRow<T>& d, const PoolIndex& index) {
  if (is_long(d) && index.tap_h == d.kw && (d.kd == 1 || index.tap_d == d.kh * d.kw))
    return index.wide ? max_long<T, std::int32_t>(d, index) : max_long<T, std::uint8_t>(d, index);
  if (!index.data) return max_of<T, false, std::uint8_t>(d, index);
  index.wide ? max_of<T, true, std::int32_t>(d, index) : max_of<T, true, std::uint8_t>(d, index);
}

// y = finish(sum over taps of value(offset into x, lanes, tap), offset into y, lanes). A `long_finish` is compiled once
// for all registers of a block.
template <bool pack, bool deep, bool long_finish = false, class T, class F, class G>
LAMINA_INLINE void sum_over(const PoolRow<T>& d, const PoolIndex& index, F&& value, G&& finish) {
  const bool stream = streams(d);
  for_blocks<pack>(
      d, [&](auto number, dim_t from, dim_t to, dim_t x_step, dim_t y_step, int lanes, auto read) LAMINA_INLINE_LAMBDA {
        constexpr int R = decltype(number)::value;
        Vec<T> s[R] = {};
        each_tap<deep>(d, index, from, [&](dim_t under, dim_t number_of_tap) LAMINA_INLINE_LAMBDA {
          const IntVec<T> tap = splat_index<T>(number_of_tap);
#pragma GCC unroll 4
          for (int r = 0; r < R; r++) s[r] += value(under + r * x_step, lanes, tap, read);
        });
        if constexpr (long_finish && R > 1) {
          Vec<T> sums[R];
          for (int r = 0; r < R; r++) sums[r] = s[r];
#pragma GCC unroll 1
          for (int r = 0; r < R; r++)
            put<T>(d.y + to + r * y_step, finish(sums[r], to + r * y_step, lanes), lanes, stream);
        } else {
#pragma GCC unroll 4
          for (int r = 0; r < R; r++)
            put<T>(d.y + to + r * y_step, finish(s[r], to + r * y_step, lanes), lanes, stream);
        }
      });
}

// Ends a sum: times a factor, added to the y that is there where the row says so.
template <class T>
LAMINA_INLINE auto scaled(const PoolRow<T>& d, T scale) {
  return [&d, scale](Vec<T> s, dim_t to, int lanes)
             LAMINA_INLINE_LAMBDA { return d.accumulate ? get(d.y + to, lanes) + s * scale : s * scale; };
}

template <class T, class I, bool deep>
void max_gradient_of(const PoolRow<T>& d, const PoolIndex& index) {
  const I* won = static_cast<const I*>(index.data);
  sum_over<false, deep>(
      d, index,
      [&](dim_t at, int lanes, IntVec<T> tap, auto) LAMINA_INLINE_LAMBDA {
        return select<T>(load_index<T>(won + at, lanes) == tap, get(d.x + at, lanes), Vec<T>{});
      },
      scaled(d, T(1)));
}

template <class T, class I>
void max_gradient_of(const PoolRow<T>& d, const PoolIndex& index) {
  d.kd > 1 ? max_gradient_of<T, I, true>(d, index) : max_gradient_of<T, I, false>(d, index);
}

template <class T>
void max_gradient(const PoolRow<T>& d, const PoolIndex& index) {
  index.wide ? max_gradient_of<T, std::int32_t>(d, index) : max_gradient_of<T, std::uint8_t>(d, index);
}

// value(p, lanes) is a register of what belongs to the pixels from offset p on, kept(v, tap) what of it goes to a tap.
// Each input is read once and its taps are written together: row by row, the second row's inputs came back from L2, and
// 32 x 112 x 112 x 64 took a quarter longer.
template <class T, class V, class K>
LAMINA_INLINE void tiles_of(const PoolRow<T>& d, const PoolIndex& index, V&& value, K&& kept) {
  const dim_t C = d.channels, across = d.kw * C;
  if (across > 0 && across <= kLanes<T> && 2 * C <= kLanes<T>) {  // a register holds one line of some tiles
    const dim_t G = kLanes<T> / across;
    const IntVec<T> pick = lanes_of<T>(G * across, across, G, C, C);
    const IntVec<T> column = lanes_of<T>(G * across, C, d.kw, index.tap_w, 1);
    for (dim_t p = 0; p < d.pixels; p += G) {
      const dim_t n = d.pixels - p < G ? d.pixels - p : G;
      const auto v = value(p * C, int(n * C)).spread(pick);
      for (dim_t i = 0; i < d.kh; i++) {
        T* y = d.y + p * across + i * d.x_h;
        Vec<T> g = kept(v, splat_index<T>(index.tap0 + i * index.tap_h) + column);
        if (d.accumulate) g += get(y, int(n * across));
        put<T>(y, g, int(n * across));
      }
    }
    return;
  }
  const bool stream = streams(d);
  for_blocks<false>(
      d, [&](auto number, dim_t from, dim_t to, dim_t x_step, dim_t y_step, int lanes, auto) LAMINA_INLINE_LAMBDA {
        constexpr int R = decltype(number)::value;
        const dim_t x_h = d.x_h, x_w = d.x_w, kw = d.kw;
        decltype(value(0, 0)) v[R];
#pragma GCC unroll 4
        for (int r = 0; r < R; r++) v[r] = value(from + r * x_step, lanes);
        for (dim_t i = 0; i < d.kh; i++)
          for (dim_t j = 0; j < kw; j++) {
            const IntVec<T> tap = splat_index<T>(index.tap0 + i * index.tap_h + j * index.tap_w);
            T* y = d.y + to + i * x_h + j * x_w;
#pragma GCC unroll 4
            for (int r = 0; r < R; r++) {
              Vec<T> g = kept(v[r], tap);
              if (d.accumulate) g += get(y + r * y_step, lanes);
              put<T>(y + r * y_step, g, lanes, stream);
            }
          }
      });
}

template <class T>
struct Given {
  Vec<T> g;
  LAMINA_INLINE Given spread(IntVec<T> pick) const { return {pick_lanes<T>(g, pick)}; }
};
template <class T>
struct Won {
  Vec<T> g;
  IntVec<T> tap;
  LAMINA_INLINE Won spread(IntVec<T> pick) const {
    return {pick_lanes<T>(g, pick), (IntVec<T>)pick_lanes<T>((Vec<T>)tap, pick)};
  }
};

template <class T, class I>
void max_tiles_of(const PoolRow<T>& d, const PoolIndex& index) {
  const I* won = static_cast<const I*>(index.data);
  tiles_of<T>(
      d, index,
      [&](dim_t at, int lanes)
          LAMINA_INLINE_LAMBDA { return Won<T>{get(d.x + at, lanes), load_index<T>(won + at, lanes)}; },
      [](const Won<T>& v, IntVec<T> tap) LAMINA_INLINE_LAMBDA { return select<T>(v.tap == tap, v.g, Vec<T>{}); });
}

template <class T>
void max_tiles(const PoolRow<T>& d, const PoolIndex& index) {
  index.wide ? max_tiles_of<T, std::int32_t>(d, index) : max_tiles_of<T, std::uint8_t>(d, index);
}

template <class T>
void sum_tiles(const PoolRow<T>& d, T scale) {
  tiles_of<T>(
      d, PoolIndex{}, [&](dim_t at, int lanes) LAMINA_INLINE_LAMBDA { return Given<T>{get(d.x + at, lanes) * scale}; },
      [](const Given<T>& v, IntVec<T>) LAMINA_INLINE_LAMBDA { return v.g; });
}

template <class T, class I>
void max_spread_of(const PoolRow<T>& d, const PoolIndex& index) {
  const bool stream = streams(d);
  const I* won = static_cast<const I*>(index.data);
  T* y = d.y;
  for (dim_t p = 0; p < d.pixels; p++, y += d.channels) {
    const IntVec<T> tap = splat_index<T>(index.tap0 + p);
    for_lanes<T>(d.channels, [&](dim_t c, int lanes) LAMINA_INLINE_LAMBDA {
      Vec<T> g = select<T>(load_index<T>(won + c, lanes) == tap, get(d.x + c, lanes), Vec<T>{});
      if (d.accumulate) g += get(y + c, lanes);
      put<T>(y + c, g, lanes, stream);
    });
  }
}

template <class T>
void max_spread(const PoolRow<T>& d, const PoolIndex& index) {
  index.wide ? max_spread_of<T, std::int32_t>(d, index) : max_spread_of<T, std::uint8_t>(d, index);
}

template <class T, bool deep>
void sum_short(const PoolRow<T>& d, T scale) {
  const bool ahead = deep ? d.ahead : streams(d);
  sum_over<true, deep>(
      d, PoolIndex{},
      [&](dim_t at, int lanes, IntVec<T>, auto read) LAMINA_INLINE_LAMBDA {
        if (ahead) prefetch_ahead(d.x + at, kAhead);
        return read(d.x + at, lanes);
      },
      scaled(d, scale));
}

template <class T>
void sum(const PoolRow<T>& d, T scale) {
  if (is_long(d)) return sum_long(d, scale);
  d.kd > 1 ? sum_short<T, true>(d, scale) : sum_short<T, false>(d, scale);
}

// x^p, x^(p - 1) and x^(1 / p); P: the p that is known, 0 for any.
template <int P, class T>
struct Powers {
  static constexpr int known = P;
  T p;
  LAMINA_INLINE Vec<T> power(Vec<T> x) const {
    if constexpr (P == 2) return x * x;
    if constexpr (P == 3) return x * x * x;
    return vpow(x, splat(p));
  }
  LAMINA_INLINE Vec<T> slope(Vec<T> x) const {
    if constexpr (P == 2) return x;
    if constexpr (P == 3) return x * x;
    return vpow_less_one(x, splat(p));
  }
  LAMINA_INLINE Vec<T> root(Vec<T> s) const {
    if constexpr (P == 2) return vsqrt(s);
    return vpow(s, splat(T(1)) / p);
  }
};
template <class T, class F>
LAMINA_INLINE void with_powers(T p, F&& f) {
  p == 2 ? f(Powers<2, T>{p}) : p == 3 ? f(Powers<3, T>{p}) : f(Powers<0, T>{p});
}
// As sum_over. Where what is `slow` takes longer than a loop, one kernel serves all.
template <bool slow, class T, class F, class G>
LAMINA_INLINE void sum_of_powers(const PoolRow<T>& d, F&& value, G&& finish) {
  if (slow || d.kd > 1)
    sum_over<true, true, slow>(d, PoolIndex{}, value, finish);
  else
    sum_over<true, false>(d, PoolIndex{}, value, finish);
}

template <class T>
void power_sum(const PoolRow<T>& d, T p) {
  if (p == T(1)) return sum(d, T(1));
  with_powers(p, [&](auto powers) {
    sum_of_powers<decltype(powers)::known != 2>(
        d,
        [&](dim_t at, int lanes, IntVec<T>, auto read)
            LAMINA_INLINE_LAMBDA { return powers.power(read(d.x + at, lanes)); },
        [&](Vec<T> s, dim_t, int) LAMINA_INLINE_LAMBDA { return powers.root(s); });
  });
}

template <class T>
void power_gradient(const PoolRow<T>& d, const T* of, T p) {
  if (p == T(1)) return sum(d, T(1));
  with_powers(p, [&](auto powers) {
    sum_of_powers<decltype(powers)::known == 0>(
        d, [&](dim_t at, int lanes, IntVec<T>, auto read) LAMINA_INLINE_LAMBDA { return read(d.x + at, lanes); },
        [&](Vec<T> s, dim_t to, int lanes) LAMINA_INLINE_LAMBDA {
          const Vec<T> g = s * powers.slope(get(of + to, lanes));
          return d.accumulate ? get(d.y + to, lanes) + g : g;
        });
  });
}

template <class T>
void power_shares(dim_t n, const T* y, const T* dy, T p, T* shares) {
  with_powers(p, [&](auto powers) {
    for_lanes<T>(n, [&](dim_t i, int lanes) LAMINA_INLINE_LAMBDA {
      const Vec<T> v = get(y + i, lanes), g = get(dy + i, lanes) / powers.slope(v);
      put<T>(shares + i, select<T>(v == T(0), Vec<T>{}, g), lanes);
    });
  });
}

template <class T>
void fill(PoolingKernels<T>& k) {
  k.max = max<T>;
  k.max_gradient = max_gradient<T>;
  k.sum_tiles = sum_tiles<T>;
  k.max_tiles = max_tiles<T>;
  k.max_spread = max_spread<T>;
  k.sum = sum<T>;
  k.power_sum = power_sum<T>;
  k.power_gradient = power_gradient<T>;
  k.power_shares = power_shares<T>;
}

}  // namespace

LAMINA_FILL(pooling)

}  // namespace LAMINA_ISA
}  // namespace lamina
