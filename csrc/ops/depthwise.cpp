// The depthwise convolution: rows of pixels whose valid taps are the same go to one kernel call, so that nothing is
// copied for the padding. With m outputs a channel, x is repeated m times in scratch, image by image, and dx folded.
#include <algorithm>

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/convolution.h"

namespace lamina {
namespace {

bool worth_threads(const Window& v, dim_t K) { return v.N * v.OH * v.OW * K * (v.kh * v.kw / 4 + 1) > 2 * kGrain; }

// A row of output pixels on axes r (its output i) and q: `row` holds what does not depend on the position; x, w and y
// point to the beginnings of the source image, of the weights and of the destination row.
template <class T>
void depthwise_row(DepthwiseRow<T> row, const Axis& r, dim_t i, const Axis& q, dim_t H, dim_t W, const T* x, const T* w,
                   dim_t w_row, T* y) {
  const dim_t K = row.channels;
  row.x_pixel = q.step * K;
  row.x_h = r.dilation * W * K;
  row.x_w = q.dilation * K;
  row.w_h = r.tap_step * w_row;
  row.w_w = q.tap_step * K;
  row.y_pixel = q.spread * K;
  for_runs(r, i, q, H, W, [&](const Run& run) {
    row.kh = run.kh;
    row.kw = run.kw;
    row.pixels = run.pixels;
    row.x = x + run.source * K;
    row.w = w + (r.tap0 + run.h * r.tap_step) * w_row + (q.tap0 + run.w * q.tap_step) * K;
    row.y = y + (q.first + run.at * q.spread) * K;
    kernels<T>().convolution.depthwise(row);
  });
}

}  // namespace

template <class T>
void depthwise_forward(const ConvolutionForward<T>& a) {
  const Window& v = a.window;
  const auto& k = kernels<T>();
  const dim_t K = a.K, m = K / v.C;
  const Axis r = forward_axis(v.OH, v.kh, v.stride_h, v.dilation_h, v.top);
  const Axis q = forward_axis(v.OW, v.kw, v.stride_w, v.dilation_w, v.left);
  DepthwiseRow<T> row{};
  row.channels = K;
  row.bias = a.b;
  Scratch<T> repeated(m > 1 ? v.N * v.H * v.W * K : 0);
  const T* x = a.x;
  if (m > 1) {
    parallel_for(v.N * v.H * v.W, kGrain / K + 1, [&](dim_t begin, dim_t end) {
      k.convolution.repeat(a.x + begin * v.C, (end - begin) * v.C, m, repeated + begin * K);
    });
    x = repeated;
  }
  parallel_for(v.N * v.OH, worth_threads(v, K) ? 1 : v.N * v.OH, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      T* y = a.y + i * v.OW * K;
      depthwise_row(row, r, i % v.OH, q, v.H, v.W, x + i / v.OH * v.H * v.W * K, a.w, v.kw * K, y);
      if (a.act != Activation::linear) k.gemm.activate(y, v.OW * K, a.act);
    }
  });
}

template <class T>
void depthwise_data_gradient(const ConvolutionBackward<T>& a, const T* dz) {
  const Window& v = a.window;
  const auto& k = kernels<T>();
  const dim_t K = a.K, m = K / v.C;
  const auto rows = gradient_axes(v.H, v.kh, v.stride_h, v.dilation_h, v.top);
  const auto columns = gradient_axes(v.W, v.kw, v.stride_w, v.dilation_w, v.left);
  DepthwiseRow<T> row{};
  row.channels = K;
  const bool accumulate = a.dx_mode == Grad::accumulate;
  row.accumulate = accumulate && m == 1;
  parallel_for(v.N * v.H, worth_threads(v, K) ? 1 : v.N * v.H, [&](dim_t begin, dim_t end) {
    Scratch<T> wide(m > 1 ? v.W * K : 0);
    for (dim_t i = begin; i < end; i++) {
      const dim_t n = i / v.H, h = i % v.H;
      const Axis& r = axis_of(rows, h);
      T* dx = a.dx + i * v.W * v.C;
      for (const Axis& q : columns)
        depthwise_row(row, r, (h - r.first) / r.spread, q, v.OH, v.OW, dz + n * v.OH * v.OW * K, a.w, v.kw * K,
                      m > 1 ? wide.get() : dx);
      if (m > 1) k.convolution.fold(wide, v.W * v.C, m, dx, accumulate);
    }
  });
}

template <class T>
void depthwise_weight_gradient(const WeightGradient<T>& a) {
  const Window& v = a.window;
  const auto& k = kernels<T>();
  const dim_t K = a.K, m = K / v.C, size = v.kh * v.kw * K, rows = v.N * v.OH;
  const dim_t chunks =
      std::clamp<dim_t>(rows * v.OW * K / (2 * kGrain), 1, std::min<dim_t>(32, std::max<dim_t>(rows, 1)));
  const Axis r = forward_axis(v.OH, v.kh, v.stride_h, v.dilation_h, v.top);
  const Axis q = forward_axis(v.OW, v.kw, v.stride_w, v.dilation_w, v.left);
  Scratch<T> parts(chunks * size);
  parallel_tasks(chunks, chunks > 1, [&](dim_t c) {
    T* part = parts + c * size;
    std::fill(part, part + size, T(0));
    Scratch<T> repeated(m > 1 ? v.W * K : 0);
    DepthwiseTaps<T> d{};
    d.x_pixel = v.stride_w * K;
    d.x_w = v.dilation_w * K;
    d.dw_w = K;
    d.channels = K;
    for (dim_t i = rows * c / chunks; i < rows * (c + 1) / chunks; i++) {
      dim_t h0, h1;
      r.valid(i % v.OH, v.H, h0, h1);
      for (dim_t h = h0; h < h1; h++) {
        const dim_t source = i / v.OH * v.H + r.offset + i % v.OH * r.step + h * r.dilation;
        const T* line = a.x + source * v.W * v.C;
        if (m > 1) {
          k.convolution.repeat(line, v.W * v.C, m, repeated);
          line = repeated;
        }
        q.spans(v.W, [&](dim_t at, dim_t n, dim_t w0, dim_t w1) {
          d.taps = w1 - w0;
          d.pixels = n;
          d.x = line + (q.offset + at * q.step + w0 * q.dilation) * K;
          d.dz = a.dz.x + (i * v.OW + at) * K;
          d.dw = part + (h * v.kw + w0) * K;
          k.convolution.depthwise_weights(d);
        });
      }
    }
  });
  static const T one = 1;
  k.gemm.axpy_rows(chunks, size, &one, 0, parts, size, a.dw, nullptr, a.accumulate);
}

template void depthwise_forward(const ConvolutionForward<float>&);
template void depthwise_forward(const ConvolutionForward<double>&);
template void depthwise_data_gradient(const ConvolutionBackward<float>&, const float*);
template void depthwise_data_gradient(const ConvolutionBackward<double>&, const double*);
template void depthwise_weight_gradient(const WeightGradient<float>&);
template void depthwise_weight_gradient(const WeightGradient<double>&);

}  // namespace lamina
