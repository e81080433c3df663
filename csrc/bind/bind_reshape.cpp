#include "bind/array.h"
#include "bind/families.h"
#include "bind/indices.h"
#include "ops/copy.h"
#include "ops/reshape.h"

namespace lamina {
namespace {

// Types of one size are copied as one.
template <class F>
void with_size(dim_t bytes, F&& f) {
  switch (bytes) {
    case 1:
      return f(std::uint8_t{});
    case 2:
      return f(std::uint16_t{});
    case 4:
      return f(float{});
    default:
      return f(double{});
  }
}

void copy_to(const Strided& x, const Strided& y, bool accumulate, const char* op) {
  bool same = x.ndim == y.ndim;
  for (int i = 0; same && i < x.ndim; i++) same = x.shape[i] == y.shape[i];
  check(same, op, ": x is ", x.shape_string(), ", y is ", y.shape_string());
  if (x.dtype != y.dtype)
    throw py::type_error(concat(op, ": x is ", dtype_name(x.dtype), ", y is ", dtype_name(y.dtype)));
  if (accumulate && x.dtype != Dtype::f32 && x.dtype != Dtype::f64)
    throw py::type_error(concat(op, ": only floats are added, got ", dtype_name(x.dtype)));
  const dim_t bytes = item_size(x.dtype);
  Loops<2> loops;
  for (int i = 0; i < x.ndim; i++) loops.append(x.shape[i], {x.strides[i] / bytes, y.strides[i] / bytes});
  loops.finish();
  with_size(bytes, [&](auto t) {
    using T = decltype(t);
    const StridedCopy<T> a{static_cast<const T*>(x.data), static_cast<T*>(y.data), loops, accumulate};
    run<strided_copy<T>>(op, 4.0 * double(x.size()), a);
  });
}

py::array contiguous_py(py::handle x) { return contiguous(strided(x, "contiguous", "x", false)); }

void strided_copy_py(py::handle x_, py::handle y_, bool accumulate) {
  copy_to(strided(x_, "strided_copy", "x", false), strided(y_, "strided_copy", "y", true), accumulate, "strided_copy");
}

void fill_into_py(py::handle y_, double value) {
  const View y = output(y_, "fill_into", "y");
  with_float(y.dtype(), "fill_into", [&](auto t) {
    using T = decltype(t);
    const Fill<T> a{y.as<T>(), y.size(), T(value)};
    run<fill<T>>("fill", double(y.size()), a);
  });
}

py::array transpose_forward_py(py::handle x_, const std::vector<int>& axes) {
  Strided x = strided(x_, "transpose", "x", false);
  std::vector<py::ssize_t> shape, strides;
  std::uint64_t seen = 0;
  for (int a : axes) {
    check(a >= 0 && a < x.ndim && !((seen >> a) & 1), "transpose: axes are no permutation of those of x, which is ",
          x.shape_string());
    seen |= std::uint64_t(1) << a;
    shape.push_back(x.shape[a]);
    strides.push_back(x.strides[a]);
  }
  check(static_cast<int>(axes.size()) == x.ndim, "transpose: ", axes.size(), " axes given, x is ", x.shape_string());
  x.shape = shape.data(), x.strides = strides.data();
  py::array y = empty(std::vector<dim_t>(shape.begin(), shape.end()), x.dtype);
  copy_to(x, strided(y, "transpose", "y", true), false, "transpose");
  return y;
}

// dx, read in the order of dy's axes, (+)= dy.
void transpose_backward_py(py::handle dy_, const std::vector<int>& axes, py::handle dx_, int accumulate) {
  if (dx_.is_none()) return;
  const Strided dy = strided(dy_, "transpose", "dy", false);
  Strided dx = strided(dx_, "transpose", "dx", true);
  check(static_cast<int>(axes.size()) == dx.ndim, "transpose: ", axes.size(), " axes given, dx is ", dx.shape_string());
  std::vector<py::ssize_t> shape, strides;
  for (int a : axes) {
    check(a >= 0 && a < dx.ndim, "transpose: no axis ", a, " in dx, which is ", dx.shape_string());
    shape.push_back(dx.shape[a]);
    strides.push_back(dx.strides[a]);
  }
  dx.shape = shape.data(), dx.strides = strides.data();
  copy_to(dy, dx, (accumulate & 1) != 0, "transpose");
}

// A part of a along one axis, as a strided array.
struct Part : Strided {
  std::vector<py::ssize_t> part_shape;
  Part(const Strided& whole, int axis, dim_t begin, dim_t n)
      : Strided(whole), part_shape(whole.shape, whole.shape + whole.ndim) {
    data = static_cast<char*>(data) + begin * strides[axis];
    part_shape[axis] = n;
    shape = part_shape.data();
  }
};

py::array concatenate_forward_py(const std::vector<py::object>& arrays, int axis) {
  check(!arrays.empty(), "concatenate: expected one array or more");
  std::vector<Strided> xs;
  for (const auto& a : arrays) xs.push_back(strided(a, "concatenate", "an array", false));
  const int rank = xs[0].ndim;
  check(axis >= -rank && axis < rank, "concatenate: axis ", axis, " is outside the arrays, which are ",
        xs[0].shape_string());
  if (axis < 0) axis += rank;
  std::vector<dim_t> shape(xs[0].shape, xs[0].shape + rank);
  shape[axis] = 0;
  for (std::size_t k = 0; k < xs.size(); k++) {
    bool same = xs[k].ndim == rank;
    for (int i = 0; same && i < rank; i++) same = i == axis || xs[k].shape[i] == xs[0].shape[i];
    check(same, "concatenate: array 0 is ", xs[0].shape_string(), ", array ", k, " is ", xs[k].shape_string(),
          "; all sizes but that of axis ", axis, " must be equal");
    if (xs[k].dtype != xs[0].dtype)
      throw py::type_error(
          concat("concatenate: array 0 is ", dtype_name(xs[0].dtype), ", array ", k, " is ", dtype_name(xs[k].dtype)));
    shape[axis] += xs[k].shape[axis];
  }
  py::array y = empty(shape, xs[0].dtype);
  const Strided whole = strided(y, "concatenate", "y", true);
  dim_t begin = 0;
  for (const Strided& x : xs) {
    copy_to(x, Part(whole, axis, begin, x.shape[axis]), false, "concatenate");
    begin += x.shape[axis];
  }
  return y;
}

// dxs: None or an array each; sizes: of the parts along the axis.
void concatenate_backward_py(py::handle dy_, int axis, const std::vector<dim_t>& sizes,
                             const std::vector<py::object>& dxs, int accumulate) {
  const Strided dy = strided(dy_, "concatenate", "dy", false);
  check(axis >= -dy.ndim && axis < dy.ndim && sizes.size() == dxs.size(), "concatenate: axis ", axis, ", dy is ",
        dy.shape_string());
  if (axis < 0) axis += dy.ndim;
  dim_t begin = 0;
  for (std::size_t k = 0; k < dxs.size(); k++) {
    check(begin + sizes[k] <= dy.shape[axis], "concatenate: dy is ", dy.shape_string());
    if (!dxs[k].is_none())
      copy_to(Part(dy, axis, begin, sizes[k]), strided(dxs[k], "concatenate", "dx", true), (accumulate >> k) & 1,
              "concatenate");
    begin += sizes[k];
  }
}

struct Along {
  dim_t outer = 1, n = 1, inner = 1;
};
Along along(const View& x, int axis, const char* op) {
  check(axis >= -x.ndim() && axis < x.ndim(), op, ": axis ", axis, " is outside x, which is ", x.shape_string());
  if (axis < 0) axis += x.ndim();
  Along a;
  for (int i = 0; i < x.ndim(); i++) (i < axis ? a.outer : i > axis ? a.inner : a.n) *= x.dim(i);
  return a;
}

py::array take_forward_py(py::handle x_, py::handle indices_, int axis) {
  const View x = input(x_, "take", "x"), indices = input(indices_, "take", "indices");
  const Along a = along(x, axis, "take");
  if (axis < 0) axis += x.ndim();
  std::vector<dim_t> shape(x.shape(), x.shape() + axis);
  shape.insert(shape.end(), indices.shape(), indices.shape() + indices.ndim());
  shape.insert(shape.end(), x.shape() + axis + 1, x.shape() + x.ndim());
  py::array y = empty(shape, x.dtype());
  const Indices parsed = parse_indices(indices, "take", "indices");
  with_size(item_size(x.dtype()), [&](auto t) {
    using T = decltype(t);
    const Take<T> args{x.as<T>(), parsed, static_cast<T*>(data_of(y)), a.outer, a.n, a.inner};
    run<take<T>>("take_forward", 2.0 * double(y.size()), args);
  });
  return y;
}

void take_backward_py(py::handle indices_, py::handle dy_, int axis, py::handle dx_, int accumulate) {
  if (dx_.is_none()) return;
  const View indices = input(indices_, "take", "indices"), dy = input(dy_, "take", "dy"),
             dx = output(dx_, "take", "dx");
  const Along a = along(dx, axis, "take");
  check(dy.size() == a.outer * a.inner * indices.size() && dy.dtype() == dx.dtype(), "take: dy is ", dy.shape_string(),
        ", dx is ", dx.shape_string(), ", indices ", indices.shape_string());
  const Indices parsed = parse_indices(indices, "take", "indices");
  auto with_sums = [&](auto f) {  // of integers those of 64 bits, whose sums wrap alike
    if (dx.dtype() == Dtype::i64 || dx.dtype() == Dtype::u64) return f(std::uint64_t{});
    with_float(dx.dtype(), "take", f);
  };
  with_sums([&](auto t) {
    using T = decltype(t);
    const TakeBackward<T> args{parsed, dy.as<T>(), dx.as<T>(), a.outer, a.n, a.inner, (accumulate & 1) != 0};
    run<take_backward<T>>("take_backward", 4.0 * double(dx.size() + dy.size()), args);
  });
}

py::array one_hot_forward_py(py::handle indices_, dim_t classes, py::handle dtype_) {
  const View indices = input(indices_, "one_hot", "indices");
  check(classes > 0, "one_hot: num_classes must be positive, got ", classes);
  std::vector<dim_t> shape(indices.shape(), indices.shape() + indices.ndim());
  shape.push_back(classes);
  const Dtype dtype = parse_dtype(dtype_, "one_hot");
  py::array y = empty(shape, dtype);
  const Indices parsed = parse_indices(indices, "one_hot", "indices");
  with_float(dtype, "one_hot", [&](auto t) {
    using T = decltype(t);
    const OneHot<T> a{parsed, static_cast<T*>(data_of(y)), classes};
    run<one_hot<T>>("one_hot_forward", 2.0 * double(y.size()), a);
  });
  return y;
}

}  // namespace

py::array contiguous(const Strided& x) {
  py::array y = empty(std::vector<dim_t>(x.shape, x.shape + x.ndim), x.dtype);
  copy_to(x, strided(y, "contiguous", "y", true), false, "contiguous");
  return y;
}

void bind_reshape(py::module_& m) {
  m.def("contiguous", contiguous_py, py::arg("x"), "A C-contiguous copy of an array with any strides.");
  m.def("strided_copy", strided_copy_py, py::arg("x"), py::arg("y"), py::arg("accumulate") = false,
        "y = x or y += x, both with any strides, of one shape and type.");
  m.def("fill_into", fill_into_py, py::arg("y"), py::arg("value"), "y = value everywhere.");
  m.def("transpose_forward", transpose_forward_py, py::arg("x"), py::arg("axes"), "x with its axes in another order.");
  m.def("transpose_backward", transpose_backward_py, py::arg("dy"), py::arg("axes"), py::arg("dx"),
        py::arg("accumulate") = 0, "Gradient of transpose_forward.");
  m.def("concatenate_forward", concatenate_forward_py, py::arg("arrays"), py::arg("axis"),
        "Arrays one after the other along an axis.");
  m.def("concatenate_backward", concatenate_backward_py, py::arg("dy"), py::arg("axis"), py::arg("sizes"),
        py::arg("dxs"), py::arg("accumulate") = 0, "Gradients of concatenate_forward into dxs.");
  m.def("take_forward", take_forward_py, py::arg("x"), py::arg("indices"), py::arg("axis"),
        "x[..., indices, ...] along an axis.");
  m.def("take_backward", take_backward_py, py::arg("indices"), py::arg("dy"), py::arg("axis"), py::arg("dx"),
        py::arg("accumulate") = 0, "Gradient of take_forward; int64 and uint64 too.");
  m.def("one_hot_forward", one_hot_forward_py, py::arg("indices"), py::arg("classes"), py::arg("dtype"),
        "Rows of zeros with a one at the index; zeros for an index outside.");
}

}  // namespace lamina
