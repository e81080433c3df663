// The geometry that convolution and pooling share: a window sliding over images (N, H, W, C).
#pragma once
#include <algorithm>
#include <vector>

#include "core/types.h"

namespace lamina {

struct Window {
  dim_t N, H, W, C;                // input
  dim_t OH, OW;                    // output
  dim_t kh, kw;                    // taps
  dim_t stride_h, stride_w;        // input pixels between neighbouring outputs
  dim_t dilation_h, dilation_w;    // input pixels between neighbouring taps
  dim_t top, left, bottom, right;  // zeros around the input
};

// One axis of a pass. Output i < count stands at destination position first + i * spread; its tap t < taps reads source
// position offset + i * step + t * dilation (outside the source: nothing) and is the window's tap number tap0 + t *
// tap_step.
//
// Forward there is one such axis. Backward, destination position p meets the outputs o with o * stride + tap * dilation
// == p + pad: the positions of one remainder modulo the stride meet the same taps, so there is one axis a remainder,
// each dense in the source, and no zeros are inserted anywhere.
struct Axis {
  dim_t first, spread, count, offset, step, taps, dilation, tap0, tap_step;

  dim_t low() const { return offset; }                                                    // first source position
  dim_t high() const { return offset + (count - 1) * step + (taps - 1) * dilation + 1; }  // one past the last
  bool empty() const { return taps == 0 || count == 0; }

  // The taps [begin, end) of output i that fall into a source of `size` positions.
  void valid(dim_t i, dim_t size, dim_t& begin, dim_t& end) const {
    const dim_t at = offset + i * step;
    begin = at >= 0 ? 0 : std::min(taps, (-at + dilation - 1) / dilation);
    end = at >= size ? 0 : std::min(taps, (size - at + dilation - 1) / dilation);
    end = std::max(begin, end);
  }

  // Calls f(i, n, begin, end) for the longest runs [i, i + n) of outputs with the same valid taps.
  template <class F>
  void spans(dim_t size, F&& f) const {
    for (dim_t i = 0; i < count;) {
      dim_t begin, end, b, e, n = i + 1;
      valid(i, size, begin, end);
      // All taps stay valid until the last one leaves the source.
      if (begin == 0 && end == taps && taps > 0)
        n = std::clamp((size - 1 - (taps - 1) * dilation - offset) / step + 1, n, count);
      for (; n < count; n++) {
        valid(n, size, b, e);
        if (b != begin || e != end) break;
      }
      f(i, n - i, begin, end);
      i = n;
    }
  }
};

// Neighbouring outputs [at, at + pixels) of one row that have the same valid taps, rows [h, h + kh) by columns [w, w +
// kw) of the window; the first of them reads the source's pixel number `source` (row * W + column) for the first
// output.
struct Run {
  dim_t at, pixels, h, kh, w, kw, source;
};

// Calls f(run) for output row i of axis r and all outputs of axis q, over a source of H x W pixels.
template <class F>
void for_runs(const Axis& r, dim_t i, const Axis& q, dim_t H, dim_t W, F&& f) {
  dim_t h0, h1;
  r.valid(i, H, h0, h1);
  const dim_t row = (r.offset + i * r.step + h0 * r.dilation) * W;
  q.spans(W, [&](dim_t at, dim_t n, dim_t w0, dim_t w1) {
    f(Run{at, n, h0, h1 - h0, w0, w1 - w0, row + q.offset + at * q.step + w0 * q.dilation});
  });
}

inline Axis forward_axis(dim_t count, dim_t taps, dim_t stride, dim_t dilation, dim_t pad) {
  return {0, 1, count, -pad, stride, taps, dilation, 0, 1};
}

// The axis among a backward pass's to which destination position p belongs.
inline const Axis& axis_of(const std::vector<Axis>& axes, dim_t p) {
  const Axis* a = axes.data();
  while ((p - a->first) % a->spread) a++;
  return *a;
}

// The axes of a backward pass from `count` outputs to `size` inputs: at most `stride` of them.
inline std::vector<Axis> gradient_axes(dim_t size, dim_t taps, dim_t stride, dim_t dilation, dim_t pad) {
  std::vector<Axis> axes;
  for (dim_t phase = 0; phase < std::min(stride, size + pad); phase++) {
    const dim_t first = ((phase - pad) % stride + stride) % stride;
    if (first >= size) continue;
    Axis a{first, stride, (size - first + stride - 1) / stride, 0, 1, 0, 1, 0, 0};
    // Taps with tap * dilation == phase (mod stride), the last first: source positions then ascend.
    dim_t lowest = -1, next = -1, last = -1;
    for (dim_t t = 0; t < taps; t++)
      if (t * dilation % stride == phase) {
        lowest < 0 ? lowest = t : next < 0 ? next = t : 0;
        last = t;
        a.taps++;
      }
    if (a.taps > 0) {
      a.tap0 = last;
      a.tap_step = next < 0 ? 0 : lowest - next;
      a.dilation = next < 0 ? 1 : (next - lowest) * dilation / stride;
      a.offset = (first + pad - phase) / stride - (last * dilation - phase) / stride;
    }
    axes.push_back(a);
  }
  return axes;
}

}  // namespace lamina
