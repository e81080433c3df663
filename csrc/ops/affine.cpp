#include "ops/affine.h"

#include <algorithm>
#include <cmath>
#include <type_traits>

#include "core/parallel.h"

namespace lamina {
namespace {

constexpr double kFar = 1e15;  // beyond it a place has no fraction left, and no integer may hold it

// Which element along an axis of n stands at i, -1 for none.
dim_t element(dim_t i, dim_t n, FillMode fill) {
  if (i >= 0 && i < n) return i;
  const auto modulo = [](dim_t a, dim_t b) { return (a % b + b) % b; };
  switch (fill) {
    case FillMode::nearest: return std::clamp<dim_t>(i, 0, n - 1);
    case FillMode::wrap: return modulo(i, n);
    case FillMode::mirror: {  // the outermost element stands there once
      if (n == 1) return 0;
      const dim_t place = modulo(i, 2 * (n - 1));
      return place < n ? place : 2 * (n - 1) - place;
    }
    case FillMode::reflect: {  // twice
      const dim_t place = modulo(i, 2 * n);
      return place < n ? place : 2 * n - 1 - place;
    }
    case FillMode::constant: break;
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
Taps<T> taps(double place, dim_t n, bool bilinear, FillMode fill) {
  if (!(std::abs(place) < kFar)) return {{-1, -1}, {T(1), T(0)}, 1};  // NaN as well
  if (!bilinear) return {{element(static_cast<dim_t>(std::nearbyint(place)), n, fill), -1}, {T(1), T(0)}, 1};
  const double below = std::floor(place);
  const dim_t first = static_cast<dim_t>(below);
  const T part = static_cast<T>(place - below);
  return {{element(first, n, fill), element(first + 1, n, fill)}, {T(1) - part, part}, part > T(0) ? 2 : 1};
}

// Four whole neighbours of a place, so that nothing beyond the image has to be asked for: the usual case.
template <class T>
struct Corner {
  dim_t at;  // the pixel above and left of the place
  T weight[4];
};

// The rows [begin, end) of an image: inside(output pixel, corner) where all four neighbours are the image's, and
// anywhere(output pixel, row taps, column taps) elsewhere.
template <class T, class Inside, class Anywhere>
void for_each_pixel(const T* m, dim_t begin, dim_t end, dim_t H, dim_t W, bool bilinear, FillMode fill, Inside inside,
                    Anywhere anywhere) {
  const bool divides = m[6] != T(0) || m[7] != T(0);
  const double a0 = m[0], a1 = m[1], a2 = m[2], b0 = m[3], b1 = m[4], b2 = m[5], c0 = m[6], c1 = m[7];
  const double last_row = double(H - 1), last_column = double(W - 1);
  for (dim_t row = begin; row < end; row++) {
    const double y = double(row), a1y = a1 * y, b1y = b1 * y, c1y = c1 * y;
    for (dim_t column = 0; column < W; column++) {
      const double x = double(column);
      double u = a0 * x + a1y + a2, v = b0 * x + b1y + b2;
      if (divides) {
        const double k = c0 * x + c1y + 1;
        u /= k;
        v /= k;
      }
      const dim_t p = row * W + column;
      if (bilinear && u > 0 && v > 0 && u < last_column && v < last_row) {
        const dim_t i = static_cast<dim_t>(v), j = static_cast<dim_t>(u);
        const T down = static_cast<T>(v - double(i)), across = static_cast<T>(u - double(j));
        if (down > T(0) && across > T(0)) {  // else a neighbour takes no part, whatever it holds
          inside(p, Corner<T>{i * W + j,
                              {(T(1) - down) * (T(1) - across), (T(1) - down) * across, down * (T(1) - across),
                               down * across}});
          continue;
        }
      }
      anywhere(p, taps<T>(v, H, bilinear, fill), taps<T>(u, W, bilinear, fill));
    }
  }
}

template <class T>
const T* map_of(const T* transform, dim_t transforms, dim_t image) {
  return transform + (transforms == 1 ? 0 : image * 8);
}

// f with the number of channels as a constant where it is a usual one.
template <class F>
void with_channels(dim_t C, F f) {
  if (C == 1) return f(std::integral_constant<dim_t, 1>());
  if (C == 3) return f(std::integral_constant<dim_t, 3>());
  f(C);
}

}  // namespace

template <class T>
void affine_forward(const AffineForward<T>& a) {
  const dim_t pixels = a.H * a.W, W = a.W;
  parallel_for(a.N * a.H, kGrain / std::max<dim_t>(1, W * (a.C + 8)) + 1, [&](dim_t begin, dim_t end) {
    with_channels(a.C, [&](const auto C) {
      for (dim_t i = begin; i < end;) {
        const dim_t image = i / a.H, row = i % a.H, last = std::min(a.H, row + end - i);
        const T* x = a.x + image * pixels * C;
        T* y = a.y + image * pixels * C;
        const auto inside = [&](dim_t p, const Corner<T>& k) {
          const T *above = x + k.at * C, *below = above + W * C;
          for (dim_t c = 0; c < C; c++)
            y[p * C + c] = k.weight[0] * above[c] + k.weight[1] * above[C + c] + k.weight[2] * below[c] +
                           k.weight[3] * below[C + c];
        };
        const auto anywhere = [&](dim_t p, const Taps<T>& rows, const Taps<T>& columns) {
          T* out = y + p * C;
          for (dim_t c = 0; c < C; c++) out[c] = 0;
          for (int r = 0; r < rows.count; r++)
            for (int s = 0; s < columns.count; s++) {
              const T w = rows.weight[r] * columns.weight[s];
              const bool beyond = rows.at[r] < 0 || columns.at[s] < 0;
              const T* in = beyond ? nullptr : x + (rows.at[r] * W + columns.at[s]) * C;
              for (dim_t c = 0; c < C; c++) out[c] += w * (beyond ? a.value : in[c]);
            }
        };
        for_each_pixel<T>(map_of(a.transform, a.transforms, image), row, last, a.H, W, a.bilinear, a.fill, inside,
                          anywhere);
        i += last - row;
      }
    });
  });
}

template <class T>
void affine_backward(const AffineBackward<T>& a) {
  if (!a.dx.wanted()) return;
  const dim_t pixels = a.H * a.W, W = a.W;
  parallel_for(a.N, kGrain / std::max<dim_t>(1, pixels * (a.C + 8)) + 1, [&](dim_t begin, dim_t end) {
    with_channels(a.C, [&](const auto C) {
      for (dim_t image = begin; image < end; image++) {
        const T* dy = a.dy + image * pixels * C;
        T* dx = a.dx + image * pixels * C;
        if (!a.dx.adds()) std::fill(dx, dx + pixels * C, T(0));
        const auto inside = [&](dim_t p, const Corner<T>& k) {
          T *above = dx + k.at * C, *below = above + W * C;
          for (dim_t c = 0; c < C; c++) {
            const T g = dy[p * C + c];
            above[c] += k.weight[0] * g;
            above[C + c] += k.weight[1] * g;
            below[c] += k.weight[2] * g;
            below[C + c] += k.weight[3] * g;
          }
        };
        const auto anywhere = [&](dim_t p, const Taps<T>& rows, const Taps<T>& columns) {
          for (int r = 0; r < rows.count; r++)
            for (int s = 0; s < columns.count; s++) {
              if (rows.at[r] < 0 || columns.at[s] < 0) continue;
              const T w = rows.weight[r] * columns.weight[s];
              T* to = dx + (rows.at[r] * W + columns.at[s]) * C;
              for (dim_t c = 0; c < C; c++) to[c] += w * dy[p * C + c];
            }
        };
        for_each_pixel<T>(map_of(a.transform, a.transforms, image), 0, a.H, a.H, W, a.bilinear, a.fill, inside,
                          anywhere);
      }
    });
  });
}

LAMINA_FOR_FLOATS(affine_forward, AffineForward);
LAMINA_FOR_FLOATS(affine_backward, AffineBackward);

}  // namespace lamina
