// The frame of recurrent.cpp with convolutions for its products:
//
//   forward     gates = conv(x, W) + b of all steps at once: their images are one batch
//               for each step:   z = conv(h, R) of the sequences that still have steps, then the cell pixel by pixel
//   backward    for each step, last first:   the cell's dz pixel by pixel, then dh = R's data gradient of dz
//               dx, dW, db from the images of all steps at once, and so dR from the states before them
//
// Threads divide the pixels and what the convolutions divide. The longest sequences stand first, so that those of a
// step are neighbours in h and z.
#include "ops/conv_lstm.h"

#include <algorithm>
#include <cstring>

#include "kernels/table.h"
#include "ops/convolution.h"
#include "ops/recurrent_schedule.h"

namespace lamina {
namespace {

Window of_images(Window v, dim_t N) {
  v.N = N;
  return v;
}

template <class T>
void convolve(const Window& v, const T* x, const T* w, const T* b, T* y, dim_t K, dim_t groups) {
  convolution_forward(ConvolutionForward<T>{x, w, b, y, v, K, groups, Activation::linear, false, false});
}

// Of y = conv(x, w) + b from the gradient of y.
template <class T>
void gradients(const Window& v, const T* x, const T* w, const T* dy, dim_t K, dim_t groups, const Gradient<T>& dx,
               const Gradient<T>& dw, const Gradient<T>& db) {
  convolution_backward(
      ConvolutionBackward<T>{x, w, nullptr, dy, dx, dw, db, v, K, groups, Activation::linear, false, false});
}

// f(sequence, first pixel, end) for those of `sequences` with Q pixels each, which threads divide.
template <class F>
void for_pixels(dim_t sequences, dim_t Q, dim_t elements, F&& f) {
  parallel_for(sequences * Q, kGrain / (16 * elements) + 1, [&](dim_t begin, dim_t end) {
    while (begin < end) {
      const dim_t k = begin / Q, first = begin - k * Q, n = std::min(end - begin, Q - first);
      f(k, first, first + n);
      begin += n;
    }
  });
}

template <class T>
T* moved(T* p, dim_t by) {
  return p ? p + by : nullptr;
}

}  // namespace

template <class T>
void conv_lstm_forward(const ConvLstmForward<T>& a) {
  const auto& r = a.r.steps;
  const Schedule s(r);
  const Group all(s, r.B, 0, 1);
  const dim_t U = r.U, F = a.r.F, Q = product(a.r.input.out), P = s.rows, rest = r.B * r.S - P;
  Scratch<T> packed_x(s.dense ? 0 : P * r.I), own_gates(a.gates ? 0 : P * 4 * U), states(2 * r.B * U), z(r.B * 4 * U);
  T *h = states, *c = states + r.B * U, *gates = a.gates ? a.gates : own_gates.get();
  convolve(of_images(a.r.input, P), s.dense ? r.x : gather(r, s, packed_x.get()), r.kernel, r.bias, gates, 4 * F,
           a.r.groups);
  if (a.gates && rest > 0) {
    std::memset(a.gates + P * 4 * U, 0, sizeof(T) * rest * 4 * U);
    std::memset(a.h_prev + P * U, 0, sizeof(T) * rest * U);
    std::memset(a.c_all + P * U, 0, sizeof(T) * rest * U);
  }
  for (dim_t k = 0; k < r.B; k++) {
    const dim_t b = all[k];
    copy_row(h + k * U, moved(r.h0, b * U), U);
    if (a.h_prev && s.count(b)) copy_row(a.h_prev + s.row(b, 0) * U, h + k * U, U);
  }
  dim_t active = r.B;
  for (dim_t step = 0; step < s.longest(); step++) {
    active = all.active(step, active);
    const bool product_of_h = step || r.h0;
    if (product_of_h) convolve<T>(of_images(a.r.recurrent, active), h, r.recurrent, nullptr, z.get(), 4 * F, 1);
    for_pixels(active, Q, F, [&](dim_t k, dim_t first, dim_t end) {
      const dim_t b = all[k], row = s.row(b, step);
      T* after = a.c_all ? a.c_all + row * U : c + k * U;
      const T* before = !step ? moved(r.c0, b * U) : a.c_all ? a.c_all + s.row(b, step - 1) * U : after;
      T* y = a.y ? a.y + (b * r.S + s.output(b, step)) * U : nullptr;
      T* next = a.h_prev && step + 1 < s.count(b) ? a.h_prev + s.row(b, step + 1) * U : nullptr;
      CellForward<T> f{};
      f.U = F;
      f.act = r.act;
      f.recurrent_act = r.recurrent_act;
      f.keep = a.gates;
      for (dim_t q = first; q < end; q++) {
        f.gates = gates + (row * Q + q) * 4 * F;
        f.z = product_of_h ? z + (k * Q + q) * 4 * F : nullptr;
        f.c_prev = moved(before, q * F);
        f.h = h + k * U + q * F;
        f.c = after + q * F;
        f.y = moved(y, q * F);
        f.next = moved(next, q * F);
        kernels<T>().recurrent.lstm_forward(f);
      }
    });
  }
  parallel_for(r.B, kGrain / std::max<dim_t>(1, U) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t k = begin; k < end; k++) {
      const dim_t b = all[k], n = s.count(b);
      copy_row(a.h + b * U, h + k * U, U);
      copy_row(a.c + b * U, !n ? moved(r.c0, b * U) : a.c_all ? a.c_all + s.row(b, n - 1) * U : c + k * U, U);
      if (a.y && n < r.S) fill_outputs(r, s, b, a.y);
    }
  });
}

template <class T>
void conv_lstm_backward(const ConvLstmBackward<T>& a) {
  const auto& r = a.r.steps;
  const Schedule s(r);
  const Group all(s, r.B, 0, 1);
  const dim_t U = r.U, F = a.r.F, Q = product(a.r.input.out), P = s.rows;
  const bool carried = a.dy && r.mask && !r.zero_output;
  Scratch<T> own_dy(carried ? r.B * r.S * U : 0);
  const T* dy = carried ? carry_back(r, s, a.dy, own_dy.get()) : a.dy;
  Scratch<T> dz(P * 4 * U), dr(r.B * 4 * U), states(2 * r.B * U);
  T *dh = states, *dc = states + r.B * U;
  for (dim_t k = 0; k < r.B; k++) {
    copy_row(dh + k * U, moved(a.dh, all[k] * U), U);
    copy_row(dc + k * U, moved(a.dc, all[k] * U), U);
  }
  dim_t active = 0;
  for (dim_t step = s.longest(); step-- > 0;) {
    active = all.active(step, active);
    for_pixels(active, Q, F, [&](dim_t k, dim_t first, dim_t end) {
      const dim_t b = all[k], row = s.row(b, step);
      const T* before = step ? a.c_all + s.row(b, step - 1) * U : moved(r.c0, b * U);
      const T* of_output = dy ? dy + (b * r.S + s.output(b, step)) * U : nullptr;
      CellBackward<T> f{};
      f.U = F;
      f.act = r.act;
      f.recurrent_act = r.recurrent_act;
      for (dim_t q = first; q < end; q++) {
        f.gates = a.gates + (row * Q + q) * 4 * F;
        f.c = a.c_all + row * U + q * F;
        f.c_prev = moved(before, q * F);
        f.dy = moved(of_output, q * F);
        f.dh = dh + k * U + q * F;
        f.dc = dc + k * U + q * F;
        f.dz = dz + (row * Q + q) * 4 * F;
        f.dr = dr + (k * Q + q) * 4 * F;
        kernels<T>().recurrent.lstm_backward(f);
      }
    });
    if (step || a.dh0.wanted())
      gradients<T>(of_images(a.r.recurrent, active), nullptr, r.recurrent, dr.get(), 4 * F, 1, {dh, Grad::write}, {},
                   {});
  }
  const bool spread = !s.dense && a.dx.wanted();
  Scratch<T> packed(s.dense ? 0 : P * r.I), packed_dx(spread ? P * r.I : 0);
  const T* x = s.dense ? r.x : gather(r, s, packed.get());
  const Gradient<T> dx = spread ? Gradient<T>{packed_dx, Grad::write} : a.dx;
  gradients<T>(of_images(a.r.input, P), x, r.kernel, dz.get(), 4 * F, a.r.groups, dx, a.dkernel, a.dbias);
  if (spread) scatter(r, s, packed_dx.get(), a.dx.to, a.dx.adds());
  if (a.drecurrent.wanted())
    gradients<T>(of_images(a.r.recurrent, P), a.h_prev, r.recurrent, dz.get(), 4 * F, 1, {}, a.drecurrent, {});
  deliver(r.B, U, s, 1, dh, a.dh0);
  deliver(r.B, U, s, 1, dc, a.dc0);
}

LAMINA_FOR_FLOATS(conv_lstm_forward, ConvLstmForward);
LAMINA_FOR_FLOATS(conv_lstm_backward, ConvLstmBackward);

}  // namespace lamina
