#include <cmath>
#include <string>

#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "ops/resize.h"

namespace lamina {
namespace {

constexpr const char* kOp = "resize";

constexpr std::pair<const char*, Interpolation> kInterpolations[] = {
    {"nearest", Interpolation::nearest},   {"bilinear", Interpolation::linear},   {"bicubic", Interpolation::cubic},
    {"lanczos3", Interpolation::lanczos3}, {"lanczos5", Interpolation::lanczos5}, {"area", Interpolation::area},
    {"box", Interpolation::box},           {"hamming", Interpolation::hamming}};
constexpr std::pair<const char*, Coordinates> kCoordinates[] = {
    {"half_pixel", Coordinates::half_pixel},
    {"half_pixel_symmetric", Coordinates::half_pixel_symmetric},
    {"pytorch_half_pixel", Coordinates::pytorch_half_pixel},
    {"align_corners", Coordinates::align_corners},
    {"asymmetric", Coordinates::asymmetric}};
constexpr std::pair<const char*, Rounding> kRoundings[] = {{"round_prefer_floor", Rounding::round_prefer_floor},
                                                           {"round_prefer_ceil", Rounding::round_prefer_ceil},
                                                           {"floor", Rounding::floor},
                                                           {"ceil", Rounding::ceil}};

struct Options {
  const std::string &interpolation, &coordinates, &rounding;
  bool antialias;
  double cubic_coefficient;
  bool exclude_outside;
  py::handle scales;

  ResizeRule rule() const {
    check(std::isfinite(cubic_coefficient), kOp, ": cubic_coefficient is ", cubic_coefficient,
          ", expected a finite number");
    return {.interpolation = value_named(interpolation, kInterpolations, "interpolation"),
            .coordinates = value_named(coordinates, kCoordinates, "coordinates"),
            .rounding = value_named(rounding, kRoundings, "rounding"),
            .cubic_coefficient = cubic_coefficient,
            .antialias = antialias,
            .exclude_outside = exclude_outside};
  }
};

// The axes of x and of the result, their depth and height 1 where they have none.
ResizeSizes sizes_of(const View& x, const std::vector<dim_t>& out, const Options& o) {
  const int rank = static_cast<int>(out.size());
  check(rank >= 1 && rank <= 3, kOp, ": size has ", rank, " numbers, expected 1, 2 or 3");
  check(x.ndim() == rank + 2, kOp, ": x is ", x.sizes(), ", expected ", rank + 2, " axes for ", rank,
        " sizes: (N, sizes.., C)");
  ResizeSizes s{.N = x.dim(0), .in = {1, 1, 1}, .out = {1, 1, 1}, .C = x.dim(-1), .scale = {}};
  std::vector<double> scales(out.size());
  if (!o.scales.is_none()) {
    const py::tuple items = to_items(o.scales, kOp, "scales", "numbers");
    check(items.size() == out.size(), kOp, ": scales has ", items.size(), " numbers, expected ", rank);
    for (std::size_t i = 0; i < out.size(); i++) {
      scales[i] = to_number(items[i], kOp, "scales");
      check(scales[i] > 0 && std::isfinite(scales[i]), kOp, ": scales hold ", scales[i], ", expected positive numbers");
    }
  }
  for (int i = 0; i < rank; i++) {
    const int axis = 3 - rank + i;
    s.in[axis] = x.dim(i + 1);
    s.out[axis] = out[i];
    s.scale[axis] = scales[i];
    check(out[i] >= 0, kOp, ": size holds ", out[i], ", expected 0 or more");
    check(s.in[axis] > 0 || out[i] == 0, kOp, ": x is ", x.sizes(), " and has no pixels");
  }
  return s;
}

double work(const ResizeSizes& s) {
  return 4.0 * double(s.N) * double(s.C) *
         (double(s.in[0] * s.in[1] * s.in[2]) + double(s.out[0]) * double(s.out[1]) * double(s.out[2]));
}

py::array resize_forward_py(py::handle x_, const std::vector<dim_t>& size, const std::string& interpolation,
                            const std::string& coordinates, const std::string& rounding, bool antialias,
                            double cubic_coefficient, bool exclude_outside, py::handle scales) {
  Call call(kOp);
  const View x = call.first(x_, "x");
  const Options options{interpolation, coordinates, rounding, antialias, cubic_coefficient, exclude_outside, scales};
  const ResizeRule rule = options.rule();
  const ResizeSizes sizes = sizes_of(x, size, options);
  std::vector<dim_t> shape{sizes.N};
  shape.insert(shape.end(), size.begin(), size.end());
  shape.push_back(sizes.C);
  const Result y = call.result(shape);
  with_float(x.dtype(), kOp, [&]<class T>(T) {
    const ResizeForward<T> a{.x = x.as<T>(), .y = y.as<T>(), .sizes = sizes, .rule = rule};
    run<resize_forward<T>>("resize_forward", work(sizes), a);
  });
  return y;
}

void resize_backward_py(py::handle dy_, const std::string& interpolation, const std::string& coordinates,
                        const std::string& rounding, bool antialias, double cubic_coefficient, bool exclude_outside,
                        py::handle scales, py::handle dx_, int accumulate) {
  Call call(kOp, accumulate);
  const View dy = call.first(dy_, "dy");
  check(dy.ndim() >= 3 && dy.ndim() <= 5, kOp, ": dy is ", dy.sizes(), ", expected (N, sizes.., C)");
  const Options options{interpolation, coordinates, rounding, antialias, cubic_coefficient, exclude_outside, scales};
  const ResizeRule rule = options.rule();
  std::vector<dim_t> expected(static_cast<std::size_t>(dy.ndim()), kAny);
  expected.front() = dy.dim(0);
  expected.back() = dy.dim(-1);
  const auto dx = call.gradient(dx_, "dx", expected, 0);
  if (!dx.v) return;
  const std::vector<dim_t> all = dy.sizes().vector();
  const ResizeSizes sizes = sizes_of(*dx.v, {all.begin() + 1, all.end() - 1}, options);
  with_float(dy.dtype(), kOp, [&]<class T>(T) {
    const ResizeBackward<T> a{.dy = dy.as<T>(), .dx = dx.as<T>(), .sizes = sizes, .rule = rule};
    run<resize_backward<T>>("resize_backward", work(sizes), a);
  });
}

}  // namespace

void bind_resize(py::module_& m) {
  define(m, "resize_forward", resize_forward_py,
         "x, size, interpolation, coordinates, rounding, antialias, cubic_coefficient, exclude_outside, scales",
         "Sequences, images or volumes x (N, .., C) as (N, *size, C).");
  define(m, "resize_backward", resize_backward_py,
         with_defaults("dy, interpolation, coordinates, rounding, antialias, cubic_coefficient, exclude_outside, "
                       "scales, dx, accumulate",
                       0),
         "Gradient of resize_forward into dx.");
}

}  // namespace lamina
