#include <string>

#include "bind/array.h"
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
  check(x.ndim() == 4, kOp, ": x is ", x.shape_string(), ", expected (N, H, W, C)");
  check(height >= 0 && width >= 0, kOp, ": size is (", height, ", ", width, "), expected 0 or more");
  check((x.dim(1) > 0 || height == 0) && (x.dim(2) > 0 || width == 0), kOp, ": x is ", x.shape_string(),
        " and has no pixels");
}

double work(const View& x, dim_t height, dim_t width) {
  return 4.0 * double(x.dim(0)) * double(x.dim(3)) * (double(x.dim(1) * x.dim(2)) + double(height) * double(width));
}

py::array resize_forward_py(py::handle x_, dim_t height, dim_t width, const std::string& interpolation) {
  const View x = input(x_, kOp, "x");
  check_sizes(x, height, width);
  const Interpolation kind = parse_interpolation(interpolation);
  py::array y = empty({x.dim(0), height, width, x.dim(3)}, x.dtype());
  with_float(x.dtype(), kOp, [&](auto t) {
    using T = decltype(t);
    const ResizeForward<T> a{
        x.as<T>(), static_cast<T*>(data_of(y)), x.dim(0), x.dim(1), x.dim(2), x.dim(3), height, width, kind};
    run<resize_forward<T>>("resize_forward", work(x, height, width), a);
  });
  return y;
}

void resize_backward_py(py::handle dy_, const std::string& interpolation, py::handle dx_, int accumulate) {
  if (dx_.is_none()) return;
  const View dy = input(dy_, kOp, "dy"), dx = output(dx_, kOp, "dx");
  check(dy.ndim() == 4, kOp, ": dy is ", dy.shape_string(), ", expected (N, OH, OW, C)");
  check_sizes(dx, dy.dim(1), dy.dim(2));
  expect(dy, kOp, "dy", {dx.dim(0), dy.dim(1), dy.dim(2), dx.dim(3)}, dx.dtype());
  const Interpolation kind = parse_interpolation(interpolation);
  with_float(dx.dtype(), kOp, [&](auto t) {
    using T = decltype(t);
    const ResizeBackward<T> a{
        dy.as<T>(), dx.as<T>(), dx.dim(0), dx.dim(1), dx.dim(2),
        dx.dim(3),  dy.dim(1),  dy.dim(2), kind,      accumulate & 1 ? Grad::accumulate : Grad::write};
    run<resize_backward<T>>("resize_backward", work(dx, dy.dim(1), dy.dim(2)), a);
  });
}

}  // namespace

void bind_resize(py::module_& m) {
  m.def("resize_forward", resize_forward_py, py::arg("x"), py::arg("height"), py::arg("width"),
        py::arg("interpolation"), "Images x (N, H, W, C) as (N, height, width, C).");
  m.def("resize_backward", resize_backward_py, py::arg("dy"), py::arg("interpolation"), py::arg("dx"),
        py::arg("accumulate") = 0, "Gradient of resize_forward into dx.");
}

}  // namespace lamina
