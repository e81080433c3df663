#include "ops/resize_axis.h"

#include <algorithm>
#include <cmath>
#include <vector>

#include "core/pool.h"

namespace lamina {
namespace {

constexpr double kPi = 3.14159265358979323846;

// Position of output o. Sizes are integers, so that whole and half positions come out exactly.
double position(dim_t o, dim_t in, dim_t out, double scale, Coordinates coordinates) {
  const double n = double(in), m = double(out);
  switch (coordinates) {
    case Coordinates::align_corners: return out > 1 ? double(o * (in - 1)) / (m - 1) : 0.0;
    case Coordinates::asymmetric: return scale > 0 ? double(o) / scale : double(o * in) / m;
    case Coordinates::pytorch_half_pixel:
      if (out <= 1) return 0.0;
      break;
    default: break;
  }
  if (scale == 0) return double((2 * o + 1) * in - out) / (2 * m);
  const double middle = (double(o) + 0.5) / scale - 0.5;
  // The outputs of a rounded size are centered over the inputs.
  return coordinates == Coordinates::half_pixel_symmetric ? middle + n / 2 * (1 - m / (scale * n)) : middle;
}

dim_t nearest(double at, Rounding rounding) {
  switch (rounding) {
    case Rounding::round_prefer_floor: return static_cast<dim_t>(std::ceil(at - 0.5));
    case Rounding::round_prefer_ceil: return static_cast<dim_t>(std::floor(at + 0.5));
    case Rounding::floor: return static_cast<dim_t>(std::floor(at));
    case Rounding::ceil: return static_cast<dim_t>(std::ceil(at));
  }
  return 0;
}

double radius(Interpolation interpolation) {
  switch (interpolation) {
    case Interpolation::box: return 0.5;
    case Interpolation::cubic: return 2;
    case Interpolation::lanczos3: return 3;
    case Interpolation::lanczos5: return 5;
    default: return 1;
  }
}

double lanczos(double x, double r) {
  if (x >= r) return 0;
  return x < 1e-9 ? 1 : r * std::sin(kPi * x) * std::sin(kPi * x / r) / (kPi * kPi * x * x);
}

double cubic(double x, double a) {
  if (x >= 2) return 0;
  return x < 1 ? ((a + 2) * x - (a + 3)) * x * x + 1 : ((a * x - 5 * a) * x + 8 * a) * x - 4 * a;
}

// What an input weighs at this signed distance from an output.
double filter(double distance, const ResizeRule& rule) {
  const double x = std::abs(distance);
  switch (rule.interpolation) {
    case Interpolation::linear: return std::max(0.0, 1 - x);
    case Interpolation::cubic: return cubic(x, rule.cubic_coefficient);
    case Interpolation::lanczos3: return lanczos(x, 3);
    case Interpolation::lanczos5: return lanczos(x, 5);
    case Interpolation::box: return distance > -0.5 && distance <= 0.5 ? 1 : 0;
    case Interpolation::hamming:
      if (x >= 1) return 0;
      return x == 0 ? 1 : std::sin(kPi * x) / (kPi * x) * (0.54 + 0.46 * std::cos(kPi * x));
    default: return 0;
  }
}

// Distances are divided by it before they are weighed.
double width_of(dim_t in, dim_t out, double scale, const ResizeRule& rule) {
  if (!rule.antialias) return 1;
  return std::max(1.0, scale > 0 ? 1 / scale : double(in) / double(out));
}

dim_t most_taps(dim_t in, double width, dim_t out, const ResizeRule& rule) {
  if (rule.interpolation == Interpolation::nearest) return 1;
  if (rule.interpolation == Interpolation::area) return std::min(in, in / std::max<dim_t>(out, 1) + 2);
  const double reach = std::min(radius(rule.interpolation) * width, double(in));
  return std::min(in, 2 * static_cast<dim_t>(std::ceil(reach)) + 1);
}

// w[0..count) weigh the inputs from `first`: the result; zeros at its ends are left out.
struct Sum {
  dim_t first, count;
};

Sum weigh(double at, dim_t in, double width, const ResizeRule& rule, double* w) {
  const bool plain = rule.interpolation == Interpolation::linear && !rule.antialias;
  if (plain) at = std::clamp(at, 0.0, double(in - 1));  // beyond the middle of the last input nothing is blended
  const double reach = radius(rule.interpolation) * width, last = double(in - 1);
  const double low = std::ceil(at - reach), high = std::floor(at + reach);
  const dim_t first = static_cast<dim_t>(std::clamp(low, 0.0, last));
  const dim_t end = static_cast<dim_t>(std::clamp(high, 0.0, last)) + 1;
  std::fill_n(w, end - first, 0.0);
  double total = 0;
  for (double i = rule.exclude_outside ? std::max(low, 0.0) : low;
       i <= (rule.exclude_outside ? std::min(high, last) : high); i++) {
    const double weight = filter((i - at) / width, rule);
    w[static_cast<dim_t>(std::clamp(i, 0.0, last)) - first] += weight;
    total += weight;
  }
  const bool sums_to_one = plain || (rule.interpolation == Interpolation::cubic && width == 1 && !rule.exclude_outside);
  if (total == 0) {  // nothing within reach: the end
    w[at < 0 ? 0 : end - first - 1] = 1;
  } else if (!sums_to_one && total != 1) {
    for (dim_t k = 0; k < end - first; k++) w[k] /= total;
  }
  return {first, end - first};
}

}  // namespace

template <class T>
bool ResizeAxis<T>::is_choice() const {
  for (dim_t o = 0; o < outputs; o++)
    if (!copies(o)) return false;
  return true;
}

template <class T>
bool ResizeAxis<T>::is_dense() const {
  return 2 * std::count(count.begin(), count.end(), dim_t(0)) <= outputs;
}

template <class T>
bool ResizeAxis<T>::is_identity(dim_t inputs) const {
  if (inputs != outputs || !is_choice()) return false;
  for (dim_t o = 0; o < outputs; o++)
    if (first[o] != o) return false;
  return true;
}

template <class T>
ResizeAxis<T> resize_axis(dim_t in, dim_t out, double scale, const ResizeRule& rule) {
  if (in == 1) {  // whatever the rule is
    ResizeAxis<T> only(out, 1);
    std::fill(only.count.begin(), only.count.end(), dim_t(1));
    std::fill(only.weight.begin(), only.weight.end(), T(1));
    return only;
  }
  const double width = out ? width_of(in, out, scale, rule) : 1;
  ResizeAxis<T> a(out, std::max<dim_t>(1, most_taps(in, width, out, rule)));
  const Scratch<double> w(a.taps);
  for (dim_t o = 0; o < out; o++) {
    Sum sum{0, 1};
    w[0] = 1;
    if (rule.interpolation == Interpolation::area) {  // the mean of all inputs that the output touches
      sum.first = o * in / out;
      sum.count = ((o + 1) * in + out - 1) / out - sum.first;
      std::fill_n(w.get(), sum.count, 1 / double(sum.count));
    } else {
      const double at = position(o, in, out, scale, rule.coordinates);
      if (rule.interpolation == Interpolation::nearest)
        sum.first = std::clamp<dim_t>(nearest(at, rule.rounding), 0, in - 1);
      else
        sum = weigh(at, in, width, rule, w);
    }
    dim_t skip = 0;
    while (sum.count > 1 && w[skip + sum.count - 1] == 0) sum.count--;
    while (sum.count > 1 && w[skip] == 0) skip++, sum.count--;
    a.first[o] = sum.first + skip;
    a.count[o] = sum.count;
    for (dim_t k = 0; k < sum.count; k++) a.weight[o * a.taps + k] = T(w[skip + k]);
  }
  return a;
}

// Outputs that stand between those of an input belong to it with weight 0.
template <class T>
ResizeAxis<T> transposed(const ResizeAxis<T>& a, dim_t in) {
  ResizeAxis<T> t(in, 0);
  std::fill(t.first.begin(), t.first.end(), a.outputs);
  for (dim_t o = 0; o < a.outputs; o++)
    for (dim_t i = a.first[o]; i < a.first[o] + a.count[o]; i++) {
      t.first[i] = std::min(t.first[i], o);
      t.count[i] = o + 1 - t.first[i];
    }
  t.taps = in ? std::max<dim_t>(1, *std::max_element(t.count.begin(), t.count.end())) : 1;
  t.weight.resize(static_cast<std::size_t>(in * t.taps));
  for (dim_t o = 0; o < a.outputs; o++)
    for (dim_t k = 0; k < a.count[o]; k++) {
      const dim_t i = a.first[o] + k;
      t.weight[i * t.taps + o - t.first[i]] = a.weight[o * a.taps + k];
    }
  return t;
}

template struct ResizeAxis<float>;
template struct ResizeAxis<double>;
template ResizeAxis<float> resize_axis(dim_t, dim_t, double, const ResizeRule&);
template ResizeAxis<double> resize_axis(dim_t, dim_t, double, const ResizeRule&);
template ResizeAxis<float> transposed(const ResizeAxis<float>&, dim_t);
template ResizeAxis<double> transposed(const ResizeAxis<double>&, dim_t);

}  // namespace lamina
