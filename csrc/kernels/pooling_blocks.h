// How pooling walks over a row of pixels: blocks of registers that are treated alike.
#pragma once
#include "kernels/pooling.h"
#include "simd/vec.h"

namespace lamina {
namespace LAMINA_ISA {
namespace {

constexpr int kBlock = 4;  // registers at once: enough chains to hide the latency of each

template <int N>
struct Number {
  static constexpr int value = N;
};

// v[k] = k / divisor % modulus * factor + k % add. Counted: divisions took two thirds of a row of 32 pixels.
template <class T>
IntVec<T> lanes_of(dim_t count, dim_t divisor, dim_t modulus, dim_t factor, dim_t add) {
  IntVec<T> v{};
  dim_t within = 0, group = 0, rest = 0;
  for (dim_t k = 0; k < count; k++) {
    v[k] = typename VecOf<T>::int_t(group * factor + rest);
    if (++within == divisor) within = 0, group = group + 1 == modulus ? 0 : group + 1;
    if (++rest == add) rest = 0;
  }
  return v;
}

// One register holds a pixel's channels, or some of them.
template <class T>
struct Plain {
  LAMINA_INLINE Vec<T> operator()(const T* p, int lanes) const { return get(p, lanes); }
};

// One register holds the few channels of several pixels, which stand `step` apart.
template <class T>
struct Packed {
  dim_t pixels = 0, reach = 0;
  IntVec<T> pick;

  Packed(dim_t channels, dim_t step) {
    constexpr dim_t W = kLanes<T>;
    if (channels == 0 || step < channels) return;
    pixels = W / channels;
    while (pixels > 1 && (pixels - 1) * step + channels > 2 * W) pixels--;
    if (pixels < 2) return;
    reach = (pixels - 1) * step + channels;
    pick = lanes_of<T>(pixels * channels, channels, pixels, step, channels);
  }
  LAMINA_INLINE Vec<T> operator()(const T* p, int) const {
    constexpr dim_t W = kLanes<T>;
    const Vec<T> low = get(p, int(reach < W ? reach : W));
    return pick_lanes<T>(low, reach > W ? load_part(p + W, int(reach - W)) : low, pick);
  }
};

// Cuts a row into blocks of R registers that are alike: neighbouring ones of a pixel's channels, or, for what channels
// are left, the same ones of neighbouring pixels. Calls f(Number<R>, x, y, x_step, y_step, lanes, read): register r
// stands at offset x + r * x_step of the source, under the first tap, and at y + r * y_step of the destination. Where
// `pack`, registers may hold several pixels: read(source, lanes) makes them.
template <bool pack, class T, class F>
LAMINA_INLINE void for_blocks(const PoolRow<T>& d, F&& f) {
  constexpr int W = kLanes<T>;
  dim_t pixels = d.pixels, channels = d.channels, p = 0;
  if (d.x_pixel == channels && d.y_pixel == channels) channels *= pixels, pixels = 1;  // one long pixel
  if (pack && 2 * channels <= W && d.y_pixel == channels && pixels > 1) {
    const Packed<T> read(channels, d.x_pixel);
    const dim_t G = read.pixels;
    const int lanes = int(G * channels);
    if (G > 1) {
      for (; p + 2 * G <= pixels; p += 2 * G)
        f(Number<2>{}, p * d.x_pixel, p * d.y_pixel, G * d.x_pixel, G * d.y_pixel, lanes, read);
      for (; p + G <= pixels; p += G) f(Number<1>{}, p * d.x_pixel, p * d.y_pixel, dim_t(0), dim_t(0), lanes, read);
    }
  }
  const Plain<T> read;
  const dim_t whole = channels / (kBlock * W) * (kBlock * W);
  for (; p < pixels; p += kBlock) {
    const dim_t end = pixels - p < kBlock ? pixels : p + kBlock;
    for (dim_t q = p; q < end; q++)
      for (dim_t c = 0; c < whole; c += kBlock * W)
        f(Number<kBlock>{}, q * d.x_pixel + c, q * d.y_pixel + c, dim_t(W), dim_t(W), W, read);
    for (dim_t c = whole; c < channels; c += W) {
      const int lanes = int(channels - c < W ? channels - c : W);
      if (end - p == kBlock)
        f(Number<kBlock>{}, p * d.x_pixel + c, p * d.y_pixel + c, d.x_pixel, d.y_pixel, lanes, read);
      else
        for (dim_t q = p; q < end; q++)
          f(Number<1>{}, q * d.x_pixel + c, q * d.y_pixel + c, dim_t(0), dim_t(0), lanes, read);
    }
  }
}

}  // namespace
}  // namespace LAMINA_ISA
}  // namespace lamina
