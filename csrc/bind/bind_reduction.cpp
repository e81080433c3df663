#include "bind/call.h"
#include "bind/define.h"
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

// Which axes of x are reduced: all for None, one, or several; and the shape that is left.
struct ReducedAxes {
  Groups groups;
  std::vector<dim_t> shape;
};

ReducedAxes parse_axes(const View& x, py::handle axes, bool keepdims, const char* op) {
  std::uint64_t reduced = 0;
  const int rank = x.ndim();
  auto add = [&](py::handle h) {
    const int axis = parse_axis(h, x, op);
    const std::uint64_t bit = std::uint64_t(1) << axis;
    if (reduced & bit) throw py::value_error(concat(op, ": axis ", to_integer(h, op, "axis"), " is given twice"));
    reduced |= bit;
  };
  if (axes.is_none())
    reduced = ~std::uint64_t(0);
  else if (PyTuple_Check(axes.ptr()) || PyList_Check(axes.ptr()))
    for (py::handle h : to_items(axes, op, "axis", "integers")) add(h);
  else
    add(axes);
  ReducedAxes a;
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

py::array integer_reduction_py(Call& call, const View& x, Reduction which, const ReducedAxes& axes) {
  const ReduceOp reduce = which == Reduction::sum       ? ReduceOp::sum
                          : which == Reduction::product ? ReduceOp::product
                          : which == Reduction::max     ? ReduceOp::max
                                                        : ReduceOp::min;
  if (reduce == ReduceOp::min && which != Reduction::min)
    throw py::type_error(concat(call.op(), ": x is ", dtype_name(x.dtype()), "; cast it to float32 or float64"));
  const bool is_unsigned = with_integer(x.dtype(), [](auto t) { return std::is_unsigned_v<decltype(t)>; });
  const Result y = call.result(axes.shape, is_unsigned && x.dtype() != Dtype::boolean ? Dtype::u64 : Dtype::i64);
  const IntegerReduce a{.x = x.data(), .dtype = x.dtype(), .y = data_of(y.array), .groups = axes.groups, .op = reduce};
  run<integer_reduction>("reduction_forward", 2.0 * double(x.size()), a);
  return y;
}

py::object reduction_forward_py(py::handle x_, const std::string& op, py::handle axes_, bool keepdims) {
  Call call(op.c_str());
  const View x = call.first(x_, "x");
  const Reduction which = value_named(op, kReductions, "reduction");
  const ReducedAxes axes = parse_axes(x, axes_, keepdims, call.op());
  if (which == Reduction::max || which == Reduction::min || which == Reduction::logsumexp)
    check(axes.groups.product(true) > 0 || axes.groups.product(false) == 0, op, ": x is ", x.sizes(),
          "; nothing to reduce");
  if (!is_float(x.dtype())) return integer_reduction_py(call, x, which, axes);
  const Result y = call.result(axes.shape);
  const bool variance = which == Reduction::variance;
  const Result mean = variance ? call.result(axes.shape) : y;
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const Reduce<T> a{.x = x.as<T>(), .y = y.as<T>(), .mean = mean.as<T>(), .groups = axes.groups, .op = which};
    run<reduction_forward<T>>("reduction_forward", 2.0 * double(x.size()), a);
  });
  if (variance) return py::make_tuple(y.array, mean.array);
  return y.array;
}

// saved and dy are of the forward's result, with or without the axes that were reduced.
void reduction_backward_py(py::handle x_, py::handle saved_, py::handle dy_, const std::string& op, py::handle axes_,
                           py::handle dx_, int accumulate) {
  Call call(op.c_str(), accumulate);
  const View x = call.first(x_, "x"), saved = call.input_of_any(saved_, "saved"), dy = call.input_of_any(dy_, "dy");
  const Reduction which = value_named(op, kReductions, "reduction");
  const ReducedAxes axes = parse_axes(x, axes_, false, call.op());
  const dim_t kept = axes.groups.product(false);
  check(dy.size() == kept && saved.size() == kept && dy.dtype() == x.dtype() && saved.dtype() == x.dtype(), op,
        ": x is ", x.sizes(), ", saved ", saved.sizes(), ", dy ", dy.sizes());
  const auto dx = call.gradient(dx_, "dx", x.sizes(), 0);
  if (dx.mode == Grad::skip) return;
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const ReduceBackward<T> a{.x = x.as<T>(),
                              .saved = saved.as<T>(),
                              .dy = dy.as<T>(),
                              .dx = dx.as<T>(),
                              .groups = axes.groups,
                              .op = which,
                              .accumulate = dx.mode == Grad::accumulate};
    run<reduction_backward<T>>("reduction_backward", 4.0 * double(x.size()), a);
  });
}

py::array cumsum_forward_py(py::handle x_, py::handle axis) {
  Call call("cumsum");
  const View x = call.first(x_, "x");
  const Along along = parse_along(axis, x, "cumsum");
  const Result y = call.result(x.sizes());
  with_number(x.dtype(), [&]<class T>(T) {
    const CumulativeSum<T> a{.x = x.as<T>(),
                             .y = y.as<T>(),
                             .outer = along.outer,
                             .n = along.n,
                             .inner = along.inner,
                             .reverse = false,
                             .accumulate = false};
    run<cumulative_sum<T>>("cumsum_forward", 4.0 * double(x.size()), a);
  });
  return y;
}

void cumsum_backward_py(py::handle dy_, py::handle axis, py::handle dx_, int accumulate) {
  Call call("cumsum", accumulate);
  const View dy = call.first(dy_, "dy");
  const auto dx = call.gradient(dx_, "dx", dy.sizes(), 0);
  const Along along = parse_along(axis, dy, "cumsum");
  if (dx.mode == Grad::skip) return;
  with_float(dy.dtype(), "cumsum", [&]<class T>(T) {
    const CumulativeSum<T> a{.x = dy.as<T>(),
                             .y = dx.as<T>(),
                             .outer = along.outer,
                             .n = along.n,
                             .inner = along.inner,
                             .reverse = true,
                             .accumulate = dx.mode == Grad::accumulate};
    run<cumulative_sum<T>>("cumsum_backward", 4.0 * double(dy.size()), a);
  });
}

py::array arg_extreme_py(py::handle x_, py::handle axis, bool largest, bool keepdims) {
  Call call(largest ? "argmax" : "argmin");
  const View x = call.first(x_, "x");
  const Along along = parse_along(axis, x, call.op());
  check(along.n > 0, call.op(), ": x is ", x.sizes(), "; axis ", along.axis, " is empty");
  std::vector<dim_t> shape = x.sizes().vector();
  if (keepdims)
    shape[along.axis] = 1;
  else
    shape.erase(shape.begin() + along.axis);
  const bool wide = along.n > (dim_t(1) << 31);
  const Result y = call.result(shape, wide ? Dtype::i64 : Dtype::i32);
  with_number(x.dtype(), [&]<class T>(T) {
    const ArgExtreme<T> a{.x = x.as<T>(),
                          .y = data_of(y.array),
                          .outer = along.outer,
                          .n = along.n,
                          .inner = along.inner,
                          .largest = largest,
                          .wide = wide};
    run<arg_extreme<T>>(call.op(), 4.0 * double(x.size()), a);
  });
  return y;
}

}  // namespace

void bind_reduction(py::module_& m) {
  define(m, "reduction_forward", reduction_forward_py, with_defaults("x, op, axes, keepdims", py::none(), false),
         "sum, mean, prod, max, min, norm, logsumexp or var of x over axes (None: all); var gives (variance, mean).\n"
         "sum, prod, max and min of integers are int64, of unsigned ones uint64.");
  define(m, "reduction_backward", reduction_backward_py, with_defaults("x, saved, dy, op, axes, dx, accumulate", 0),
         "Gradient of reduction_forward; saved: its result, for var the mean. Ties of max and min share dy equally.");
  define(m, "cumsum_forward", cumsum_forward_py, "x, axis", "Cumulative sum along an axis.");
  define(m, "cumsum_backward", cumsum_backward_py, with_defaults("dy, axis, dx, accumulate", 0),
         "Gradient of cumsum_forward.");
  define(m, "arg_extreme_forward", arg_extreme_py, with_defaults("x, axis, largest, keepdims", false),
         "Place of the largest or smallest element along an axis, int32; ties: the first.");
}

}  // namespace lamina
