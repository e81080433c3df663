#include "ops/affine.h"

#include <algorithm>
#include <cmath>

#include "core/parallel.h"

namespace lamina {
namespace {

constexpr double kFar = 1e15;  // beyond it a place has no fraction left, and no integer may hold it

// Which element along an axis of n stands at i, -1 for none.
dim_t element(dim_t i, dim_t n, Fill fill) {
  if (i >= 0 && i < n) return i;
  const auto modulo = [](dim_t a, dim_t b) { return (a % b + b) % b; };
  switch (fill) {
    case Fill::nearest: return std::clamp<dim_t>(i, 0, n - 1);
    case Fill::wrap: return modulo(i, n);
    case Fill::mirror: {  // the outermost element stands there once
      if (n == 1) return 0;
      const dim_t place = modulo(i, 2 * (n - 1));
      return place < n ? place : 2 * (n - 1) - place;
    }
    case Fill::reflect: {  // twice
      const dim_t place = modulo(i, 2 * n);
      return place < n ? place : 2 * n - 1 - place;
    }
    case Fill::constant: break;
  }
  return -1;
}

// The places of a row or column that an output looks at, and what it takes of each.
template <class T>
struct Taps {
  dim_t at[2];
  T weight[2];
  int count;
};

template <class T>
Taps<T> taps(double place, dim_t n, bool bilinear, Fill fill) {
  if (!(std::abs(place) < kFar)) return {{-1, -1}, {T(1), T(0)}, 1};  // NaN as well
  if (!bilinear) return {{element(static_cast<dim_t>(std::nearbyint(place)), n, fill), -1}, {T(1), T(0)}, 1};
  const double below = std::floor(place);
  const dim_t first = static_cast<dim_t>(below);
  const T part = static_cast<T>(place - below);
  return {{element(first, n, fill), element(first + 1, n, fill)}, {T(1) - part, part}, part > T(0) ? 2 : 1};
}

// f(output pixel, row taps, column taps) for the rows [begin, end) of an image.
template <class T, class F>
void for_each_pixel(const T* m, dim_t begin, dim_t end, dim_t H, dim_t W, bool bilinear, Fill fill, F f) {
  for (dim_t row = begin; row < end; row++)
    for (dim_t column = 0; column < W; column++) {
      const double x = double(column), y = double(row);
      const double k = double(m[6]) * x + double(m[7]) * y + 1;
      const double u = (double(m[0]) * x + double(m[1]) * y + double(m[2])) / k;
      const double v = (double(m[3]) * x + double(m[4]) * y + double(m[5])) / k;
      f(row * W + column, taps<T>(v, H, bilinear, fill), taps<T>(u, W, bilinear, fill));
    }
}

template <class T>
const T* map_of(const T* transform, dim_t transforms, dim_t image) {
  return transform + (transforms == 1 ? 0 : image * 8);
}

}  // namespace

template <class T>
void affine_forward(const AffineForward<T>& a) {
  const dim_t pixels = a.H * a.W, C = a.C;
  parallel_for(a.N * a.H, kGrain / std::max<dim_t>(1, a.W * (C + 8)) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t i = begin; i < end;) {
      const dim_t image = i / a.H, row = i % a.H, last = std::min(a.H, row + end - i);
      const T* x = a.x + image * pixels * C;
      T* y = a.y + image * pixels * C;
      for_each_pixel<T>(map_of(a.transform, a.transforms, image), row, last, a.H, a.W, a.bilinear, a.fill,
                        [&](dim_t p, const Taps<T>& rows, const Taps<T>& columns) {
                          T* out = y + p * C;
                          for (dim_t c = 0; c < C; c++) out[c] = 0;
                          for (int r = 0; r < rows.count; r++)
                            for (int s = 0; s < columns.count; s++) {
                              const T w = rows.weight[r] * columns.weight[s];
                              if (rows.at[r] < 0 || columns.at[s] < 0) {
                                for (dim_t c = 0; c < C; c++) out[c] += w * a.value;
                              } else {
                                const T* in = x + (rows.at[r] * a.W + columns.at[s]) * C;
                                for (dim_t c = 0; c < C; c++) out[c] += w * in[c];
                              }
                            }
                        });
      i += last - row;
    }
  });
}

template <class T>
void affine_backward(const AffineBackward<T>& a) {
  if (!a.dx.wanted()) return;
  const dim_t pixels = a.H * a.W, C = a.C;
  parallel_for(a.N, kGrain / std::max<dim_t>(1, pixels * (C + 8)) + 1, [&](dim_t begin, dim_t end) {
    for (dim_t image = begin; image < end; image++) {
      const T* dy = a.dy + image * pixels * C;
      T* dx = a.dx + image * pixels * C;
      if (!a.dx.adds()) std::fill(dx, dx + pixels * C, T(0));
      for_each_pixel<T>(map_of(a.transform, a.transforms, image), 0, a.H, a.H, a.W, a.bilinear, a.fill,
                        [&](dim_t p, const Taps<T>& rows, const Taps<T>& columns) {
                          for (int r = 0; r < rows.count; r++)
                            for (int s = 0; s < columns.count; s++) {
                              if (rows.at[r] < 0 || columns.at[s] < 0) continue;
                              const T w = rows.weight[r] * columns.weight[s];
                              T* to = dx + (rows.at[r] * a.W + columns.at[s]) * C;
                              for (dim_t c = 0; c < C; c++) to[c] += w * dy[p * C + c];
                            }
                        });
    }
  });
}

LAMINA_FOR_FLOATS(affine_forward, AffineForward);
LAMINA_FOR_FLOATS(affine_backward, AffineBackward);

}  // namespace lamina
