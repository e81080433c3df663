#include "bind/array.h"
#include "bind/families.h"
#include "ops/integer_reduction.h"
#include "ops/reduction.h"

namespace lamina {
namespace {

constexpr std::pair<const char*, Reduction> kReductions[] = {
    {"sum", Reduction::sum},
    {"mean", Reduction::mean},
    {"prod", Reduction::product},
    {"max", Reduction::max},
    {"min", Reduction::min},
    {"norm", Reduction::norm},
    {"logsumexp", Reduction::logsumexp},
    {"var", Reduction::variance},
};

Reduction parse_reduction(const std::string& name) {
  for (const auto& [key, op] : kReductions)
    if (name == key) return op;
  throw py::value_error(concat("no reduction '", name, "'; there are sum, mean, prod, max, min, norm, logsumexp, var"));
}

// Which axes of x are reduced: all for None, one, or several; and the shape that is left.
struct Axes {
  Groups groups;
  std::vector<dim_t> shape;
};

Axes parse_axes(const View& x, py::handle axes, bool keepdims, const char* op) {
  std::uint64_t reduced = 0;
  const int rank = x.ndim();
  auto add = [&](py::handle h) {
    if (!PyIndex_Check(h.ptr()))
      throw py::type_error(concat(op, ": axis must be an integer, a tuple of integers or None"));
    const auto axis = py::cast<long long>(py::reinterpret_steal<py::object>(PyNumber_Index(h.ptr())));
    check(axis >= -rank && axis < rank, op, ": axis ", axis, " is outside x, which is ", x.shape_string());
    const std::uint64_t bit = std::uint64_t(1) << (axis < 0 ? axis + rank : axis);
    check(!(reduced & bit), op, ": axis ", axis, " is given twice");
    reduced |= bit;
  };
  if (axes.is_none())
    reduced = ~std::uint64_t(0);
  else if (py::isinstance<py::tuple>(axes) || py::isinstance<py::list>(axes))
    for (py::handle h : axes) add(h);
  else
    add(axes);
  Axes a;
  for (int i = 0; i < rank; i++) {
    const bool r = (reduced >> i) & 1;
    a.groups.append(x.dim(i), r);
    if (!r)
      a.shape.push_back(x.dim(i));
    else if (keepdims)
      a.shape.push_back(1);
  }
  return a;
}

py::array integer_reduction_py(const View& x, Reduction which, const Axes& axes, const char* op) {
  const ReduceOp reduce = which == Reduction::sum       ? ReduceOp::sum
                          : which == Reduction::product ? ReduceOp::product
                          : which == Reduction::max     ? ReduceOp::max
                                                        : ReduceOp::min;
  check(reduce != ReduceOp::min || which == Reduction::min, op, ": x is ", dtype_name(x.dtype()),
        "; cast it to float32 or float64");
  const bool is_unsigned = with_integer(x.dtype(), [](auto t) { return std::is_unsigned_v<decltype(t)>; });
  py::array y = empty(axes.shape, is_unsigned && x.dtype() != Dtype::boolean ? Dtype::u64 : Dtype::i64);
  const IntegerReduce a{x.data(), x.dtype(), data_of(y), axes.groups, reduce};
  run<integer_reduction>("reduction_forward", 2.0 * double(x.size()), a);
  return y;
}

py::object reduction_forward_py(py::handle x_, const std::string& op, py::handle axes_, bool keepdims) {
  const View x = input(x_, op.c_str(), "x");
  const Reduction which = parse_reduction(op);
  const Axes axes = parse_axes(x, axes_, keepdims, op.c_str());
  if (which == Reduction::max || which == Reduction::min || which == Reduction::logsumexp)
    check(axes.groups.product(true) > 0 || axes.groups.product(false) == 0, op, ": x is ", x.shape_string(),
          "; nothing to reduce");
  if (!is_float(x.dtype())) return integer_reduction_py(x, which, axes, op.c_str());
  py::array y = empty(axes.shape, x.dtype());
  const bool variance = which == Reduction::variance;
  py::array mean = variance ? empty(axes.shape, x.dtype()) : y;
  with_float(x.dtype(), op.c_str(), [&](auto t) {
    using T = decltype(t);
    const Reduce<T> a{x.as<T>(), static_cast<T*>(data_of(y)), static_cast<T*>(data_of(mean)), axes.groups, which};
    run<reduction_forward<T>>("reduction_forward", 2.0 * double(x.size()), a);
  });
  if (variance) return py::make_tuple(y, mean);
  return y;
}

void reduction_backward_py(py::handle x_, py::handle saved_, py::handle dy_, const std::string& op, py::handle axes_,
                           py::handle dx_, int accumulate) {
  const View x = input(x_, op.c_str(), "x"), saved = input(saved_, op.c_str(), "saved"),
             dy = input(dy_, op.c_str(), "dy");
  const Reduction which = parse_reduction(op);
  const Axes axes = parse_axes(x, axes_, false, op.c_str());
  const dim_t kept = axes.groups.product(false);
  check(dy.size() == kept && saved.size() == kept && dy.dtype() == x.dtype() && saved.dtype() == x.dtype(), op,
        ": x is ", x.shape_string(), ", saved ", saved.shape_string(), ", dy ", dy.shape_string());
  const auto dx = gradient(dx_, op.c_str(), "dx", x, accumulate, 0);
  if (dx.mode == Grad::skip) return;
  with_float(x.dtype(), op.c_str(), [&](auto t) {
    using T = decltype(t);
    const ReduceBackward<T> a{
        x.as<T>(), saved.as<T>(), dy.as<T>(), dx.as<T>(), axes.groups, which, dx.mode == Grad::accumulate};
    run<reduction_backward<T>>("reduction_backward", 4.0 * double(x.size()), a);
  });
}

struct Axis {
  dim_t outer = 1, n = 1, inner = 1;
};

Axis parse_axis(const View& x, int axis, const char* op) {
  check(axis >= -x.ndim() && axis < x.ndim(), op, ": axis ", axis, " is outside x, which is ", x.shape_string());
  if (axis < 0) axis += x.ndim();
  Axis a;
  for (int i = 0; i < x.ndim(); i++) (i < axis ? a.outer : i > axis ? a.inner : a.n) *= x.dim(i);
  return a;
}

py::array cumsum_forward_py(py::handle x_, int axis) {
  const View x = input(x_, "cumsum", "x");
  const Axis along = parse_axis(x, axis, "cumsum");
  py::array y = empty_like(x);
  with_number(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const CumulativeSum<T> a{x.as<T>(), static_cast<T*>(data_of(y)), along.outer, along.n, along.inner, false, false};
    run<cumulative_sum<T>>("cumsum_forward", 4.0 * double(x.size()), a);
  });
  return y;
}

void cumsum_backward_py(py::handle dy_, int axis, py::handle dx_, int accumulate) {
  const View dy = input(dy_, "cumsum", "dy");
  const auto dx = gradient(dx_, "cumsum", "dx", dy, accumulate, 0);
  if (dx.mode == Grad::skip) return;
  const Axis along = parse_axis(dy, axis, "cumsum");
  with_float(dy.dtype(), "cumsum", [&](auto t) {
    using T = decltype(t);
    const CumulativeSum<T> a{
        dy.as<T>(), dx.as<T>(), along.outer, along.n, along.inner, true, dx.mode == Grad::accumulate};
    run<cumulative_sum<T>>("cumsum_backward", 4.0 * double(dy.size()), a);
  });
}

py::array arg_extreme_py(py::handle x_, int axis, bool largest, bool keepdims) {
  const char* op = largest ? "argmax" : "argmin";
  const View x = input(x_, op, "x");
  const Axis along = parse_axis(x, axis, op);
  check(along.n > 0, op, ": x is ", x.shape_string(), "; axis ", axis, " is empty");
  std::vector<dim_t> shape;
  for (int i = 0; i < x.ndim(); i++) {
    if (i != (axis < 0 ? axis + x.ndim() : axis))
      shape.push_back(x.dim(i));
    else if (keepdims)
      shape.push_back(1);
  }
  const bool wide = along.n > (dim_t(1) << 31);
  py::array y = empty(shape, wide ? Dtype::i64 : Dtype::i32);
  with_number(x.dtype(), [&](auto t) {
    using T = decltype(t);
    const ArgExtreme<T> a{x.as<T>(), data_of(y), along.outer, along.n, along.inner, largest, wide};
    run<arg_extreme<T>>(op, 4.0 * double(x.size()), a);
  });
  return y;
}

}  // namespace

void bind_reduction(py::module_& m) {
  m.def("reduction_forward", reduction_forward_py, py::arg("x"), py::arg("op"), py::arg("axes") = py::none(),
        py::arg("keepdims") = false,
        "sum, mean, prod, max, min, norm, logsumexp or var of x over axes (None: all); var gives (variance, mean).\n"
        "sum, prod, max and min of integers are int64, of unsigned ones uint64.");
  m.def("reduction_backward", reduction_backward_py, py::arg("x"), py::arg("saved"), py::arg("dy"), py::arg("op"),
        py::arg("axes"), py::arg("dx"), py::arg("accumulate") = 0,
        "Gradient of reduction_forward; saved: its result, for var the mean. Ties of max and min share dy equally.");
  m.def("cumsum_forward", cumsum_forward_py, py::arg("x"), py::arg("axis"), "Cumulative sum along an axis.");
  m.def("cumsum_backward", cumsum_backward_py, py::arg("dy"), py::arg("axis"), py::arg("dx"), py::arg("accumulate") = 0,
        "Gradient of cumsum_forward.");
  m.def("arg_extreme_forward", arg_extreme_py, py::arg("x"), py::arg("axis"), py::arg("largest"),
        py::arg("keepdims") = false,
        "Place of the largest or smallest element along an axis, int32 (int64 of more than 2^31); ties: the first.");
}

}  // namespace lamina
