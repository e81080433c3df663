// What resizing does along one axis: which inputs each output is a weighted sum of, as ONNX's Resize defines it.
#pragma once
#include <vector>

#include "core/types.h"

namespace lamina {

enum class Interpolation : int { nearest, linear, cubic, lanczos3, lanczos5, area, box, hamming };
// Where output o stands among the inputs, whose middles stand at 0, 1, 2 ...
enum class Coordinates : int { half_pixel, half_pixel_symmetric, pytorch_half_pixel, align_corners, asymmetric };
// Which input is the nearest one; the first two differ half-way between two inputs.
enum class Rounding : int { round_prefer_floor, round_prefer_ceil, floor, ceil };

struct ResizeRule {
  Interpolation interpolation;
  Coordinates coordinates;
  Rounding rounding;
  double cubic_coefficient;
  bool antialias;        // filters are widened where the axis shrinks
  bool exclude_outside;  // inputs beyond the ends weigh nothing, and the others more; else the end stands there
};

// Output o = sum over k < count[o] of weight[o * taps + k] * input (first[o] + k).
template <class T>
struct ResizeAxis {
  dim_t outputs, taps;
  std::vector<dim_t> first, count;
  std::vector<T> weight;

  ResizeAxis(dim_t outputs_, dim_t taps_)
      : outputs(outputs_),
        taps(taps_),
        first(static_cast<std::size_t>(outputs)),
        count(static_cast<std::size_t>(outputs)),
        weight(static_cast<std::size_t>(outputs * taps)) {}

  bool copies(dim_t o) const { return count[o] == 1 && weight[o * taps] == T(1); }
  bool is_identity(dim_t inputs) const;
  bool is_choice() const;  // each output is an input
  bool is_dense() const;   // at least half of the outputs are sums of anything
};

// scale: outputs for each input where coordinates are to be computed from it; 0 stands for out / in.
template <class T>
ResizeAxis<T> resize_axis(dim_t in, dim_t out, double scale, const ResizeRule& rule);

// The transposed sums: what each of `in` inputs gives to outputs.
template <class T>
ResizeAxis<T> transposed(const ResizeAxis<T>& a, dim_t in);

}  // namespace lamina
