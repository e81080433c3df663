// Forward, every output gathers its taps. Backward, every input gathers the outputs whose windows hold it, so that no
// two threads write to one place however the windows overlap.
#include "ops/pooling.h"

#include "core/cpu.h"
#include "core/fence.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

// Rows of `line` elements that a thread must have before another one helps.
dim_t grain(dim_t line) { return kGrain / std::max<dim_t>(line, 1) + 1; }

// Calls f(row, run, r, q) for each run of outputs of one row; `row` is filled but for x and y, which stand at the
// beginnings of a source image and of the destination's row.
template <class T, class F>
void pool_row(const Axis& r, dim_t i, const Axis& q, dim_t H, dim_t W, dim_t C, const T* x, T* y, bool accumulate,
              bool stream, F&& f) {
  PoolRow<T> row{};
  row.x_pixel = q.step * C;
  row.x_h = r.dilation * W * C;
  row.x_w = q.dilation * C;
  row.y_pixel = q.spread * C;
  row.channels = C;
  row.accumulate = accumulate;
  row.stream = stream;
  for_runs(r, i, q, H, W, [&](const Run& run) {
    row.kh = run.kh;
    row.kw = run.kw;
    row.pixels = run.pixels;
    row.x = x + run.source * C;
    row.y = y + (q.first + run.at * q.spread) * C;
    f(row, run);
  });
}

// One pass over all outputs; f(row, run, output row).
template <class T, class F>
void pool_forward(const Window& v, const T* x, T* y, F&& f) {
  const Axis r = forward_axis(v.OH, v.kh, v.stride_h, 1, v.top), q = forward_axis(v.OW, v.kw, v.stride_w, 1, v.left);
  const dim_t line = v.OW * v.C;
  const bool stream = past_caches(v.N * v.OH * line * dim_t(sizeof(T)));
  parallel_for(v.N * v.OH, grain(line * std::min(v.kh, v.stride_h) * std::min(v.kw, v.stride_w)),
               [&](dim_t begin, dim_t end) {
                 for (dim_t i = begin; i < end; i++)
                   pool_row(r, i % v.OH, q, v.H, v.W, v.C, x + i / v.OH * v.H * v.W * v.C, y + i * line, false, stream,
                            [&](const PoolRow<T>& row, const Run& run) { f(row, run, i); });
                 if (stream) stream_fence();
               });
}

// One pass over all inputs; f(row, run, image, axis of rows, axis of columns).
template <class T, class F>
void pool_backward(const Window& v, const T* dy, T* dx, bool accumulate, F&& f) {
  const auto rows = gradient_axes(v.H, v.kh, v.stride_h, 1, v.top);
  const auto columns = gradient_axes(v.W, v.kw, v.stride_w, 1, v.left);
  const bool stream = past_caches(v.N * v.H * v.W * v.C * dim_t(sizeof(T)));
  parallel_for(v.N * v.H, grain(v.W * v.C), [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      const dim_t n = i / v.H, h = i % v.H;
      const Axis& r = axis_of(rows, h);
      for (const Axis& q : columns)
        pool_row(r, (h - r.first) / r.spread, q, v.OH, v.OW, v.C, dy + n * v.OH * v.OW * v.C, dx + i * v.W * v.C,
                 accumulate, stream, [&](const PoolRow<T>& row, const Run& run) { f(row, run, n, r, q); });
    }
    if (stream) stream_fence();
  });
}

bool whole_image(const Window& v) {
  return v.OH == 1 && v.OW == 1 && v.kh == v.H && v.kw == v.W && (v.top | v.left) == 0;
}

// As pool_backward where the window is the whole image: f(row, image, first pixel) for runs of inputs, which all meet
// the one output row.x.
template <class T, class F>
void spread(const Window& v, const T* dy, T* dx, bool accumulate, F&& f) {
  const dim_t pixels = v.H * v.W, piece = std::clamp<dim_t>(kGrain / 2 / std::max<dim_t>(v.C, 1), 1, pixels);
  const dim_t pieces = (pixels + piece - 1) / piece;
  const bool stream = past_caches(v.N * pixels * v.C * dim_t(sizeof(T)));
  parallel_for(v.N * pieces, 2, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      const dim_t n = i / pieces, p = i % pieces * piece, count = std::min(piece, pixels - p);
      f(PoolRow<T>{dy + n * v.C, 0, 0, 0, 1, 1, dx + (n * pixels + p) * v.C, v.C, count, v.C, accumulate, stream}, n,
        p);
    }
    if (stream) stream_fence();
  });
}

// Windows side by side, without padding.
bool side_by_side(const Window& v) {
  return v.OH > 0 && v.OW > 0 && v.stride_h == v.kh && v.stride_w == v.kw && (v.top | v.left) == 0 &&
         v.OH * v.kh <= v.H && v.OW * v.kw <= v.W;
}

// As pool_backward for such windows: f(row, first output) for each row of outputs.
template <class T, class F>
void tiles(const Window& v, const T* dy, T* dx, bool accumulate, F&& f) {
  const dim_t line = v.W * v.C, used = v.OW * v.kw * v.C;
  const bool stream = past_caches(v.N * v.H * line * dim_t(sizeof(T)));
  parallel_for(v.N * v.OH, grain(line * v.kh), [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      const dim_t n = i / v.OH, h = i % v.OH, h_end = h + 1 == v.OH ? v.H : (h + 1) * v.kh;
      T* y = dx + (n * v.H + h * v.kh) * line;
      f(PoolRow<T>{dy + i * v.OW * v.C, v.C, line, v.C, v.kh, v.kw, y, v.kw * v.C, v.OW, v.C, accumulate, stream},
        i * v.OW * v.C);
      if (accumulate) continue;
      if (used < line)
        for (dim_t r = 0; r < v.kh; r++) std::fill(y + r * line + used, y + (r + 1) * line, T(0));
      std::fill(y + v.kh * line, dx + (n * v.H + h_end) * line, T(0));  // below the last window
    }
    if (stream) stream_fence();
  });
}

char* index_at(const void* index, bool wide, dim_t i) {
  return const_cast<char*>(static_cast<const char*>(index)) + i * (wide ? 4 : 1);
}

}  // namespace

template <class T>
void max_pool_forward(const MaxPoolForward<T>& a) {
  const Window& v = a.window;
  const bool wide = v.kh * v.kw > kByteTaps;
  pool_forward(v, a.x, a.y, [&](const PoolRow<T>& row, const Run& run, dim_t) {
    void* index = a.index ? index_at(a.index, wide, row.y - a.y) : nullptr;
    kernels<T>().pooling.max(row, PoolIndex{index, wide, run.h * v.kw + run.w, v.kw, 1});
  });
}

template <class T>
void max_pool_backward(const MaxPoolBackward<T>& a) {
  if (a.dx_mode == Grad::skip) return;
  const Window& v = a.window;
  const bool wide = v.kh * v.kw > kByteTaps, accumulate = a.dx_mode == Grad::accumulate;
  if (whole_image(v)) {
    return spread(v, a.dy, a.dx, accumulate, [&](const PoolRow<T>& row, dim_t n, dim_t p) {
      kernels<T>().pooling.max_spread(row, PoolIndex{index_at(a.index, wide, n * v.C), wide, p, 0, 0});
    });
  }
  if (side_by_side(v)) {
    return tiles(v, a.dy, a.dx, accumulate, [&](const PoolRow<T>& row, dim_t at) {
      kernels<T>().pooling.max_tiles(row, PoolIndex{index_at(a.index, wide, at), wide, 0, v.kw, 1});
    });
  }
  pool_backward(v, a.dy, a.dx, accumulate,
                [&](const PoolRow<T>& row, const Run& run, dim_t, const Axis& r, const Axis& q) {
                  const dim_t tap0 = (r.tap0 + run.h * r.tap_step) * v.kw + q.tap0 + run.w * q.tap_step;
                  kernels<T>().pooling.max_gradient(
                      row, PoolIndex{index_at(a.index, wide, row.x - a.dy), wide, tap0, r.tap_step * v.kw, q.tap_step});
                });
}

template <class T>
void average_pool_forward(const AveragePoolForward<T>& a) {
  const Window& v = a.window;
  pool_forward(v, a.x, a.y, [&](const PoolRow<T>& row, const Run& run, dim_t) {
    kernels<T>().pooling.sum(row, T(1) / T(a.count_pad ? v.kh * v.kw : run.kh * run.kw));
  });
}

template <class T>
void average_pool_backward(const AveragePoolBackward<T>& a) {
  if (a.dx_mode == Grad::skip) return;
  const Window& v = a.window;
  const auto& k = kernels<T>().pooling;
  const bool even = a.count_pad || (v.top | v.bottom | v.left | v.right) == 0;
  const bool accumulate = a.dx_mode == Grad::accumulate;
  const T mean = T(1) / T(v.kh * v.kw);
  if (whole_image(v))
    return spread(v, a.dy, a.dx, accumulate, [&](const PoolRow<T>& row, dim_t, dim_t) { k.sum(row, mean); });
  if (side_by_side(v))
    return tiles(v, a.dy, a.dx, accumulate, [&](const PoolRow<T>& row, dim_t) { k.sum_tiles(row, mean); });
  const T* dy = a.dy;
  // Where windows count different numbers of pixels, dy is divided first.
  Scratch<T> divided(even ? 0 : v.N * v.OH * v.OW * v.C);
  if (!even) {
    pool_forward(v, a.dy, divided.get(), [&](PoolRow<T> row, const Run& run, dim_t) {
      const T scale = T(1) / T(run.kh * run.kw);
      row.x = a.dy + (row.y - divided);
      row.x_pixel = row.y_pixel;
      row.kh = row.kw = 1;
      k.sum(row, scale);
    });
    dy = divided;
  }
  const T scale = even ? mean : T(1);
  pool_backward(v, dy, a.dx, accumulate,
                [&](const PoolRow<T>& row, const Run&, dim_t, const Axis&, const Axis&) { k.sum(row, scale); });
}

template void max_pool_forward(const MaxPoolForward<float>&);
template void max_pool_forward(const MaxPoolForward<double>&);
template void max_pool_backward(const MaxPoolBackward<float>&);
template void max_pool_backward(const MaxPoolBackward<double>&);
template void average_pool_forward(const AveragePoolForward<float>&);
template void average_pool_forward(const AveragePoolForward<double>&);
template void average_pool_backward(const AveragePoolBackward<float>&);
template void average_pool_backward(const AveragePoolBackward<double>&);

}  // namespace lamina
