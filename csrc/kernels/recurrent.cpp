#include "kernels/recurrent.h"

#include "kernels/table.h"
#include "simd/math.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// Activations as types, so that the usual cell (tanh and sigmoid) has no switch inside; Chosen has one.
template <class T>
struct Tanh {
  LAMINA_INLINE Vec<T> operator()(Vec<T> x) const { return vtanh<T>(x); }
  LAMINA_INLINE Vec<T> slope(Vec<T> y) const { return T(1) - y * y; }
};
template <class T>
struct Sigmoid {
  LAMINA_INLINE Vec<T> operator()(Vec<T> x) const { return vsigmoid<T>(x); }
  LAMINA_INLINE Vec<T> slope(Vec<T> y) const { return y * (T(1) - y); }
};
template <class T>
struct Chosen {
  CellActivation kind;
  LAMINA_INLINE Vec<T> operator()(Vec<T> x) const {
    switch (kind) {
      case CellActivation::linear: return x;
      case CellActivation::relu: return vmax<T>(x, Vec<T>{});
      case CellActivation::tanh: return vtanh<T>(x);
      case CellActivation::sigmoid: return vsigmoid<T>(x);
      case CellActivation::hard_sigmoid: return vmin<T>(vmax<T>(x * T(1.0 / 6) + T(0.5), Vec<T>{}), splat(T(1)));
    }
    __builtin_unreachable();
  }
  LAMINA_INLINE Vec<T> slope(Vec<T> y) const {
    const Vec<T> zero{};
    switch (kind) {
      case CellActivation::linear: return zero + T(1);
      case CellActivation::relu: return select<T>(y > T(0), zero + T(1), zero);
      case CellActivation::tanh: return T(1) - y * y;
      case CellActivation::sigmoid: return y * (T(1) - y);
      case CellActivation::hard_sigmoid: return select<T>((y > T(0)) & (y < T(1)), zero + T(1.0 / 6), zero);
    }
    __builtin_unreachable();
  }
};

template <class T, class F>
LAMINA_INLINE void with_activations(CellActivation act, CellActivation recurrent_act, F&& f) {
  if (act == CellActivation::tanh && recurrent_act == CellActivation::sigmoid) return f(Tanh<T>{}, Sigmoid<T>{});
  f(Chosen<T>{act}, Chosen<T>{recurrent_act});
}

template <class T>
LAMINA_INLINE Vec<T> get_or_zero(const T* p, dim_t i, int lanes) {
  return p ? get(p + i, lanes) : Vec<T>{};
}

// Rows of one sequence are used once a step, too far apart in time for the hardware's prefetchers.
template <class T>
LAMINA_INLINE void fetch(const T* p) {
  __builtin_prefetch(p, 0, 2);
}
template <class T>
LAMINA_INLINE void fetch_to_write(T* p) {
  __builtin_prefetch(p, 1, 2);
}

template <class T>
LAMINA_INLINE void put_state(const CellForward<T>& s, dim_t j, Vec<T> h, int l) {
  put<T>(s.h + j, h, l);
  if (s.y) put<T>(s.y + j, h, l);
  if (s.next) put<T>(s.next + j, h, l);
}

template <class T, bool output = true>
void lstm_forward(const CellForward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto act, auto gate) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      T* p = s.gates + j;
      for (int k = 0; k < 4; k++) fetch_to_write(p + (4 * s.ahead + k) * s.U);
      Vec<T> i = get(p, l), f = get(p + s.U, l), g = get(p + 2 * s.U, l), o = get(p + 3 * s.U, l);
      if (s.z) {
        const T* z = s.z + j;
        i += get(z, l);
        f += get(z + s.U, l);
        g += get(z + 2 * s.U, l);
        o += get(z + 3 * s.U, l);
      }
      i = gate(i);
      f = gate(f);
      g = act(g);
      o = gate(o);
      const Vec<T> c = f * get_or_zero(s.c_prev, j, l) + i * g;
      if (!output || s.keep) {
        put<T>(p, i, l);
        put<T>(p + s.U, f, l);
        put<T>(p + 2 * s.U, g, l);
        put<T>(p + 3 * s.U, o, l);
      }
      put<T>(s.c + j, c, l);
      if constexpr (output) put_state(s, j, o * act(c), l);
    });
  });
}

template <class T>
void lstm_output_forward(const CellForward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto act, auto) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      put_state(s, j, get(s.gates + 3 * s.U + j, l) * act(get(s.normal + j, l)), l);
    });
  });
}

template <class T>
void lstm_output_backward(const CellBackward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto act, auto gate) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> o = get(s.gates + 3 * s.U + j, l), a = act(get(s.normal + j, l));
      const Vec<T> dh = get(s.dh + j, l) + get_or_zero(s.dy, j, l), dout = dh * a * gate.slope(o);
      put<T>(s.dnormal + j, dh * o * act.slope(a), l);
      put<T>(s.dz + 3 * s.U + j, dout, l);
      put<T>(s.dr + 3 * s.U + j, dout, l);
    });
  });
}

template <class T, bool output = true>
void lstm_backward(const CellBackward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto act, auto gate) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      const T* p = s.gates + j;
      for (int k = 0; k < 4; k++) {
        fetch(p + (4 * s.ahead + k) * s.U);
        fetch_to_write(s.dz + j + (4 * s.ahead + k) * s.U);
      }
      fetch(s.c + j + 2 * s.ahead * s.U);
      if (s.dy) fetch(s.dy + j + s.ahead * s.U);
      const Vec<T> i = get(p, l), f = get(p + s.U, l), g = get(p + 2 * s.U, l);
      Vec<T> dc = get(s.dc + j, l), dout{};
      if constexpr (output) {
        const Vec<T> o = get(p + 3 * s.U, l), a = act(get(s.c + j, l));
        const Vec<T> dh = get(s.dh + j, l) + get_or_zero(s.dy, j, l);
        dc += dh * o * act.slope(a);
        dout = dh * a * gate.slope(o);
      }
      const Vec<T> di = dc * g * gate.slope(i), df = dc * get_or_zero(s.c_prev, j, l) * gate.slope(f);
      const Vec<T> dg = dc * i * act.slope(g);
      put<T>(s.dc + j, dc * f, l);
      T* const copies[2] = {s.dz + j, s.dr + j};
      for (T* out : copies) {
        put<T>(out, di, l);
        put<T>(out + s.U, df, l);
        put<T>(out + 2 * s.U, dg, l);
        if constexpr (output) put<T>(out + 3 * s.U, dout, l);
      }
    });
  });
}

// Pre-activation of gate k: x . W + b, h_prev . R and the recurrent bias, the last two where there are any.
template <class T>
LAMINA_INLINE Vec<T> recurrent_part(const CellForward<T>& s, int k, dim_t j, int l) {
  return get_or_zero(s.z, k * s.U + j, l) + get_or_zero(s.bias, k * s.U + j, l);
}
template <class T>
LAMINA_INLINE Vec<T> gate_input(const CellForward<T>& s, int k, dim_t j, int l) {
  return get(s.gates + k * s.U + j, l) + recurrent_part(s, k, j, l);
}

template <class T>
void gru_forward(const CellForward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto act, auto gate) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      T* p = s.gates + j;
      for (int k = 0; k < 4; k++) fetch_to_write(p + (4 * s.ahead + k) * s.U);
      const Vec<T> z = gate(gate_input(s, 0, j, l)), r = gate(gate_input(s, 1, j, l)), q = recurrent_part(s, 2, j, l);
      const Vec<T> hh = act(get(p + 2 * s.U, l) + r * q);
      if (s.keep) {
        put<T>(p, z, l);
        put<T>(p + s.U, r, l);
        put<T>(p + 2 * s.U, hh, l);
        put<T>(p + 3 * s.U, q, l);
      }
      put_state(s, j, hh + z * (get(s.h + j, l) - hh), l);
    });
  });
}

template <class T>
void gru_backward(const CellBackward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto act, auto gate) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      const T* p = s.gates + j;
      for (int k = 0; k < 4; k++) {
        fetch(p + (4 * s.ahead + k) * s.U);
        fetch_to_write(s.dz + j + (4 * s.ahead + k) * s.U);
      }
      const Vec<T> z = get(p, l), r = get(p + s.U, l), hh = get(p + 2 * s.U, l), q = get(p + 3 * s.U, l);
      const Vec<T> dh = get(s.dh + j, l) + get_or_zero(s.dy, j, l);
      const Vec<T> dz = dh * (get(s.h_prev + j, l) - hh) * gate.slope(z), dhh = dh * (T(1) - z) * act.slope(hh);
      const Vec<T> dr = dhh * q * gate.slope(r), dq = dhh * r;
      put<T>(s.dh + j, dh * z, l);
      put<T>(s.dz + j, dz, l);
      put<T>(s.dz + j + s.U, dr, l);
      put<T>(s.dz + j + 2 * s.U, dhh, l);
      put<T>(s.dz + j + 3 * s.U, dq, l);
      put<T>(s.dr + j, dz, l);
      put<T>(s.dr + j + s.U, dr, l);
      put<T>(s.dr + j + 2 * s.U, dq, l);
    });
  });
}

template <class T>
void reset_gates_forward(const CellForward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto, auto gate) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      T* p = s.gates + j;
      for (int k = 0; k < 4; k++) fetch_to_write(p + (4 * s.ahead + k) * s.U);
      const Vec<T> z = gate(gate_input(s, 0, j, l)), r = gate(gate_input(s, 1, j, l));
      const Vec<T> product = r * get(s.h + j, l);
      put<T>(p, z, l);
      put<T>(p + s.U, r, l);
      put<T>(p + 3 * s.U, product, l);
      put<T>(s.product + j, product, l);
    });
  });
}

template <class T>
void reset_state_forward(const CellForward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto act, auto) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      T* p = s.gates + j;
      const Vec<T> z = get(p, l), hh = act(get(p + 2 * s.U, l) + get_or_zero(s.z, j, l));
      put<T>(p + 2 * s.U, hh, l);
      put_state(s, j, hh + z * (get(s.h + j, l) - hh), l);
    });
  });
}

template <class T>
void reset_state_backward(const CellBackward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto act, auto gate) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      const T* p = s.gates + j;
      for (int k = 0; k < 4; k++) fetch(p + (4 * s.ahead + k) * s.U);
      for (int k = 0; k < 3; k++) fetch_to_write(s.dz + j + (3 * s.ahead + k) * s.U);
      const Vec<T> z = get(p, l), hh = get(p + 2 * s.U, l);
      const Vec<T> dh = get(s.dh + j, l) + get_or_zero(s.dy, j, l), dhh = dh * (T(1) - z) * act.slope(hh);
      put<T>(s.dz + j, dh * (get(s.h_prev + j, l) - hh) * gate.slope(z), l);
      put<T>(s.dz + j + 2 * s.U, dhh, l);
      put<T>(s.dr + j, dhh, l);
      put<T>(s.dh + j, dh * z, l);
    });
  });
}

template <class T>
void reset_gates_backward(const CellBackward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto, auto gate) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      const Vec<T> r = get(s.gates + s.U + j, l), dproduct = get(s.dproduct + j, l);
      const Vec<T> dr = dproduct * get(s.h_prev + j, l) * gate.slope(r);
      put<T>(s.dh + j, get(s.dh + j, l) + dproduct * r, l);
      put<T>(s.dz + j + s.U, dr, l);
      put<T>(s.dr + j, get(s.dz + j, l), l);
      put<T>(s.dr + j + s.U, dr, l);
    });
  });
}

template <class T>
void simple_forward(const CellForward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto act, auto) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      fetch_to_write(s.gates + j + s.ahead * s.U);
      const Vec<T> h = act(gate_input(s, 0, j, l));
      if (s.keep) put<T>(s.gates + j, h, l);
      put_state(s, j, h, l);
    });
  });
}

template <class T>
void simple_backward(const CellBackward<T>& s) {
  with_activations<T>(s.act, s.recurrent_act, [&](auto act, auto) LAMINA_INLINE_LAMBDA {
    for_lanes<T>(s.U, [&](dim_t j, int l) LAMINA_INLINE_LAMBDA {
      fetch(s.gates + j + s.ahead * s.U);
      fetch_to_write(s.dz + j + s.ahead * s.U);
      const Vec<T> dz = (get(s.dh + j, l) + get_or_zero(s.dy, j, l)) * act.slope(get(s.gates + j, l));
      put<T>(s.dz + j, dz, l);
      put<T>(s.dr + j, dz, l);
    });
  });
}

template <class T>
void fill(RecurrentKernels<T>& k) {
  k.lstm_forward = lstm_forward<T>;
  k.lstm_backward = lstm_backward<T>;
  k.lstm_state_forward = lstm_forward<T, false>;
  k.lstm_state_backward = lstm_backward<T, false>;
  k.lstm_output_forward = lstm_output_forward<T>;
  k.lstm_output_backward = lstm_output_backward<T>;
  k.gru_forward = gru_forward<T>;
  k.gru_backward = gru_backward<T>;
  k.reset_gates_forward = reset_gates_forward<T>;
  k.reset_gates_backward = reset_gates_backward<T>;
  k.reset_state_forward = reset_state_forward<T>;
  k.reset_state_backward = reset_state_backward<T>;
  k.simple_forward = simple_forward<T>;
  k.simple_backward = simple_backward<T>;
}

}  // namespace

LAMINA_FILL(recurrent)

}  // namespace LAMINA_ISA
}  // namespace lamina
