#include "bind/array.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/window.h"
#include "ops/pooling.h"

namespace lamina {
namespace {

Window parse(const View& x, py::handle pool_size, py::handle strides, py::handle padding, const char* op) {
  const Pair size = parse_pair(pool_size, op, "pool_size");
  const Window v = parse_window(x, size, strides.is_none() ? pool_size : strides, padding, {1, 1}, op);
  check(v.top < v.kh && v.bottom < v.kh && v.left < v.kw && v.right < v.kw, op, ": padding ((", v.top, ", ", v.bottom,
        "), (", v.left, ", ", v.right, ")) must be smaller than the window ", v.kh, " x ", v.kw);
  check((v.H > 0 || v.OH == 0) && (v.W > 0 || v.OW == 0), op, ": x is ", x.shape_string(), " and has no pixels");
  return v;
}

double elements(const Window& v) { return double(v.N) * double(v.C) * (double(v.H * v.W) + double(v.OH * v.OW)); }

Dtype index_dtype(const Window& v) { return v.kh * v.kw > kByteTaps ? Dtype::i32 : Dtype::u8; }

py::object maximum(const char* op, const View& x, const Window& v, bool save, const std::vector<dim_t>& shape) {
  py::array y = empty(shape, x.dtype());
  py::object index = py::none();
  if (save) index = empty(shape, index_dtype(v));
  with_float(x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    void* to = save ? data_of(py::reinterpret_borrow<py::array>(index)) : nullptr;
    run<max_pool_forward<T>>("max_pool_forward", 4 * elements(v),
                             MaxPoolForward<T>{x.as<T>(), static_cast<T*>(data_of(y)), to, v});
  });
  return save ? py::object(py::make_tuple(y, index)) : py::object(y);
}

void maximum_gradient(const char* op, const View& index, const View& dy, const View& dx, const Window& v,
                      int accumulate) {
  with_float(dx.dtype(), op, [&](auto t) {
    using T = decltype(t);
    const Grad mode = accumulate & 1 ? Grad::accumulate : Grad::write;
    run<max_pool_backward<T>>("max_pool_backward", 4 * elements(v),
                              MaxPoolBackward<T>{index.data(), dy.as<T>(), dx.as<T>(), mode, v});
  });
}

py::object max_pool2d_forward_py(py::handle x_, py::handle pool_size, py::handle strides, py::handle padding,
                                 bool save) {
  const char* op = "max_pool2d";
  const View x = input(x_, op, "x");
  const Window v = parse(x, pool_size, strides, padding, op);
  return maximum(op, x, v, save, {v.N, v.OH, v.OW, v.C});
}

void max_pool2d_backward_py(py::handle index_, py::handle dy_, py::handle pool_size, py::handle strides,
                            py::handle padding, py::handle dx_, int accumulate) {
  const char* op = "max_pool2d";
  if (dx_.is_none()) return;
  const View index = input(index_, op, "index"), dy = input(dy_, op, "dy"), dx = output(dx_, op, "dx");
  const Window v = parse(dx, pool_size, strides, padding, op);
  expect(dy, op, "dy", {v.N, v.OH, v.OW, v.C}, dx.dtype());
  expect(index, op, "index", {v.N, v.OH, v.OW, v.C}, index_dtype(v));
  maximum_gradient(op, index, dy, dx, v, accumulate);
}

py::array average(const char* op, const View& x, const Window& v, bool count_pad, const std::vector<dim_t>& shape) {
  py::array y = empty(shape, x.dtype());
  with_float(x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    run<average_pool_forward<T>>("average_pool_forward", 4 * elements(v),
                                 AveragePoolForward<T>{x.as<T>(), static_cast<T*>(data_of(y)), v, count_pad});
  });
  return y;
}

void average_gradient(const char* op, const View& dy, const View& dx, const Window& v, bool count_pad, int accumulate) {
  with_float(dx.dtype(), op, [&](auto t) {
    using T = decltype(t);
    const Grad mode = accumulate & 1 ? Grad::accumulate : Grad::write;
    run<average_pool_backward<T>>("average_pool_backward", 4 * elements(v),
                                  AveragePoolBackward<T>{dy.as<T>(), dx.as<T>(), mode, v, count_pad});
  });
}

py::array average_pool2d_forward_py(py::handle x_, py::handle pool_size, py::handle strides, py::handle padding,
                                    bool count_pad) {
  const char* op = "average_pool2d";
  const View x = input(x_, op, "x");
  const Window v = parse(x, pool_size, strides, padding, op);
  return average(op, x, v, count_pad, {v.N, v.OH, v.OW, v.C});
}

void average_pool2d_backward_py(py::handle dy_, py::handle pool_size, py::handle strides, py::handle padding,
                                bool count_pad, py::handle dx_, int accumulate) {
  const char* op = "average_pool2d";
  if (dx_.is_none()) return;
  const View dy = input(dy_, op, "dy"), dx = output(dx_, op, "dx");
  const Window v = parse(dx, pool_size, strides, padding, op);
  expect(dy, op, "dy", {v.N, v.OH, v.OW, v.C}, dx.dtype());
  average_gradient(op, dy, dx, v, count_pad, accumulate);
}

// The window is the whole image.
Window whole(const View& x, const char* op) {
  check(x.ndim() == 4, op, ": x is ", x.shape_string(), ", expected four axes (N, H, W, C)");
  const dim_t H = x.dim(1), W = x.dim(2);
  check(H > 0 && W > 0, op, ": x is ", x.shape_string(), " and has no pixels");
  return {x.dim(0), H, W, x.dim(3), 1, 1, H, W, H, W, 1, 1, 0, 0, 0, 0};
}

py::array global_average_pool2d_forward_py(py::handle x_) {
  const char* op = "global_average_pool2d";
  const View x = input(x_, op, "x");
  const Window v = whole(x, op);
  return average(op, x, v, false, {v.N, v.C});
}

void global_average_pool2d_backward_py(py::handle dy_, py::handle dx_, int accumulate) {
  const char* op = "global_average_pool2d";
  if (dx_.is_none()) return;
  const View dy = input(dy_, op, "dy"), dx = output(dx_, op, "dx");
  const Window v = whole(dx, op);
  expect(dy, op, "dy", {v.N, v.C}, dx.dtype());
  average_gradient(op, dy, dx, v, false, accumulate);
}

py::object global_max_pool2d_forward_py(py::handle x_, bool save) {
  const char* op = "global_max_pool2d";
  const View x = input(x_, op, "x");
  const Window v = whole(x, op);
  return maximum(op, x, v, save, {v.N, v.C});
}

void global_max_pool2d_backward_py(py::handle index_, py::handle dy_, py::handle dx_, int accumulate) {
  const char* op = "global_max_pool2d";
  if (dx_.is_none()) return;
  const View index = input(index_, op, "index"), dy = input(dy_, op, "dy"), dx = output(dx_, op, "dx");
  const Window v = whole(dx, op);
  expect(dy, op, "dy", {v.N, v.C}, dx.dtype());
  expect(index, op, "index", {v.N, v.C}, index_dtype(v));
  maximum_gradient(op, index, dy, dx, v, accumulate);
}

}  // namespace

void bind_pooling(py::module_& m) {
  using py::arg;
  define(m, "max_pool2d_forward", max_pool2d_forward_py, arg("x"), arg("pool_size"), arg("strides"), arg("padding"),
         arg("save"), "y (N, OH, OW, C); with save also the number of the tap that won, for the backward.");
  define(m, "max_pool2d_backward", max_pool2d_backward_py, arg("index"), arg("dy"), arg("pool_size"), arg("strides"),
         arg("padding"), arg("dx"), arg("accumulate") = 0, "Gradient of max_pool2d_forward into dx (N, H, W, C).");
  define(m, "average_pool2d_forward", average_pool2d_forward_py, arg("x"), arg("pool_size"), arg("strides"),
         arg("padding"), arg("count_pad"),
         "y (N, OH, OW, C), means over windows; padding counts as pixels only with count_pad.");
  define(m, "average_pool2d_backward", average_pool2d_backward_py, arg("dy"), arg("pool_size"), arg("strides"),
         arg("padding"), arg("count_pad"), arg("dx"), arg("accumulate") = 0,
         "Gradient of average_pool2d_forward into dx (N, H, W, C).");
  define(m, "global_average_pool2d_forward", global_average_pool2d_forward_py, arg("x"), "Means over pixels: (N, C).");
  define(m, "global_average_pool2d_backward", global_average_pool2d_backward_py, arg("dy"), arg("dx"),
         arg("accumulate") = 0, "Gradient of global_average_pool2d_forward into dx (N, H, W, C).");
  define(m, "global_max_pool2d_forward", global_max_pool2d_forward_py, arg("x"), arg("save"),
         "Maxima over pixels (N, C); with save also the number of the pixel that won.");
  define(m, "global_max_pool2d_backward", global_max_pool2d_backward_py, arg("index"), arg("dy"), arg("dx"),
         arg("accumulate") = 0, "Gradient of global_max_pool2d_forward into dx (N, H, W, C).");
}

}  // namespace lamina
