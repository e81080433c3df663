// Both directions are a product with a sparse matrix along each axis: rows of pixels first, into a line that stays in
// cache, then pixels within it.
#include "ops/resize.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/parallel.h"
#include "core/pool.h"
#include "kernels/table.h"

namespace lamina {
namespace {

// Which inputs an output is a sum of: weight[o * taps + k] of input first[o] + k, k < count[o].
template <class T>
struct Axis {
  dim_t taps;
  std::vector<dim_t> first, count;
  std::vector<T> weight;

  Axis(dim_t outputs, dim_t most)
      : taps(most),
        first(static_cast<std::size_t>(outputs)),
        count(static_cast<std::size_t>(outputs)),
        weight(static_cast<std::size_t>(outputs * most)) {}

  bool copies(dim_t o) const { return count[o] == 1 && weight[o * taps] == T(1); }
};

template <class T>
Axis<T> axis_of(dim_t in, dim_t out, Interpolation interpolation) {
  Axis<T> a(out, 2);
  for (dim_t o = 0; o < out; o++) {
    const double middle = (double(o) + 0.5) * double(in) / double(out);
    double part = 0;
    if (interpolation == Interpolation::nearest) {
      a.first[o] = std::min(in - 1, (2 * o + 1) * in / (2 * out));
    } else {  // beyond the middle of the last pixel there is nothing to blend with
      const double at = std::clamp(middle - 0.5, 0.0, double(in - 1));
      a.first[o] = std::min(in - 1, static_cast<dim_t>(at));
      part = at - double(a.first[o]);
    }
    a.count[o] = part > 0 ? 2 : 1;
    a.weight[o * 2] = T(1 - part);
    a.weight[o * 2 + 1] = T(part);
  }
  return a;
}

// Neighbouring outputs have neighbouring inputs, so that an input's outputs stand in a row, too.
template <class T>
Axis<T> transposed(const Axis<T>& a, dim_t in) {
  const dim_t out = static_cast<dim_t>(a.first.size());
  std::vector<dim_t> count(static_cast<std::size_t>(in));
  for (dim_t o = 0; o < out; o++)
    for (dim_t k = 0; k < a.count[o]; k++) count[a.first[o] + k]++;
  Axis<T> t(in, std::max<dim_t>(1, in ? *std::max_element(count.begin(), count.end()) : 0));
  for (dim_t o = 0; o < out; o++)
    for (dim_t k = 0; k < a.count[o]; k++) {
      const dim_t i = a.first[o] + k;
      if (t.count[i] == 0) t.first[i] = o;
      t.weight[i * t.taps + t.count[i]++] = a.weight[o * a.taps + k];
    }
  return t;
}

// y (N, outputs of rows, outputs of columns, C) from x (N, H, W, C).
template <class T>
void resize(const T* x, T* y, dim_t N, dim_t H, dim_t W, dim_t C, const Axis<T>& rows, const Axis<T>& columns,
            bool accumulate) {
  const dim_t OH = static_cast<dim_t>(rows.first.size()), OW = static_cast<dim_t>(columns.first.size());
  const auto pixels = kernels<T>().resize.pixels;
  parallel_for(N * OH, kGrain / std::max<dim_t>(1, (W + OW) * C) + 1, [&](dim_t begin, dim_t end) {
    const Scratch<T> line(W * C);
    for (dim_t i = begin; i < end; i++) {
      const dim_t o = i % OH;
      const T *image = x + i / OH * H * W * C, *from = image + rows.first[o] * W * C;
      if (!rows.copies(o)) {
        pixels({image, line, 1, W * C, &rows.first[o], &rows.count[o], &rows.weight[o * rows.taps], rows.taps, false});
        from = line;
      }
      pixels({from, y + i * OW * C, OW, C, columns.first.data(), columns.count.data(), columns.weight.data(),
              columns.taps, accumulate});
    }
  });
}

}  // namespace

template <class T>
void resize_forward(const ResizeForward<T>& a) {
  resize(a.x, a.y, a.N, a.H, a.W, a.C, axis_of<T>(a.H, a.OH, a.interpolation), axis_of<T>(a.W, a.OW, a.interpolation),
         false);
}

template <class T>
void resize_backward(const ResizeBackward<T>& a) {
  if (!a.dx.wanted()) return;
  resize(a.dy, a.dx.to, a.N, a.OH, a.OW, a.C, transposed(axis_of<T>(a.H, a.OH, a.interpolation), a.H),
         transposed(axis_of<T>(a.W, a.OW, a.interpolation), a.W), a.dx.adds());
}

LAMINA_FOR_FLOATS(resize_forward, ResizeForward);
LAMINA_FOR_FLOATS(resize_backward, ResizeBackward);

}  // namespace lamina
