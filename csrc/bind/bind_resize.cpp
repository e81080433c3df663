#include <string>

#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "ops/resize.h"

namespace lamina {
namespace {

constexpr const char* kOp = "resize";

Interpolation parse_interpolation(const std::string& name) {
  if (name == "nearest") return Interpolation::nearest;
  check(name == "bilinear", kOp, ": interpolation is '", name, "', expected 'nearest' or 'bilinear'");
  return Interpolation::bilinear;
}

void check_sizes(const View& x, dim_t height, dim_t width) {
  check(x.ndim() == 4, kOp, ": x is ", x.sizes(), ", expected (N, H, W, C)");
  check(height >= 0 && width >= 0, kOp, ": size is (", height, ", ", width, "), expected 0 or more");
  check((x.dim(1) > 0 || height == 0) && (x.dim(2) > 0 || width == 0), kOp, ": x is ", x.sizes(), " and has no pixels");
}

double work(const View& x, dim_t height, dim_t width) {
  return 4.0 * double(x.dim(0)) * double(x.dim(3)) * (double(x.dim(1) * x.dim(2)) + double(height) * double(width));
}

py::array resize_forward_py(py::handle x_, dim_t height, dim_t width, const std::string& interpolation) {
  Call call(kOp);
  const View x = call.first(x_, "x");
  check_sizes(x, height, width);
  const Interpolation kind = parse_interpolation(interpolation);
  const Result y = call.result({x.dim(0), height, width, x.dim(3)});
  with_float(x.dtype(), kOp, [&]<class T>(T) {
    const ResizeForward<T> a{.x = x.as<T>(),
                             .y = y.as<T>(),
                             .N = x.dim(0),
                             .H = x.dim(1),
                             .W = x.dim(2),
                             .C = x.dim(3),
                             .OH = height,
                             .OW = width,
                             .interpolation = kind};
    run<resize_forward<T>>("resize_forward", work(x, height, width), a);
  });
  return y;
}

void resize_backward_py(py::handle dy_, const std::string& interpolation, py::handle dx_, int accumulate) {
  Call call(kOp, accumulate);
  const View dy = call.first(dy_, "dy");
  const Interpolation kind = parse_interpolation(interpolation);
  check(dy.ndim() == 4, kOp, ": dy is ", dy.sizes(), ", expected (N, OH, OW, C)");
  const auto dx = call.gradient(dx_, "dx", {dy.dim(0), kAny, kAny, dy.dim(3)}, 0);
  if (!dx.v) return;
  const View& x = *dx.v;
  check_sizes(x, dy.dim(1), dy.dim(2));
  with_float(x.dtype(), kOp, [&]<class T>(T) {
    const ResizeBackward<T> a{.dy = dy.as<T>(),
                              .dx = dx.as<T>(),
                              .N = x.dim(0),
                              .H = x.dim(1),
                              .W = x.dim(2),
                              .C = x.dim(3),
                              .OH = dy.dim(1),
                              .OW = dy.dim(2),
                              .interpolation = kind};
    run<resize_backward<T>>("resize_backward", work(x, dy.dim(1), dy.dim(2)), a);
  });
}

}  // namespace

void bind_resize(py::module_& m) {
  define(m, "resize_forward", resize_forward_py, "x, height, width, interpolation",
         "Images x (N, H, W, C) as (N, height, width, C).");
  define(m, "resize_backward", resize_backward_py, with_defaults("dy, interpolation, dx, accumulate", 0),
         "Gradient of resize_forward into dx.");
}

}  // namespace lamina
