#include <string>

#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "ops/affine.h"

namespace lamina {
namespace {

constexpr const char* kAffine = "affine_transform";

bool parse_bilinear(const std::string& name) {
  check(name == "bilinear" || name == "nearest", kAffine, ": interpolation is '", name,
        "', expected 'nearest' or 'bilinear'");
  return name == "bilinear";
}

FillMode parse_fill(const std::string& name) {
  if (name == "constant") return FillMode::constant;
  if (name == "nearest") return FillMode::nearest;
  if (name == "wrap") return FillMode::wrap;
  if (name == "mirror") return FillMode::mirror;
  check(name == "reflect", kAffine, ": fill_mode is '", name,
        "', expected 'constant', 'nearest', 'wrap', 'mirror' or 'reflect'");
  return FillMode::reflect;
}

// One map for all images or one each.
View transforms_of(Call& call, py::handle h, const View& x) {
  check(x.ndim() == 4, kAffine, ": the images are ", x.sizes(), ", expected (N, H, W, C)");
  const View t = call.input(h, "transform", {kAny, 8});
  check(t.dim(0) == 1 || t.dim(0) == x.dim(0), kAffine, ": transform is ", t.sizes(), ", expected (", x.dim(0),
        ", 8) or (1, 8)");
  return t;
}

double work(const View& x) { return double(x.dim(0) * x.dim(1) * x.dim(2)) * (8.0 * double(x.dim(3)) + 30.0); }

py::array affine_forward_py(py::handle x_, py::handle transform_, const std::string& interpolation,
                            const std::string& fill_mode, double fill_value) {
  Call call(kAffine);
  const View x = call.first(x_, "images");
  const View transform = transforms_of(call, transform_, x);
  const bool bilinear = parse_bilinear(interpolation);
  const FillMode fill = parse_fill(fill_mode);
  const Result y = call.result({x.dim(0), x.dim(1), x.dim(2), x.dim(3)});
  with_float(x.dtype(), kAffine, [&]<class T>(T) {
    const AffineForward<T> a{.x = x.as<T>(),
                             .transform = transform.as<T>(),
                             .y = y.as<T>(),
                             .N = x.dim(0),
                             .H = x.dim(1),
                             .W = x.dim(2),
                             .C = x.dim(3),
                             .transforms = transform.dim(0),
                             .bilinear = bilinear,
                             .fill = fill,
                             .value = static_cast<T>(fill_value)};
    run<affine_forward<T>>("affine_forward", work(x), a);
  });
  return y;
}

void affine_backward_py(py::handle dy_, py::handle transform_, const std::string& interpolation,
                        const std::string& fill_mode, py::handle dx_, int accumulate) {
  Call call(kAffine, accumulate);
  const View dy = call.first(dy_, "dy");
  const View transform = transforms_of(call, transform_, dy);
  const bool bilinear = parse_bilinear(interpolation);
  const FillMode fill = parse_fill(fill_mode);
  const auto dx = call.gradient(dx_, "dx", {dy.dim(0), dy.dim(1), dy.dim(2), dy.dim(3)}, 0);
  if (!dx.v) return;
  with_float(dy.dtype(), kAffine, [&]<class T>(T) {
    const AffineBackward<T> a{.dy = dy.as<T>(),
                              .transform = transform.as<T>(),
                              .dx = dx.as<T>(),
                              .N = dy.dim(0),
                              .H = dy.dim(1),
                              .W = dy.dim(2),
                              .C = dy.dim(3),
                              .transforms = transform.dim(0),
                              .bilinear = bilinear,
                              .fill = fill};
    run<affine_backward<T>>("affine_backward", work(dy), a);
  });
}

}  // namespace

void bind_affine(py::module_& m) {
  define(m, "affine_forward", affine_forward_py, "images, transform, interpolation, fill_mode, fill_value",
         "Images (N, H, W, C) seen through maps (N, 8) or (1, 8) from output to input pixels.");
  define(m, "affine_backward", affine_backward_py,
         with_defaults("dy, transform, interpolation, fill_mode, dx, accumulate", 0),
         "Gradient of affine_forward into dx.");
}

}  // namespace lamina
