#include "ops/convolution.h"

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/copy.h"
#include "ops/correlation.h"
#include "ops/dense.h"
#include "ops/gemm.h"
#include "ops/winograd.h"

namespace lamina {
namespace {

// A 1x1 kernel that visits every pixel once: a dense layer over pixels.
bool is_dense(const Window& v, dim_t groups) {
  return groups == 1 && v.kh == 1 && v.kw == 1 && v.stride_h == 1 && v.stride_w == 1 && v.OH == v.H && v.OW == v.W;
}

bool is_depthwise(const Window& v, dim_t groups) { return groups == v.C && groups > 1; }

}  // namespace

template <class T>
void convolution_forward(const ConvolutionForward<T>& a) {
  const Window& v = a.window;
  if (a.K == 0) return;
  if (is_dense(v, a.groups) || v.C == 0)  // sums of nothing too
    return dense_forward(DenseForward<T>{a.x, a.w, a.b, a.y, v.N * v.OH * v.OW, a.K, v.C, a.act});
  if (is_depthwise(v, a.groups)) return depthwise_forward(a);
  Correlation<T> c{{a.x}, v.N, v.H, v.W, v.C, a.y, v.OH, v.OW, a.K, a.groups};
  c.rows = {forward_axis(v.OH, v.kh, v.stride_h, v.dilation_h, v.top)};
  c.columns = {forward_axis(v.OW, v.kw, v.stride_w, v.dilation_w, v.left)};
  c.w = a.w;
  c.kw = v.kw;
  c.w_tap = v.C / a.groups * a.K;
  c.w_group = a.K / a.groups;
  c.w_row = a.K;
  c.w_col = 1;
  c.bias = a.b;
  c.act = a.act;
  correlate(c);
}

namespace {

template <class T>
void data_gradient(const ConvolutionBackward<T>& a, const Gated<T>& dz) {
  const Window& v = a.window;
  Correlation<T> c{dz, v.N, v.OH, v.OW, a.K, a.dx, v.H, v.W, v.C, a.groups};
  c.rows = gradient_axes(v.H, v.kh, v.stride_h, v.dilation_h, v.top);
  c.columns = gradient_axes(v.W, v.kw, v.stride_w, v.dilation_w, v.left);
  c.w = a.w;
  c.kw = v.kw;
  c.w_tap = v.C / a.groups * a.K;
  c.w_group = a.K / a.groups;
  c.w_row = 1;
  c.w_col = a.K;
  c.accumulate = a.dx_mode == Grad::accumulate;
  correlate(c);
}

}  // namespace

template <class T>
void convolution_backward(const ConvolutionBackward<T>& a) {
  const Window& v = a.window;
  const dim_t pixels = v.N * v.OH * v.OW;
  if (a.K == 0) {  // no outputs: nothing reaches the input
    if (a.dx_mode == Grad::write) fill(Fill<T>{a.dx, v.N * v.H * v.W * v.C, T(0)});
    return;
  }
  if (is_dense(v, a.groups) || v.C == 0)
    return dense_backward(DenseBackward<T>{a.x, a.w, a.y, a.dy, a.dx, a.dw, a.db, a.dx_mode, a.dw_mode, a.db_mode,
                                           pixels, a.K, v.C, a.act});
  const bool depthwise = is_depthwise(v, a.groups), wants_dw = a.dw_mode != Grad::skip,
             wants_db = a.db_mode != Grad::skip;
  const bool tiled = wants_dw && winograd_pays<T>(v, a.K, a.groups);
  const bool fused = wants_dw && !depthwise && !tiled && fuses_weight_gradient(v, v.kh * v.kw * (v.C / a.groups) * a.K);
  // dz = dy * act'(y) as an array, unless everyone makes its own in passing.
  const bool whole = a.act != Activation::linear && (depthwise || ((wants_dw || wants_db) && !fused));
  Scratch<T> array(whole ? pixels * a.K : 0);
  if (whole) activation_gradient(pixels * a.K, a.y, a.dy, array.get(), a.act);
  const Gated<T> dz = whole                         ? Gated<T>{array.get()}
                      : a.act == Activation::linear ? Gated<T>{a.dy}
                                                    : Gated<T>{a.dy, a.y, a.act};
  if (a.dx_mode != Grad::skip) depthwise ? depthwise_data_gradient(a, dz.x) : data_gradient(a, dz);
  if (wants_dw) {
    const WeightGradient<T> g{a.x,
                              dz,
                              a.dw,
                              fused && wants_db ? a.db : nullptr,
                              v,
                              a.K,
                              a.groups,
                              a.dw_mode == Grad::accumulate,
                              a.db_mode == Grad::accumulate};
    depthwise ? depthwise_weight_gradient(g) : tiled ? winograd_weight_gradient(g) : convolution_weight_gradient(g);
  }
  if (wants_db && !fused) column_sums(pixels, a.K, dz.x, a.K, a.db, a.db_mode == Grad::accumulate);
}

template void convolution_forward(const ConvolutionForward<float>&);
template void convolution_forward(const ConvolutionForward<double>&);
template void convolution_backward(const ConvolutionBackward<float>&);
template void convolution_backward(const ConvolutionBackward<double>&);

}  // namespace lamina
