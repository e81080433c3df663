// The geometry that convolution and pooling share: a window sliding over images (N, D, H, W, C). Planar images have
// depth 1, sequences depth and height 1, so that one code serves all ranks.
#pragma once
#include <algorithm>
#include <array>
#include <numeric>
#include <vector>

#include "core/types.h"

namespace lamina {

constexpr int kAxes = 3;
using Triple = std::array<dim_t, kAxes>;  // one number each for depth, height and width

inline dim_t product(const Triple& s) { return s[0] * s[1] * s[2]; }

struct Window {
  dim_t N, C;
  Triple in, out, taps;
  Triple stride, dilation;  // input pixels between neighbouring outputs, between neighbouring taps
  Triple before, after;     // zeros around the input; after < 0: so many of its last pixels meet no tap
  bool adaptive = false;    // output i meets the inputs [i in / out, (i + 1) in / out), rounded outwards; taps: at most

  dim_t source() const { return product(in) * C; }  // elements of an input image
};

// One axis of a pass. Output i < count stands at destination position first + i * dst_stride; its tap t < taps reads
// source position offset + i * step + t * dilation (outside the source: nothing) and is the window's tap number tap0 +
// t * tap_step.
//
// Forward there is one such axis. Backward, destination position p meets the outputs o with o * stride + tap * dilation
// == p + pad: the positions of one remainder modulo the stride meet the same taps, so there is one axis a remainder,
// each dense in the source, and no zeros are inserted anywhere.
struct Axis {
  dim_t first, dst_stride, count, offset, step, taps, dilation, tap0, tap_step;

  dim_t low() const { return offset; }                                                    // first source position
  dim_t high() const { return offset + (count - 1) * step + (taps - 1) * dilation + 1; }  // one past the last
  bool empty() const { return taps == 0 || count == 0; }
  dim_t at(dim_t i, dim_t t) const { return offset + i * step + t * dilation; }

  // The number of the output at position p.
  dim_t number(dim_t p) const { return dst_stride == 1 ? p - first : (p - first) / dst_stride; }
  // Taps that cover so many positions. Divisions are slow, and most kernels are not dilated.
  dim_t steps(dim_t positions) const { return dilation == 1 ? positions : (positions + dilation - 1) / dilation; }

  // The taps [begin, end) of output i that fall into a source of `size` positions.
  void valid(dim_t i, dim_t size, dim_t& begin, dim_t& end) const {
    const dim_t at = offset + i * step;
    begin = at >= 0 ? 0 : std::min(taps, steps(-at));
    end = at >= size ? 0 : std::min(taps, steps(size - at));
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

// The axes of a pass: one list each for depth, height and width.
using Axes = std::array<std::vector<Axis>, kAxes>;

// Neighbouring outputs of one row that have the same valid taps, [first, first + taps) on each axis, and one plane of
// these taps: the plane-th. `output` numbers the first output on its axes; it stands at position `target` of its row,
// and under its first valid tap in that plane is the source's pixel number `source`.
struct Run {
  Triple output;
  dim_t pixels;
  Triple first, taps;
  dim_t plane, source, target;
};

// The axis of a list to which destination position p belongs.
inline const Axis& axis_of(const std::vector<Axis>& axes, dim_t p) {
  const Axis* a = axes.data();
  while (a->dst_stride > 1 && (p - a->first) % a->dst_stride) a++;
  return *a;
}

// The rows of N images one after the other: f(image, plane, row, number of the row) for those in [begin, end).
template <class F>
void for_rows(const Triple& size, dim_t begin, dim_t end, F&& f) {
  dim_t row = begin % size[1], plane = begin / size[1] % size[0], image = begin / size[1] / size[0];
  for (dim_t i = begin; i < end; i++) {
    f(image, plane, row, i);
    if (++row < size[1]) continue;
    row = 0;
    if (++plane < size[0]) continue;
    plane = 0;
    image++;
  }
}

inline Axis forward_axis(dim_t count, dim_t taps, dim_t stride, dim_t dilation, dim_t pad) {
  return {0, 1, count, -pad, stride, taps, dilation, 0, 1};
}

// The axes of a backward pass to `size` inputs: at most `stride` of them.
inline std::vector<Axis> gradient_axis(dim_t size, dim_t taps, dim_t stride, dim_t dilation, dim_t pad) {
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

// Adaptive windows of `count` outputs over `size` inputs repeat every count / gcd outputs. Backward, the inputs are the
// windows: input p belongs to the outputs [p count / size, (p + 1) count / size), rounded outwards.
inline std::vector<Axis> adaptive_axis(dim_t count, dim_t size) {
  std::vector<Axis> axes;
  const dim_t repeats = std::gcd(count, size), period = count / std::max<dim_t>(repeats, 1);
  for (dim_t i = 0; i < period; i++) {
    const dim_t from = i * size / count, to = ((i + 1) * size + count - 1) / count;
    axes.push_back({i, period, repeats, from, size / repeats, to - from, 1, 0, 1});
  }
  return axes;
}

inline Axes forward_axes(const Window& v) {
  Axes axes;
  for (int i = 0; i < kAxes; i++)
    axes[i] = v.adaptive
                  ? adaptive_axis(v.out[i], v.in[i])
                  : std::vector<Axis>{forward_axis(v.out[i], v.taps[i], v.stride[i], v.dilation[i], v.before[i])};
  return axes;
}

inline Axes gradient_axes(const Window& v) {
  Axes axes;
  for (int i = 0; i < kAxes; i++)
    axes[i] = v.adaptive ? adaptive_axis(v.in[i], v.out[i])
                         : gradient_axis(v.in[i], v.taps[i], v.stride[i], v.dilation[i], v.before[i]);
  return axes;
}

// The runs of a pass: what rows have in common is found once.
class Runs {
 public:
  Runs(Axes axes, const Triple& to, const Triple& from) : axes_(std::move(axes)), size_(from) {
    planes_ = places(0, to[0]);
    rows_ = places(1, to[1]);
    spans_.reserve(8);
    for (const Axis& q : axes_[2])
      q.spans(from[2], [&](dim_t at, dim_t n, dim_t w0, dim_t w1) {
        spans_.push_back({&q, at, n, w0, w1 - w0, q.at(at, w0), q.first + at * q.dst_stride});
      });
  }
  const std::vector<Axis>& axis(int i) const { return axes_[i]; }
  // Whether two rows of one plane have the same taps of the same source rows.
  bool same_rows(dim_t a, dim_t b) const {
    return rows_[a].source == rows_[b].source && rows_[a].end - rows_[a].first == rows_[b].end - rows_[b].first;
  }

  // Calls f(run, depth axis, height axis, width axis) for the destination's row (plane, row): for each plane of valid
  // taps, in order, and once where there is none.
  template <class F>
  void of_row(dim_t plane, dim_t row, F&& f) const {
    const Place &p = planes_[plane], &r = rows_[row];
    const dim_t d = p.end - p.first, h = d == 0 ? 0 : r.end - r.first;
    const dim_t line = (p.source * size_[1] + r.source) * size_[2];
    const dim_t between = p.axis->dilation * size_[1] * size_[2];
    Run run{{p.number, r.number, 0}, 0, {p.first, r.first, 0}, {d, h, 0}, 0, 0, 0};
    for (const Span& s : spans_) {
      run.output[2] = s.at;
      run.pixels = s.pixels;
      run.first[2] = s.first;
      run.taps[2] = s.taps;
      run.source = line + s.source;
      run.target = s.target;
      run.plane = 0;
      do {
        f(run, *p.axis, *r.axis, *s.axis);
        run.source += between;
      } while (++run.plane < d);
    }
  }

 private:
  // An output of the depth or the height axis: its number there, its valid taps [first, end), the source under the
  // first.
  struct Place {
    const Axis* axis;
    dim_t number, first, end, source;
  };
  // Neighbouring outputs of the width axis with the same valid taps.
  struct Span {
    const Axis* axis;
    dim_t at, pixels, first, taps, source, target;
  };

  std::vector<Place> places(int i, dim_t count) const {
    std::vector<Place> found;
    found.reserve(count);
    for (dim_t at = 0; at < count; at++) {
      const Axis& a = axis_of(axes_[i], at);
      Place p{&a, a.number(at), 0, 0, 0};
      a.valid(p.number, size_[i], p.first, p.end);
      p.source = a.at(p.number, p.first);
      found.push_back(p);
    }
    return found;
  }

  Axes axes_;
  Triple size_;
  std::vector<Place> planes_, rows_;
  std::vector<Span> spans_;
};

}  // namespace lamina
