#include "bind/array.h"
#include "bind/families.h"
#include "bind/operand.h"
#include "ops/elementwise.h"

namespace lamina {
namespace {

template <class Op, std::size_t N>
Op parse(const std::string& name, const std::pair<const char*, Op> (&table)[N], const char* what) {
  for (const auto& [key, op] : table)
    if (name == key) return op;
  std::string all;
  for (const auto& entry : table) all += concat(all.empty() ? "" : ", ", entry.first);
  throw py::value_error(concat("no ", what, " operation '", name, "'; there are ", all));
}

constexpr std::pair<const char*, UnaryOp> kUnary[] = {
    {"negative", UnaryOp::negative}, {"reciprocal", UnaryOp::reciprocal},
    {"square", UnaryOp::square},     {"sqrt", UnaryOp::sqrt},
    {"rsqrt", UnaryOp::rsqrt},       {"abs", UnaryOp::abs},
    {"sign", UnaryOp::sign},         {"exp", UnaryOp::exp},
    {"expm1", UnaryOp::expm1},       {"log", UnaryOp::log},
    {"log1p", UnaryOp::log1p},       {"sin", UnaryOp::sin},
    {"cos", UnaryOp::cos},           {"erf", UnaryOp::erf},
    {"floor", UnaryOp::floor},       {"ceil", UnaryOp::ceil},
    {"round", UnaryOp::round},       {"clip", UnaryOp::clip},
    {"saturate", UnaryOp::saturate},
};
constexpr std::pair<const char*, BinaryOp> kBinary[] = {
    {"add", BinaryOp::add},           {"subtract", BinaryOp::subtract},
    {"multiply", BinaryOp::multiply}, {"divide", BinaryOp::divide},
    {"power", BinaryOp::power},       {"maximum", BinaryOp::maximum},
    {"minimum", BinaryOp::minimum},   {"floor_divide", BinaryOp::floor_divide},
    {"mod", BinaryOp::mod},           {"hypot", BinaryOp::hypot},
};
constexpr std::pair<const char*, Comparison> kCompare[] = {
    {"equal", Comparison::equal},
    {"not_equal", Comparison::not_equal},
    {"less", Comparison::less},
    {"less_equal", Comparison::less_equal},
    {"logical_and", Comparison::logical_and},
    {"logical_or", Comparison::logical_or},
    {"logical_xor", Comparison::logical_xor},
};
constexpr std::pair<const char*, Test> kTests[] = {
    {"isfinite", Test::finite}, {"isnan", Test::nan}, {"isinf", Test::inf}};

py::array unary_forward_py(py::handle x_, const std::string& op, double a, double b) {
  const View x = input(x_, op.c_str(), "x");
  const UnaryOp which = parse(op, kUnary, "unary");
  py::array y = empty_like(x);
  with_float(x.dtype(), op.c_str(), [&](auto t) {
    using T = decltype(t);
    const Unary<T> args{x.as<T>(), static_cast<T*>(data_of(y)), x.size(), which, a, b};
    run<unary<T>>("unary_forward", 4.0 * double(args.n), args);
  });
  return y;
}

void unary_backward_py(py::handle saved_, py::handle dy_, const std::string& op, double a, double b, py::handle dx_,
                       int accumulate) {
  const View saved = input(saved_, op.c_str(), "saved"), dy = input(dy_, op.c_str(), "dy");
  const UnaryOp which = parse(op, kUnary, "unary");
  expect_like(dy, op.c_str(), "dy", saved);
  const auto dx = gradient(dx_, op.c_str(), "dx", saved, accumulate, 0);
  if (dx.mode == Grad::skip) return;
  with_float(dy.dtype(), op.c_str(), [&](auto t) {
    using T = decltype(t);
    const UnaryBackward<T> args{saved.as<T>(), dy.as<T>(), dx.as<T>(), dy.size(),
                                which,         a,          b,          dx.mode == Grad::accumulate};
    run<unary_backward<T>>("unary_backward", 4.0 * double(args.n), args);
  });
}

// The type of two operands; numbers take the other's.
Dtype common_dtype(const char* op, const Operand& x, const Operand& y) {
  check(x.v || y.v, op, ": expected an array, got two numbers");
  const Dtype d = x.v ? x.v->dtype() : y.v->dtype();
  if (y.v && y.v->dtype() != d)
    throw py::type_error(
        concat(op, ": x is ", dtype_name(d), ", y is ", dtype_name(y.v->dtype()), "; convert one with .astype()"));
  return d;
}

py::array binary_forward_py(py::handle x_, py::handle y_, const std::string& op, bool relu) {
  const char* name = op.c_str();
  const BinaryOp which = parse(op, kBinary, "binary");
  const Operand o[2] = {operand(x_, name, "x"), operand(y_, name, "y")};
  const Dtype dtype = common_dtype(name, o[0], o[1]);
  check(!relu || which == BinaryOp::add, op, ": only add can be fused with relu");
  Loops<2> loops;
  py::array out = empty(broadcast(name, o, {"x", "y"}, loops), dtype);
  auto submit_as = [&](auto t, auto call) {
    using T = decltype(t);
    call(Binary<T>{o[0].as<T>(), o[1].as<T>(), static_cast<T*>(data_of(out)), o[0].number, o[1].number, loops, which,
                   relu});
  };
  const double work = 4.0 * double(out.size());
  if (!is_float(dtype)) {
    check(dtype != Dtype::boolean, op, ": booleans have no arithmetic; cast to int32");
    check(which != BinaryOp::divide && which != BinaryOp::hypot, op,
          ": integers have no result of their own type; cast to float32");
    with_integer(dtype, [&](auto t) {
      using T = decltype(t);
      expect_range<T>(o[0], name, "x");
      expect_range<T>(o[1], name, "y");
      submit_as(t, [&](auto a) { run<integer_binary<T>>("binary_forward", work, a); });
    });
    return out;
  }
  with_float(dtype, name,
             [&](auto t) { submit_as(t, [&](auto a) { run<binary<decltype(t)>>("binary_forward", work, a); }); });
  return out;
}

// A gradient's destination: the operand's shape, none for a number.
GradientArray operand_gradient(py::handle h, const char* op, const char* name, const Operand& like, int accumulate,
                               int bit) {
  if (!like.v || h.is_none()) return {std::nullopt, Grad::skip};
  return gradient(h, op, name, *like.v, accumulate, bit);
}

void binary_backward_py(py::handle x_, py::handle y_, py::handle dy_, const std::string& op, py::handle dx_,
                        py::handle dy2_, int accumulate) {
  const char* name = op.c_str();
  const BinaryOp which = parse(op, kBinary, "binary");
  const Operand o[2] = {operand(x_, name, "x"), operand(y_, name, "y")};
  const View dy = input(dy_, name, "dy");
  const Dtype dtype = common_dtype(name, o[0], o[1]);
  Loops<2> loops;
  const std::vector<dim_t> shape = broadcast(name, o, {"x", "y"}, loops);
  bool same = dy.ndim() == static_cast<int>(shape.size()) && dy.dtype() == dtype;
  for (int i = 0; same && i < dy.ndim(); i++) same = dy.dim(i) == shape[i];
  check(same, op, ": dy is ", dy.shape_string(), " but x is ", o[0].text(), " and y ", o[1].text());
  const auto dx = operand_gradient(dx_, name, "dx", o[0], accumulate, 0);
  const auto dy2 = operand_gradient(dy2_, name, "dy_", o[1], accumulate, 1);
  with_float(dtype, name, [&](auto t) {
    using T = decltype(t);
    const BinaryBackward<T> a{o[0].as<T>(), o[1].as<T>(), dy.as<T>(), o[0].number, o[1].number, dx.as<T>(),
                              dy2.as<T>(),  dx.mode,      dy2.mode,   loops,       which};
    run<binary_backward<T>>("binary_backward", 8.0 * double(dy.size()), a);
  });
}

void unbroadcast_py(py::handle dy_, py::handle dx_, double scale, bool accumulate) {
  const View dy = input(dy_, "unbroadcast", "dy"), dx = output(dx_, "unbroadcast", "dx");
  Groups groups;
  bool fits = dx.dtype() == dy.dtype() && dx.ndim() <= dy.ndim();
  for (int i = 0; fits && i < dy.ndim(); i++) {
    const int j = i - dy.ndim() + dx.ndim();
    const dim_t n = j < 0 ? 1 : dx.dim(j);
    fits = n == 1 || n == dy.dim(i);
    groups.append(dy.dim(i), n == 1);
  }
  check(fits, "unbroadcast: dx is ", dx.shape_string(), ", dy ", dy.shape_string());
  with_float(dy.dtype(), "unbroadcast", [&](auto t) {
    using T = decltype(t);
    const Unbroadcast<T> a{dy.as<T>(), dx.as<T>(), groups, scale, accumulate};
    run<unbroadcast<T>>("unbroadcast", 4.0 * double(dy.size()), a);
  });
}

py::array relu_gradient_py(py::handle y_, py::handle dy_) {
  const View y = input(y_, "relu_gradient", "y"), dy = input(dy_, "relu_gradient", "dy");
  expect_like(dy, "relu_gradient", "dy", y);
  py::array dz = empty_like(y);
  with_float(y.dtype(), "relu_gradient", [&](auto t) {
    using T = decltype(t);
    const ReluGradient<T> a{y.as<T>(), dy.as<T>(), static_cast<T*>(data_of(dz)), y.size()};
    run<relu_gradient<T>>("relu_gradient", 4.0 * double(y.size()), a);
  });
  return dz;
}

py::array compare_forward_py(py::handle x_, py::handle y_, const std::string& op) {
  const char* name = op.c_str();
  const Comparison which = parse(op, kCompare, "comparison");
  const Operand o[2] = {operand(x_, name, "x"), operand(y_, name, "y")};
  const Dtype dtype = common_dtype(name, o[0], o[1]);
  Loops<2> loops;
  py::array out = empty(broadcast(name, o, {"x", "y"}, loops), Dtype::boolean);
  with_number(dtype, [&](auto t) {
    using T = decltype(t);
    expect_range<T>(o[0], name, "x");
    expect_range<T>(o[1], name, "y");
    const Compare<T> a{o[0].as<T>(), o[1].as<T>(), static_cast<unsigned char*>(data_of(out)), o[0].number, o[1].number,
                       loops,        which};
    run<compare<T>>("compare_forward", 4.0 * double(out.size()), a);
  });
  return out;
}

Operand condition_of(py::handle h) {
  Operand c{input(h, "where", "condition"), {}};
  if (c.v->dtype() != Dtype::boolean && c.v->dtype() != Dtype::u8)
    throw py::type_error(concat("where: condition is ", dtype_name(c.v->dtype()), ", expected bool"));
  return c;
}

py::array where_forward_py(py::handle condition_, py::handle x_, py::handle y_) {
  const Operand o[3] = {condition_of(condition_), operand(x_, "where", "x"), operand(y_, "where", "y")};
  const Dtype dtype = common_dtype("where", o[1], o[2]);
  Loops<3> loops;
  py::array out = empty(broadcast("where", o, {"condition", "x", "y"}, loops), dtype);
  with_number(dtype, [&](auto t) {
    using T = decltype(t);
    expect_range<T>(o[1], "where", "x");
    expect_range<T>(o[2], "where", "y");
    const Where<T> a{o[0].as<unsigned char>(),
                     o[1].as<T>(),
                     o[2].as<T>(),
                     static_cast<T*>(data_of(out)),
                     o[1].number,
                     o[2].number,
                     loops};
    run<where<T>>("where_forward", 4.0 * double(out.size()), a);
  });
  return out;
}

void where_backward_py(py::handle condition_, py::handle x_, py::handle y_, py::handle dy_, py::handle dx_,
                       py::handle dy2_, int accumulate) {
  const Operand o[3] = {condition_of(condition_), operand(x_, "where", "x"), operand(y_, "where", "y")};
  const View dy = input(dy_, "where", "dy");
  Loops<3> loops;
  const std::vector<dim_t> shape = broadcast("where", o, {"condition", "x", "y"}, loops);
  dim_t n = 1;
  for (dim_t s : shape) n *= s;
  check(dy.size() == n, "where: dy is ", dy.shape_string());
  const auto dx = operand_gradient(dx_, "where", "dx", o[1], accumulate, 0);
  const auto dy2 = operand_gradient(dy2_, "where", "dy_", o[2], accumulate, 1);
  with_float(dy.dtype(), "where", [&](auto t) {
    using T = decltype(t);
    const WhereBackward<T> a{o[0].as<unsigned char>(), dy.as<T>(), dx.as<T>(), dy2.as<T>(), dx.mode, dy2.mode, loops};
    run<where_backward<T>>("where_backward", 8.0 * double(n), a);
  });
}

py::array classify_forward_py(py::handle x_, const std::string& op) {
  const View x = input(x_, op.c_str(), "x");
  const Test test = parse(op, kTests, "test");
  py::array y = empty(std::vector<dim_t>(x.shape(), x.shape() + x.ndim()), Dtype::boolean);
  with_float(x.dtype(), op.c_str(), [&](auto t) {
    using T = decltype(t);
    const Classify<T> a{x.as<T>(), static_cast<unsigned char*>(data_of(y)), x.size(), test};
    run<classify<T>>("classify_forward", double(x.size()), a);
  });
  return y;
}

// The operations that may ask for results of their type; a step keeps the name.
constexpr const char* kNarrowed[] = {"sum",         "prod",    "cumprod",  "count_nonzero",
                                     "segment_sum", "scatter", "bincount", "matmul"};

py::array cast_forward_py(py::handle x_, py::handle dtype_, const std::string& narrowed) {
  const View x = input(x_, "cast", "x");
  const Dtype to = parse_dtype(dtype_, "cast");
  const char* op = nullptr;
  for (const char* name : kNarrowed)
    if (narrowed == name) op = name;
  py::array y = empty(std::vector<dim_t>(x.shape(), x.shape() + x.ndim()), to);
  const Cast a{x.data(), data_of(y), x.size(), x.dtype(), to, false, op};
  run<cast>("cast_forward", 2.0 * double(x.size()), a);
  return y;
}

void cast_backward_py(py::handle dy_, py::handle dx_, int accumulate) {
  if (dx_.is_none()) return;
  const View dy = input(dy_, "cast", "dy"), dx = output(dx_, "cast", "dx");
  check(dx.size() == dy.size(), "cast: dx is ", dx.shape_string(), ", dy ", dy.shape_string());
  const Cast a{dy.data(), dx.data(), dx.size(), dy.dtype(), dx.dtype(), (accumulate & 1) != 0};
  check(!a.accumulate || a.from != a.to, "cast: dy and dx are both ", dtype_name(a.from));
  run<cast>("cast_backward", 2.0 * double(dx.size()), a);
}

}  // namespace

void bind_elementwise(py::module_& m) {
  m.def("unary_forward", unary_forward_py, py::arg("x"), py::arg("op"), py::arg("a") = 0.0, py::arg("b") = 0.0,
        "op(x) element by element; a, b: the bounds of clip and saturate.");
  m.def("unary_backward", unary_backward_py, py::arg("saved"), py::arg("dy"), py::arg("op"), py::arg("a"), py::arg("b"),
        py::arg("dx"), py::arg("accumulate") = 0,
        "Gradient of unary_forward; saved: the result for reciprocal, sqrt, rsqrt, exp, else x.");
  m.def("binary_forward", binary_forward_py, py::arg("x"), py::arg("y"), py::arg("op"), py::arg("relu") = false,
        "op(x, y) with broadcasting; one operand may be a number. relu (of add): relu(x + y).");
  m.def("binary_backward", binary_backward_py, py::arg("x"), py::arg("y"), py::arg("dy"), py::arg("op"), py::arg("dx"),
        py::arg("dy_"), py::arg("accumulate") = 0,
        "Gradients of binary_forward without relu, summed over broadcast axes.");
  m.def("unbroadcast", unbroadcast_py, py::arg("dy"), py::arg("dx"), py::arg("scale") = 1.0,
        py::arg("accumulate") = false, "dx (+)= scale * dy, summed over the axes along which dx broadcasts to dy.");
  m.def("relu_gradient", relu_gradient_py, py::arg("y"), py::arg("dy"), "dy where y > 0, else 0.");
  m.def("compare_forward", compare_forward_py, py::arg("x"), py::arg("y"), py::arg("op"),
        "A comparison or logical operation with broadcasting; the result is bool.");
  m.def("where_forward", where_forward_py, py::arg("condition"), py::arg("x"), py::arg("y"),
        "condition ? x : y with broadcasting; x or y may be a number.");
  m.def("where_backward", where_backward_py, py::arg("condition"), py::arg("x"), py::arg("y"), py::arg("dy"),
        py::arg("dx"), py::arg("dy_"), py::arg("accumulate") = 0, "Gradients of where_forward.");
  m.def("classify_forward", classify_forward_py, py::arg("x"), py::arg("op"), "isfinite, isnan or isinf.");
  m.def("cast_forward", cast_forward_py, py::arg("x"), py::arg("dtype"), py::arg("narrowed") = "",
        "x in another type. narrowed: the operation whose integers must all fit into it, else a ValueError.");
  m.def("cast_backward", cast_backward_py, py::arg("dy"), py::arg("dx"), py::arg("accumulate") = 0,
        "The gradient of a conversion between float types.");
}

}  // namespace lamina
