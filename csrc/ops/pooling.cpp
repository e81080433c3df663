// Forward, every output gathers its taps. Backward, every input gathers the outputs whose windows hold it, so that no
// two threads write to one place however the windows overlap.
#include "ops/pooling.h"

#include <cstring>

#include "core/cpu.h"
#include "core/fence.h"
#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

// Rows of `line` elements that a thread must have before another one helps.
dim_t grain(dim_t line) { return kGrain / std::max<dim_t>(line, 1) + 1; }

// The same windows over fewer planes: where they are as high as the image, its planes are rows below each other.
Window flat(Window v) {
  if (v.adaptive || v.out[1] != 1 || v.taps[1] != v.in[1] || v.before[1] != 0 || v.dilation[1] != 1 ||
      v.dilation[0] != 1)
    return v;
  const dim_t height = v.in[1];
  for (Triple* s : {&v.in, &v.out, &v.taps, &v.stride, &v.before, &v.after})
    (*s)[1] = (*s)[0] * (s == &v.out ? 1 : height), (*s)[0] = s == &v.before || s == &v.after ? 0 : 1;
  return v;
}

// One pass over all outputs, or `back` over all inputs: calls f(row, run, depth axis, height axis, width axis).
template <class T, class F>
void pool(const Window& v, bool back, const T* x, T* y, bool accumulate, F&& f) {
  if (v.C == 0) return;  // there may be more rows without elements than one can count to
  const Triple &from = back ? v.out : v.in, &to = back ? v.in : v.out;
  const Runs runs(back ? gradient_axes(v) : forward_axes(v), to, from);
  const dim_t line = to[2] * v.C, C = v.C, source = product(from) * C;
  // Adaptive windows are few: most rows are the one before.
  const bool copies = back && v.adaptive && !accumulate;
  const bool stream = !copies && past_caches(v.N * to[0] * to[1] * line * dim_t(sizeof(T)));
  dim_t reads = 1;
  for (int i = 0; i < kAxes && !back; i++) reads *= v.adaptive ? v.taps[i] : std::min(v.taps[i], v.stride[i]);
  parallel_for(v.N * to[0] * to[1], grain(line * reads), [&](dim_t begin, dim_t end) {
    PoolRow<T> row{};
    row.channels = C;
    row.stream = stream;
    row.ahead = past_caches(v.N * source * dim_t(sizeof(T)));
    row.accumulate = accumulate;
    const Axis *across = nullptr, *down = nullptr, *behind = nullptr;
    for_rows(to, begin, end, [&](dim_t image, dim_t plane, dim_t height, dim_t i) {
      if (copies && i > begin && height > 0 && runs.same_rows(height - 1, height)) {
        std::memcpy(y + i * line, y + (i - 1) * line, std::size_t(line) * sizeof(T));
        return;
      }
      runs.of_row(plane, height, [&](const Run& run, const Axis& p, const Axis& r, const Axis& q) {
        if (run.plane > 0) return;  // the first one's call takes all planes
        // Written only on a change, since a kernel waits for fields written just before it.
        if (across != &q) {
          across = &q;
          row.x_pixel = q.step * C;
          row.x_w = q.dilation * C;
          row.y_pixel = q.dst_stride * C;
        }
        if (down != &r) {
          down = &r;
          row.x_h = r.dilation * from[2] * C;
        }
        if (behind != &p) {
          behind = &p;
          row.x_d = p.dilation * from[1] * from[2] * C;
        }
        if (row.kd != run.taps[0]) row.kd = run.taps[0];
        if (row.kh != run.taps[1]) row.kh = run.taps[1];
        if (row.kw != run.taps[2]) row.kw = run.taps[2];
        row.pixels = run.pixels;
        row.x = x + image * source + run.source * C;
        row.y = y + i * line + run.target * C;
        f(row, run, p, r, q);
      });
    });
    if (stream) stream_fence();
  });
}

// As pool(), with the numbers of taps: f(row, index), where `index` lacks its data. A tap's number is its place in the
// window; in adaptive windows (forward alone) that of its pixel in the image, so that a run is one output.
template <class T, class F>
void numbered_pool(const Window& v, bool back, const T* x, T* y, bool accumulate, F&& f) {
  const bool wide = wide_index(v);
  const dim_t h = v.adaptive ? v.in[2] : v.taps[2], d = h * (v.adaptive ? v.in[1] : v.taps[1]);
  pool(v, back, x, y, accumulate,
       [&](const PoolRow<T>& row, const Run& run, const Axis& p, const Axis& r, const Axis& q) {
         if (!v.adaptive) {
           const dim_t tap0 = (p.tap0 + run.first[0] * p.tap_step) * d + (r.tap0 + run.first[1] * r.tap_step) * h +
                              q.tap0 + run.first[2] * q.tap_step;
           return f(row, PoolIndex{nullptr, wide, tap0, p.tap_step * d, r.tap_step * h, q.tap_step});
         }
         PoolIndex index{nullptr, wide, run.source, d, h, 1};
         PoolRow<T> one = row;
         one.pixels = 1;
         for (dim_t j = 0; j < run.pixels; j++) {
           f(one, index);
           one.x += row.x_pixel;
           one.y += row.y_pixel;
           index.tap0 += q.step;
         }
       });
}

bool whole_image(const Window& v) { return product(v.out) == 1 && v.taps == v.in && v.before == Triple{}; }

// A backward pass where the window is the whole image: f(row, image, first pixel) for runs of inputs, which all meet
// the one output row.x.
template <class T, class F>
void spread(const Window& v, const T* dy, T* dx, bool accumulate, F&& f) {
  if (v.C == 0) return;
  const dim_t pixels = product(v.in), piece = std::clamp<dim_t>(kGrain / 2 / std::max<dim_t>(v.C, 1), 1, pixels);
  const dim_t pieces = (pixels + piece - 1) / piece;
  const bool stream = past_caches(v.N * pixels * v.C * dim_t(sizeof(T)));
  parallel_for(v.N * pieces, 2, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      const dim_t n = i / pieces, p = i % pieces * piece, count = std::min(piece, pixels - p);
      PoolRow<T> row{};
      row.x = dy + n * v.C;
      row.kd = row.kh = row.kw = 1;
      row.y = dx + (n * pixels + p) * v.C;
      row.y_pixel = row.channels = v.C;
      row.pixels = count;
      row.accumulate = accumulate;
      row.stream = stream;
      f(row, n, p);
    }
    if (stream) stream_fence();
  });
}

// Windows side by side: an input meets at most one of them. The first and the last may reach over the border.
bool side_by_side(const Window& v) {
  return !v.adaptive && v.dilation == Triple{1, 1, 1} && v.stride == v.taps && product(v.out) > 0;
}

// The inputs of an axis that output o meets, if windows are side by side.
dim_t begin_of(const Window& v, int axis, dim_t o) {
  return std::clamp(o * v.taps[axis] - v.before[axis], dim_t(0), v.in[axis]);
}

// A backward pass over such windows: f(row, run) for each run of outputs and plane of taps.
template <class T, class F>
void tiles(const Window& v, const T* dy, T* dx, bool accumulate, F&& f) {
  if (v.C == 0) return;
  const Runs runs(forward_axes(v), v.out, v.in);
  const dim_t line = v.in[2] * v.C, used = begin_of(v, 2, v.out[2]) * v.C, plane = v.in[1] * line;
  const bool stream = past_caches(v.N * v.in[0] * plane * dim_t(sizeof(T)));
  parallel_for(v.N * v.out[0] * v.out[1], grain(line * v.taps[0] * v.taps[1]), [&](dim_t begin, dim_t end) {
    PoolRow<T> row{};
    row.x_pixel = row.x_w = row.channels = v.C;
    row.x_h = line;
    row.kd = 1;
    row.y_pixel = v.taps[2] * v.C;
    row.accumulate = accumulate;
    row.stream = stream;
    for_rows(v.out, begin, end, [&](dim_t n, dim_t d, dim_t h, dim_t i) {
      T* image = dx + n * v.in[0] * plane;
      runs.of_row(d, h, [&](const Run& run, auto&...) {
        if (product(run.taps) == 0) return;
        if (row.kh != run.taps[1]) row.kh = run.taps[1];
        if (row.kw != run.taps[2]) row.kw = run.taps[2];
        row.pixels = run.pixels;
        row.x = dy + (i * v.out[2] + run.target) * v.C;
        row.y = image + run.source * v.C;
        f(row, run);
      });
      if (accumulate) return;
      const dim_t h0 = begin_of(v, 1, h), h1 = begin_of(v, 1, h + 1), h_end = h + 1 == v.out[1] ? v.in[1] : h1;
      for (dim_t a = begin_of(v, 0, d); a < begin_of(v, 0, d + 1); a++) {
        T* y = image + a * plane;
        if (used < line)
          for (dim_t r = h0; r < h1; r++) std::fill(y + r * line + used, y + (r + 1) * line, T(0));
        std::fill(y + h1 * line, y + h_end * line, T(0));  // below the last window
      }
      if (h == 0 && d + 1 == v.out[0])  // behind it
        std::fill(image + begin_of(v, 0, v.out[0]) * plane, image + v.in[0] * plane, T(0));
    });
    if (stream) stream_fence();
  });
}

char* index_at(const void* index, bool wide, dim_t i) {
  return const_cast<char*>(static_cast<const char*>(index)) + i * (wide ? 4 : 1);
}

// Positions of a padded axis that window i holds.
dim_t padded_taps(const Window& v, int axis, dim_t i) {
  const dim_t room = v.in[axis] + v.after[axis] - (i * v.stride[axis] - v.before[axis]);
  return std::clamp((room + v.dilation[axis] - 1) / v.dilation[axis], dim_t(0), v.taps[axis]);
}

dim_t divisor_of(const Window& v, Divisor divisor, const Run& run) {
  if (v.adaptive || divisor == Divisor::valid) return product(run.taps);
  if (divisor == Divisor::window) return product(v.taps);
  dim_t n = 1;
  for (int i = 0; i < kAxes; i++) n *= padded_taps(v, i, run.output[i]);
  return n;
}

// Whether all windows divide by all their taps.
bool is_even(const Window& v, Divisor divisor) {
  if (divisor == Divisor::window || v.adaptive) return !v.adaptive;
  for (int i = 0; i < kAxes; i++) {
    const dim_t end = (v.out[i] - 1) * v.stride[i] + (v.taps[i] - 1) * v.dilation[i] + 1 - v.before[i];
    if (divisor == Divisor::valid && v.before[i] > 0) return false;
    if (end > v.in[i] + (divisor == Divisor::padded ? v.after[i] : 0)) return false;
  }
  return true;
}

// What a task of scatter() has: channels of an image and, where these are few tasks, rows of it, so many that its
// neighbours' outputs hardly count.
constexpr dim_t kChannels = 32, kTasks = 8, kReaches = 4;

// Whether maxima go back output by output, channel by channel, rather than input by input, register by register: an
// input of adaptive windows is in a run of its own, and few channels leave registers empty. An addition to one place
// takes as long as two to registers: 56 x 56 x 64 with 5 x 5 taps took 178 us in place of 112.
template <class T>
bool scatters(const Window& v) {
  constexpr dim_t lanes = 64 / sizeof(T);
  return v.adaptive || product(v.taps) * ((v.C + lanes - 1) / lanes) > 2 * v.C;
}

// Each output adds its gradient where its maximum stood. A task has whole rows of its channels, looks at all outputs
// that reach these and leaves out what falls into others, so that no two write to one place, and each place is added to
// in the order of the outputs.
template <class T, class I>
void scatter(const Window& v, const I* index, const T* dy, T* dx, bool accumulate) {
  const dim_t C = v.C, blocks = (C + kChannels - 1) / kChannels, pixels = product(v.in), outputs = v.out[0] * v.out[1];
  const dim_t numbers = product(v.adaptive ? v.in : v.taps);
  Scratch<dim_t> places(numbers);
  fill_places(v, places.get());
  const dim_t across = v.adaptive ? 0 : v.stride[2];
  // Rows of all planes, and those that a window reaches over.
  const dim_t rows = v.in[0] * v.in[1],
              reach = (v.taps[0] - 1) * v.dilation[0] * v.in[1] + (v.taps[1] - 1) * v.dilation[1] + 1;
  const auto first_row = [&](dim_t d, dim_t h) {
    if (v.adaptive) return d * v.in[0] / v.out[0] * v.in[1] + h * v.in[1] / v.out[1];
    return (d * v.stride[0] - v.before[0]) * v.in[1] + h * v.stride[1] - v.before[1];
  };
  const dim_t pieces =
      std::max<dim_t>(1, std::min(kTasks / std::max<dim_t>(v.N * blocks, 1), rows / (kReaches * reach)));
  parallel_for(v.N * blocks * pieces, grain(pixels * std::min(C, kChannels) / pieces), [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end; i++) {
      const dim_t n = i / pieces / blocks, first = i / pieces % blocks * kChannels,
                  count = std::min(kChannels, C - first);
      const dim_t low = rows * (i % pieces) / pieces, high = rows * (i % pieces + 1) / pieces;
      const dim_t from = low * v.in[2], to = high * v.in[2];
      T* image = dx + n * pixels * C + first;
      const dim_t piece = count == C ? to - from : 1;  // pixels that lie together
      for (dim_t p = from; p < to && !accumulate; p += piece) std::fill_n(image + p * C, piece * count, T(0));
      for_rows(v.out, n * outputs, (n + 1) * outputs, [&](dim_t, dim_t d, dim_t h, dim_t row) {
        if (const dim_t r = first_row(d, h); r >= high || r + reach <= low) return;
        const dim_t line = first_pixel(v, d, h, 0);
        for (dim_t w = 0; w < v.out[2]; w++) {
          const dim_t under = line + w * across, o = (row * v.out[2] + w) * C + first;
          for (dim_t c = 0; c < count; c++) {
            const std::size_t number = std::size_t(index[o + c]);
            if (number >= std::size_t(numbers)) continue;  // callers may give any index
            const dim_t pixel = under + places[number];
            if (pixel >= from && pixel < to) image[pixel * C + c] += dy[o + c];
          }
        }
      });
    }
  });
}

}  // namespace

template <class T>
void max_pool_forward(const MaxPoolForward<T>& a) {
  const Window v = flat(a.window);
  const bool wide = wide_index(v);
  numbered_pool(v, false, a.x, a.y, false, [&](const PoolRow<T>& row, PoolIndex index) {
    if (a.index) index.data = index_at(a.index, wide, row.y - a.y);
    kernels<T>().pooling.max(row, index);
  });
}

template <class T>
void max_pool_backward(const MaxPoolBackward<T>& a) {
  if (!a.dx.wanted()) return;
  const Window v = flat(a.window);
  const auto& k = kernels<T>().pooling;
  const bool wide = wide_index(v), accumulate = a.dx.adds();
  if (whole_image(v))
    return spread(v, a.dy, a.dx.to, accumulate, [&](const PoolRow<T>& row, dim_t n, dim_t p) {
      k.max_spread(row, PoolIndex{index_at(a.index, wide, n * v.C), wide, p, 0, 0, 0});
    });
  if (side_by_side(v))
    return tiles(v, a.dy, a.dx.to, accumulate, [&](const PoolRow<T>& row, const Run& run) {
      const dim_t tap0 = ((run.first[0] + run.plane) * v.taps[1] + run.first[1]) * v.taps[2] + run.first[2];
      k.max_tiles(row, PoolIndex{index_at(a.index, wide, row.x - a.dy), wide, tap0, 0, v.taps[2], 1});
    });
  if (scatters<T>(v))
    return wide ? scatter(v, static_cast<const std::int32_t*>(a.index), a.dy, a.dx.to, accumulate)
                : scatter(v, static_cast<const std::uint8_t*>(a.index), a.dy, a.dx.to, accumulate);
  numbered_pool(v, true, a.dy, a.dx.to, accumulate, [&](const PoolRow<T>& row, PoolIndex index) {
    index.data = index_at(a.index, wide, row.x - a.dy);
    k.max_gradient(row, index);
  });
}

template <class T>
void average_pool_forward(const AveragePoolForward<T>& a) {
  const Window v = flat(a.window);
  pool(v, false, a.x, a.y, false, [&](const PoolRow<T>& row, const Run& run, auto&...) {
    kernels<T>().pooling.sum(row, T(1) / T(divisor_of(v, a.divisor, run)));
  });
}

template <class T>
void average_pool_backward(const AveragePoolBackward<T>& a) {
  if (!a.dx.wanted()) return;
  const Window v = flat(a.window);
  const auto& k = kernels<T>().pooling;
  const bool even = is_even(v, a.divisor), accumulate = a.dx.adds();
  const T mean = T(1) / T(product(v.taps));
  if (even && whole_image(v))
    return spread(v, a.dy, a.dx.to, accumulate, [&](const PoolRow<T>& row, dim_t, dim_t) { k.sum(row, mean); });
  if (side_by_side(v))
    return tiles(v, a.dy, a.dx.to, accumulate, [&](const PoolRow<T>& row, const Run& run) {
      k.sum_tiles(row, even ? mean : T(1) / T(divisor_of(v, a.divisor, run)));
    });
  const T* dy = a.dy;
  // Where windows count different numbers of pixels, dy is divided first.
  Scratch<T> divided(even ? 0 : v.N * product(v.out) * v.C);
  if (!even) {
    pool(v, false, a.dy, divided.get(), false, [&](PoolRow<T> row, const Run& run, auto&...) {
      row.x = a.dy + (row.y - divided);
      row.x_pixel = row.y_pixel;
      row.kd = row.kh = row.kw = 1;
      k.sum(row, T(1) / T(divisor_of(v, a.divisor, run)));
    });
    dy = divided;
  }
  pool(v, true, dy, a.dx.to, accumulate,
       [&](const PoolRow<T>& row, const Run&, auto&...) { k.sum(row, even ? mean : T(1)); });
}

template <class T>
void lp_pool_forward(const LpPoolForward<T>& a) {
  pool(flat(a.window), false, a.x, a.y, false,
       [&](const PoolRow<T>& row, const Run&, auto&...) { kernels<T>().pooling.power_sum(row, a.p); });
}

template <class T>
void lp_pool_backward(const LpPoolBackward<T>& a) {
  if (!a.dx.wanted()) return;
  const Window v = flat(a.window);
  const auto& k = kernels<T>().pooling;
  const dim_t outputs = a.p == T(1) ? 0 : v.N * product(v.out) * v.C;
  Scratch<T> shares(outputs);
  parallel_for(outputs, kGrain, [&](dim_t begin, dim_t end) {
    k.power_shares(end - begin, a.y + begin, a.dy + begin, a.p, shares + begin);
  });
  pool(v, true, a.p == T(1) ? a.dy : shares.get(), a.dx.to, a.dx.adds(),
       [&](const PoolRow<T>& row, const Run&, auto&...) { k.power_gradient(row, a.x + (row.y - a.dx.to), a.p); });
}

LAMINA_FOR_FLOATS(max_pool_forward, MaxPoolForward);
LAMINA_FOR_FLOATS(max_pool_backward, MaxPoolBackward);
LAMINA_FOR_FLOATS(average_pool_forward, AveragePoolForward);
LAMINA_FOR_FLOATS(average_pool_backward, AveragePoolBackward);
LAMINA_FOR_FLOATS(lp_pool_forward, LpPoolForward);
LAMINA_FOR_FLOATS(lp_pool_backward, LpPoolBackward);

}  // namespace lamina
