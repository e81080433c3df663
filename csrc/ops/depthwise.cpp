// The depthwise convolution: rows of pixels whose valid taps are the same go to one kernel call, so that nothing is
// copied for the padding. With m outputs a channel, x is repeated m times in scratch, image by image, and dx folded.
#include <algorithm>

#include "core/cpu.h"
#include "core/fence.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"
#include "ops/convolution.h"

namespace lamina {
namespace {

bool worth_threads(const Window& v, const Triple& to, dim_t K) {
  return v.N * product(to) * K * (product(v.taps) / 4 + 1) > 2 * kGrain;
}

// What DepthwiseKernels::rows takes: square windows, planes apart, of outputs and taps one pixel apart.
template <class T>
bool one_apart(const Window& v, const Runs& runs, dim_t width) {
  if (v.taps[0] != 1 || v.stride[0] != 1 || v.before[0] != 0 || v.in[0] != v.out[0] || width < 2) return false;
  for (int i = 1; i < kAxes; i++)
    if (v.stride[i] != 1 || v.dilation[i] != 1 || v.taps[i] != v.taps[2] || runs.axis(i).size() != 1) return false;
  return v.taps[2] == 3 || (v.taps[2] == 5 && sizeof(T) == 4);
}

}  // namespace

// Of K channels on both sides: back and m > 1, each row of y is folded from a wide one.
template <class T>
void depthwise_pass(const ConvolutionPass<T>& a, bool back) {
  const Window& v = a.window;
  const auto& k = kernels<T>();
  const dim_t K = a.K, m = K / v.C, w_row = v.taps[2] * K, w_plane = v.taps[1] * w_row, channels = back ? v.C : K;
  const Triple &from = back ? v.out : v.in, &to = back ? v.in : v.out;
  const Runs runs(back ? gradient_axes(v) : forward_axes(v), to, from);
  const dim_t x_row = from[2] * K, x_image = from[0] * from[1] * x_row;
  const bool repeats = m > 1 && !back, folds = m > 1 && back;
  Scratch<T> repeated(repeats ? v.N * product(from) * K : 0);
  const T* x = a.x.x;
  if (repeats) {
    parallel_for(v.N * product(from), kGrain / K + 1, [&](dim_t begin, dim_t end) {
      k.depthwise.repeat(x + begin * v.C, (end - begin) * v.C, m, repeated + begin * K);
    });
    x = repeated;
  }
  if (!folds && one_apart<T>(v, runs, to[2])) {
    const Axis &r = runs.axis(1)[0], &q = runs.axis(2)[0];
    const dim_t groups = (to[1] + kDepthwiseRows - 1) / kDepthwiseRows, images = v.N * to[0];
    const bool stream =
        a.act == Activation::linear && !a.accumulate && past_caches(images * to[1] * to[2] * K * dim_t(sizeof(T)));
    DepthwiseRows<T> rows{};
    rows.x_height = from[1], rows.x_width = from[2], rows.top = r.offset, rows.left = q.offset;
    rows.w = a.w + r.tap0 * w_row + q.tap0 * K;
    rows.w_h = r.tap_step * w_row, rows.w_w = q.tap_step * K, rows.taps = r.taps;
    rows.width = to[2], rows.channels = K;
    rows.bias = a.b, rows.accumulate = a.accumulate, rows.stream = stream;
    return parallel_for(images * groups, worth_threads(v, to, K) ? 1 : images * groups, [&](dim_t begin, dim_t end) {
      DepthwiseRows<T> part = rows;
      for (dim_t i = begin; i < end; i++) {
        const dim_t image = i / groups;
        part.x = x + image * from[1] * x_row;
        part.y = a.y + image * to[1] * to[2] * K;
        part.row = i % groups * kDepthwiseRows;
        part.rows = std::min(kDepthwiseRows, to[1] - part.row);
        k.depthwise.rows(part);
        if (a.act != Activation::linear) k.gemm.activate(part.y + part.row * to[2] * K, part.rows * to[2] * K, a.act);
      }
      if (stream) stream_fence();
    });
  }
  const dim_t rows = v.N * to[0] * to[1];
  parallel_for(rows, worth_threads(v, to, K) ? 1 : rows, [&](dim_t begin, dim_t end) {
    Scratch<T> wide(folds ? to[2] * K : 0);
    DepthwiseRow<T> row{};
    row.channels = K;
    for_rows(to, begin, end, [&](dim_t n, dim_t depth, dim_t h, dim_t i) {
      const T* image = x + n * x_image;
      T *y = a.y + i * to[2] * channels, *line = folds ? wide.get() : y;
      runs.of_row(depth, h, [&](const Run& run, const Axis& p, const Axis& r, const Axis& q) {
        row.x_pixel = q.step * K;
        row.x_h = r.dilation * x_row;
        row.x_w = q.dilation * K;
        row.w_h = r.tap_step * w_row;
        row.w_w = q.tap_step * K;
        row.y_pixel = q.dst_stride * K;
        row.kh = run.taps[1];
        row.kw = run.taps[2];
        row.pixels = run.pixels;
        row.x = image + run.source * K;
        row.w = a.w + (p.tap0 + (run.first[0] + run.plane) * p.tap_step) * w_plane +
                (r.tap0 + run.first[1] * r.tap_step) * w_row + (q.tap0 + run.first[2] * q.tap_step) * K;
        row.y = line + run.target * K;
        row.bias = folds || run.plane > 0 ? nullptr : a.b;
        row.accumulate = (a.accumulate && !folds) || run.plane > 0;
        k.depthwise.row(row);
      });
      if (folds) {
        if (a.b)
          for (dim_t j = 0; j < to[2]; j++) std::copy(a.b, a.b + v.C, y + j * v.C);
        k.depthwise.fold(wide, to[2] * v.C, m, y, a.accumulate || a.b);
      }
      if (a.act != Activation::linear) k.gemm.activate(y, to[2] * channels, a.act);
    });
  });
}

template <class T>
void depthwise_weight_gradient(const WeightGradient<T>& a) {
  const Window& v = a.window;
  const auto& k = kernels<T>();
  const dim_t K = a.K, m = K / v.C, size = product(v.taps) * K, rows = v.N * v.out[0] * v.out[1];
  const dim_t chunks = std::clamp<dim_t>(rows * v.out[2] * K / (2 * kGrain), 1,
                                         std::min<dim_t>(kMaxGradientChunks, std::max<dim_t>(rows, 1)));
  const Axes axes = forward_axes(v);
  Scratch<T> parts(chunks * size);
  parallel_tasks(chunks, chunks > 1, [&](dim_t c) {
    T* part = parts + c * size;
    std::fill(part, part + size, T(0));
    Scratch<T> repeated(m > 1 ? v.in[2] * K : 0);
    DepthwiseTaps<T> d{};
    d.x_pixel = v.stride[2] * K;
    d.x_w = v.dilation[2] * K;
    d.dw_w = K;
    d.channels = K;
    for (dim_t i = rows * c / chunks; i < rows * (c + 1) / chunks; i++) {
      const T* image = a.x + i / (v.out[0] * v.out[1]) * v.source();
      const dim_t plane = i / v.out[1] % v.out[0], row = i % v.out[1];
      dim_t d0, d1, h0, h1;
      axes[0][0].valid(plane, v.in[0], d0, d1);
      axes[1][0].valid(row, v.in[1], h0, h1);
      for (dim_t tap = d0 * v.taps[1] + h0; tap < d1 * v.taps[1]; tap++) {  // a row of the kernel's columns
        const dim_t h = tap % v.taps[1];
        if (h < h0 || h >= h1) continue;
        const T* line =
            image + (axes[0][0].at(plane, tap / v.taps[1]) * v.in[1] + axes[1][0].at(row, h)) * v.in[2] * v.C;
        if (m > 1) {
          k.depthwise.repeat(line, v.in[2] * v.C, m, repeated);
          line = repeated;
        }
        axes[2][0].spans(v.in[2], [&](dim_t at, dim_t n, dim_t w0, dim_t w1) {
          d.taps = w1 - w0;
          d.pixels = n;
          d.x = line + axes[2][0].at(at, w0) * K;
          d.dz = a.dz.x + (i * v.out[2] + at) * K;
          d.dw = part + (tap * v.taps[2] + w0) * K;
          k.depthwise.weights(d);
        });
      }
    }
  });
  static const T one = 1;
  k.gemm.axpy_rows(chunks, size, &one, 0, parts, size, a.dw, nullptr, a.accumulate);
}

template void depthwise_pass(const ConvolutionPass<float>&, bool);
template void depthwise_pass(const ConvolutionPass<double>&, bool);
LAMINA_FOR_FLOATS(depthwise_weight_gradient, WeightGradient);

}  // namespace lamina
