#include "kernels/winograd.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// The points are 0, +-p, +-q and infinity. With m(x) = x (x^2 - p^2) (x^2 - q^2), row i of the data transform holds the
// coefficients of m(x) / (x - point i), and the other transforms evaluate at the points, divided by the value of that
// row's polynomial at its point.
template <class T>
struct Points {
  static constexpr T p = T(0.625), q = T(1.375), p2 = p * p, q2 = q * q;
  static constexpr T at0 = p2 * q2, at_p = 2 * p2 * (p2 - q2), at_q = 2 * q2 * (q2 - p2);
};

// One axis of each transform.
template <class T>
struct Data {
  static constexpr int in = 6, out = 6;
  LAMINA_INLINE static void apply(const Vec<T>* d, Vec<T>* r) {
    using P = Points<T>;
    const Vec<T> even_p = d[4] - P::q2 * d[2], odd_p = P::p * (d[3] - P::q2 * d[1]);
    const Vec<T> even_q = d[4] - P::p2 * d[2], odd_q = P::q * (d[3] - P::p2 * d[1]);
    r[0] = (d[4] - (P::p2 + P::q2) * d[2]) + P::at0 * d[0];
    r[1] = even_p + odd_p;
    r[2] = even_p - odd_p;
    r[3] = even_q + odd_q;
    r[4] = even_q - odd_q;
    r[5] = (d[5] - (P::p2 + P::q2) * d[3]) + P::at0 * d[1];
  }
};

// N coefficients at the points.
template <class T, int N>
struct Evaluate {
  static constexpr int in = N, out = 6;
  LAMINA_INLINE static void at(const Vec<T>* g, T x, T divisor, Vec<T>& plus, Vec<T>& minus) {
    Vec<T> even = g[0], odd = g[1];
    if constexpr (N > 2) even += (x * x) * g[2];
    if constexpr (N > 3) odd += (x * x) * g[3];
    if constexpr (N > 4) even += (x * x * x * x) * g[4];
    plus = (even + x * odd) * (1 / divisor);
    minus = (even - x * odd) * (1 / divisor);
  }
  LAMINA_INLINE static void apply(const Vec<T>* g, Vec<T>* r) {
    using P = Points<T>;
    r[0] = g[0] * (1 / P::at0);
    at(g, P::p, P::at_p, r[1], r[2]);
    at(g, P::q, P::at_q, r[3], r[4]);
    r[5] = g[N - 1];
  }
};

// The transpose of it without the divisors.
template <class T, int N>
struct Interpolate {
  static constexpr int in = 6, out = N;
  LAMINA_INLINE static void apply(const Vec<T>* m, Vec<T>* r) {
    using P = Points<T>;
    const Vec<T> even_p = m[1] + m[2], odd_p = m[1] - m[2], even_q = m[3] + m[4], odd_q = m[3] - m[4];
    r[0] = (even_p + even_q) + m[0];
    T p = P::p, ratio = P::q / P::p;
#pragma GCC unroll 6
    for (int j = 1; j < N; j++, p *= P::p, ratio *= P::q / P::p)
      r[j] = p * ((j % 2 ? odd_p : even_p) + ratio * (j % 2 ? odd_q : even_q));
    r[N - 1] += m[5];
  }
};

// Both axes: columns first, into L1, then rows. read(i, j) gives element (i, j), write(i, j, v) takes it.
template <class T, class Axis, class Read, class Write>
LAMINA_INLINE void both_axes(Read&& read, Write&& write) {
  Vec<T> half[Axis::out][Axis::in];
#pragma GCC unroll 6
  for (int j = 0; j < Axis::in; j++) {
    Vec<T> v[Axis::in], r[Axis::out];
#pragma GCC unroll 6
    for (int i = 0; i < Axis::in; i++) v[i] = read(i, j);
    Axis::apply(v, r);
#pragma GCC unroll 6
    for (int i = 0; i < Axis::out; i++) half[i][j] = r[i];
  }
#pragma GCC unroll 6
  for (int i = 0; i < Axis::out; i++) {
    Vec<T> r[Axis::out];
    Axis::apply(half[i], r);
#pragma GCC unroll 6
    for (int j = 0; j < Axis::out; j++) write(i, j, r[j]);
  }
}

template <class T, class Axis>
void spread(const WinogradSpread<T>& s) {
  for_lanes<T>(s.n, [&](dim_t c, int l) LAMINA_INLINE_LAMBDA {
    both_axes<T, Axis>(
        [&](int i, int j) LAMINA_INLINE_LAMBDA {
          const T* place = s.in[i * Axis::in + j] + c;
          __builtin_prefetch(place + s.ahead);
          return get(place, l);
        },
        [&](int i, int j, Vec<T> v) LAMINA_INLINE_LAMBDA { put<T>(s.out + (i * Axis::out + j) * s.plane + c, v, l); });
  });
}

template <class T, class Axis>
void gather(const WinogradGather<T>& g) {
  for_lanes<T>(g.n, [&](dim_t c, int l) LAMINA_INLINE_LAMBDA {
    const Vec<T> bias = g.bias ? get(g.bias + c, l) : Vec<T>{};
    both_axes<T, Axis>([&](int i, int j)
                           LAMINA_INLINE_LAMBDA { return get(g.in + (i * Axis::in + j) * g.plane + c, l); },
                       [&](int i, int j, Vec<T> v) LAMINA_INLINE_LAMBDA {
                         T* out = g.out[i * Axis::out + j];
                         if (!out) return;
                         v += bias;
                         if (g.accumulate) v += get(out + c, l);
                         if (g.relu) v = vmax<T>(v, Vec<T>{});
                         put<T>(out + c, v, l);
                       });
  });
}

template <class T>
void fill(WinogradKernels<T>& k) {
  k = {spread<T, Data<T>>,
       {nullptr, nullptr, spread<T, Evaluate<T, 2>>, spread<T, Evaluate<T, 3>>, spread<T, Evaluate<T, 4>>,
        spread<T, Evaluate<T, 5>>},
       {nullptr, nullptr, gather<T, Interpolate<T, 2>>, gather<T, Interpolate<T, 3>>, gather<T, Interpolate<T, 4>>,
        gather<T, Interpolate<T, 5>>}};
}

}  // namespace

LAMINA_FILL(winograd)

}  // namespace LAMINA_ISA
}  // namespace lamina
