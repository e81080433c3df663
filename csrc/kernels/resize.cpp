#include "kernels/resize.h"

#include "kernels/table.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

// Pixels of few channels, one number after the other: registers would stay empty.
template <class T, int C>
void narrow_pixels(const ResizePixels<T>& r) {
  for (dim_t p = 0; p < r.pixels; p++) {
    const T *x = r.x + r.first[p] * C, *w = r.weight + p * r.taps;
    T *y = r.y + p * C, v[C];
    const dim_t count = r.count[p];
    if (count == 1) {
      for (int c = 0; c < C; c++) v[c] = w[0] * x[c];
    } else if (count == 2) {
      for (int c = 0; c < C; c++) v[c] = w[0] * x[c] + w[1] * x[C + c];
    } else {
      for (int c = 0; c < C; c++) v[c] = 0;
      for (dim_t k = 0; k < count; k++)
        for (int c = 0; c < C; c++) v[c] += w[k] * x[k * C + c];
    }
    for (int c = 0; c < C; c++) y[c] = r.accumulate ? y[c] + v[c] : v[c];
  }
}

template <class T>
void pixels(const ResizePixels<T>& r) {
  const dim_t C = r.channels;
  switch (C) {
    case 1: return narrow_pixels<T, 1>(r);
    case 2: return narrow_pixels<T, 2>(r);
    case 3: return narrow_pixels<T, 3>(r);
  }
  for (dim_t p = 0; p < r.pixels; p++) {
    const dim_t count = r.count[p];
    const T *x = r.x + r.first[p] * C, *w = r.weight + p * r.taps;
    T* y = r.y + p * C;
    auto deliver = [&](dim_t c, int l, Vec<T> v) LAMINA_INLINE_LAMBDA {
      if (r.accumulate) v += get(y + c, l);
      put<T>(y + c, v, l);
    };
    if (count == 2) {  // between two pixels, the usual case
      const T near = w[0], far = w[1];
      for_lanes<T>(C, [&](dim_t c, int l)
                          LAMINA_INLINE_LAMBDA { deliver(c, l, near * get(x + c, l) + far * get(x + C + c, l)); });
    } else {
      for_lanes<T>(C, [&](dim_t c, int l) LAMINA_INLINE_LAMBDA {
        Vec<T> v{};
        for (dim_t k = 0; k < count; k++) v += w[k] * get(x + k * C + c, l);
        deliver(c, l, v);
      });
    }
  }
}

template <class T>
void fill(ResizeKernels<T>& k) {
  k.pixels = pixels<T>;
}

}  // namespace

LAMINA_FILL(resize)

}  // namespace LAMINA_ISA
}  // namespace lamina
