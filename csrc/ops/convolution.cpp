#include "ops/convolution.h"

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/bfloat16.h"
#include "ops/conv_direct.h"
#include "ops/dense.h"
#include "ops/gemm.h"
#include "ops/winograd.h"

namespace lamina {
namespace {

// A kernel of one tap that visits every pixel once: a dense layer over pixels.
bool is_dense(const Window& v, dim_t groups) {
  return groups == 1 && product(v.taps) == 1 && product(v.stride) == 1 && v.out == v.in && v.before == Triple{};
}

bool is_depthwise(const Window& v, dim_t groups) { return groups == v.C && groups > 1; }

// From (N, in, C) to (N, out, K), or `back` with the flipped kernel. Which way follows from the shape alone.
template <class T>
void pass(const ConvolutionPass<T>& a, bool back) {
  const Window& v = a.window;
  const dim_t from = back ? a.K : v.C, to = back ? v.C : a.K, w_row = back ? 1 : a.K, w_col = back ? a.K : 1;
  const Triple &in = back ? v.out : v.in, &out = back ? v.in : v.out;
  if (to == 0) return;
  if (is_dense(v, a.groups) || from == 0)  // sums of nothing too
    return gemm(Gemm<T>{v.N * product(out), to, from, a.x.x, from, 1, a.w, w_row, w_col, a.y, to, a.b, a.act,
                        a.accumulate, a.bfloat16});
  if (is_depthwise(v, a.groups)) return depthwise_pass(a, back);
  if (has_few_channels<T>(v, a.K, a.groups)) return few_channels_pass(a, back);
  Correlation<T> c{a.x, v.N, in, from, a.y, out, to, a.groups};
  c.axes = back ? gradient_axes(v) : forward_axes(v);
  c.w = a.w;
  c.kh = v.taps[1];
  c.kw = v.taps[2];
  c.w_tap = v.C / a.groups * a.K;
  c.w_group = a.K / a.groups;
  c.w_row = w_row;
  c.w_col = w_col;
  c.bias = a.b;
  c.act = a.act;
  c.accumulate = a.accumulate;
  c.bfloat16 = a.bfloat16;
  correlate(c);
}

template <class T>
void weight_gradient(const WeightGradient<T>& a, bool tiled) {
  const Window& v = a.window;
  if (v.C * a.K == 0) return;
  if (is_dense(v, a.groups))
    return gemm(Gemm<T>{v.C, a.K, v.N * product(v.out), a.x, 1, v.C, a.dz.x, a.K, 1, a.dw, a.K, nullptr,
                        Activation::linear, a.accumulate, a.bfloat16});
  if (is_depthwise(v, a.groups)) return depthwise_weight_gradient(a);
  if (has_few_channels<T>(v, a.K, a.groups)) return few_channels_weight_gradient(a);
  tiled ? winograd_weight_gradient(a) : convolution_weight_gradient(a);
}

}  // namespace

template <class T>
void convolution_forward(const ConvolutionForward<T>& a) {
  pass(ConvolutionPass<T>{{a.x}, a.w, a.b, a.y, a.window, a.K, a.groups, a.act, false, a.bfloat16}, a.transposed);
}

template <class T>
void convolution_backward(const ConvolutionBackward<T>& a) {
  const Window& v = a.window;
  const dim_t pixels = v.N * product(a.transposed ? v.in : v.out), channels = a.transposed ? v.C : a.K;
  const bool wants_dw = a.dw.wanted(), wants_db = a.db.wanted();
  const bool direct = !is_dense(v, a.groups) && !is_depthwise(v, a.groups) && !has_few_channels<T>(v, a.K, a.groups);
  const bool rounded = rounds_weight_gradient<T>(v, a.K, a.groups, a.bfloat16) && bfloat16_kernels<T>().tiles;
  const bool tiled = wants_dw && direct && !rounded && winograd_pays<T>(v, a.K, a.groups);
  const bool fused = wants_dw && direct && !tiled && !a.transposed &&
                     fuses_weight_gradient(v, product(v.taps) * (v.C / a.groups) * a.K);
  // dz = dy * act'(y) is an array, unless all its readers compute it block by block.
  const bool whole = a.act != Activation::linear && (!direct || ((wants_dw || wants_db) && !fused));
  Scratch<T> array(whole ? pixels * channels : 0);
  if (whole) activation_gradient(pixels * channels, a.y, a.dy, array.get(), a.act);
  const LazyActGrad<T> dz = whole                         ? LazyActGrad<T>{array.get()}
                            : a.act == Activation::linear ? LazyActGrad<T>{a.dy}
                                                          : LazyActGrad<T>{a.dy, a.y, a.act};
  if (a.dx.wanted())
    pass(ConvolutionPass<T>{dz, a.w, nullptr, a.dx, v, a.K, a.groups, Activation::linear, a.dx.adds(), a.bfloat16},
         !a.transposed);
  if (wants_dw)
    weight_gradient(WeightGradient<T>{a.transposed ? dz.x : a.x, a.transposed ? LazyActGrad<T>{a.x} : dz, a.dw,
                                      fused && wants_db ? a.db.to : nullptr, v, a.K, a.groups, a.dw.adds(), a.db.adds(),
                                      a.bfloat16},
                    tiled);
  if (wants_db && !fused) column_sums(pixels, channels, dz.x, channels, a.db.to, a.db.adds());
}

LAMINA_FOR_FLOATS(convolution_forward, ConvolutionForward);
LAMINA_FOR_FLOATS(convolution_backward, ConvolutionBackward);

}  // namespace lamina
