#include "bind/call.h"
#include "bind/define.h"
#include "bind/direct.h"
#include "bind/families.h"
#include "bind/operand.h"
#include "ops/elementwise.h"

namespace lamina {
namespace {

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
  Call call(op.c_str());
  const View x = call.first(x_, "x");
  const UnaryOp which = value_named(op, kUnary, "unary operation");
  const Result y = call.result(x.sizes());
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const Unary<T> args{.x = x.as<T>(), .y = y.as<T>(), .n = x.size(), .op = which, .a = a, .b = b};
    run<unary<T>>("unary_forward", 4.0 * double(args.n), args);
  });
  return y;
}

void unary_backward_py(py::handle saved_, py::handle dy_, const std::string& op, double a, double b, py::handle dx_,
                       int accumulate) {
  Call call(op.c_str(), accumulate);
  const View saved = call.first(saved_, "saved"), dy = call.input(dy_, "dy", saved.sizes());
  const UnaryOp which = value_named(op, kUnary, "unary operation");
  const auto dx = call.gradient(dx_, "dx", saved.sizes(), 0);
  if (dx.mode == Grad::skip) return;
  with_float(dy.dtype(), call.op(), [&]<class T>(T) {
    const UnaryBackward<T> args{.saved = saved.as<T>(),
                                .dy = dy.as<T>(),
                                .dx = dx.as<T>(),
                                .n = dy.size(),
                                .op = which,
                                .a = a,
                                .b = b,
                                .accumulate = dx.mode == Grad::accumulate};
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
  const BinaryOp which = value_named(op, kBinary, "binary operation");
  Call call(op.c_str());
  const char* name = call.op();
  const Operand o[2] = {operand(call, x_, "x"), operand(call, y_, "y")};
  const Dtype dtype = common_dtype(name, o[0], o[1]);
  check(!relu || which == BinaryOp::add, op, ": only add can be fused with relu");
  NdIterator<2> loops;
  const Result out = call.result(broadcast(name, o, {"x", "y"}, loops), dtype);
  auto arguments = [&]<class T>(T) {
    return Binary<T>{.x = o[0].as<T>(),
                     .y = o[1].as<T>(),
                     .out = out.as<T>(),
                     .x_scalar = o[0].number,
                     .y_scalar = o[1].number,
                     .loops = loops,
                     .op = which,
                     .relu = relu};
  };
  const double work = 4.0 * double(out.size());
  if (!is_float(dtype)) {
    check(dtype != Dtype::boolean, op, ": booleans have no arithmetic; cast to int32");
    check(which != BinaryOp::divide && which != BinaryOp::hypot, op,
          ": integers have no result of their own type; cast to float32");
    check(!relu, op, ": only sums of floats are fused with relu");
    with_integer(dtype, [&]<class T>(T t) {
      expect_range<T>(o[0], name, "x");
      expect_range<T>(o[1], name, "y");
      run<integer_binary<T>>("binary_forward", work, arguments(t));
    });
    return out;
  }
  with_float(dtype, name, [&](auto t) { run<binary<decltype(t)>>("binary_forward", work, arguments(t)); });
  return out;
}

// A gradient's destination: the operand's shape and the call's type, none for a number.
GradientArray operand_gradient(Call& call, py::handle h, const char* name, const Operand& like, int bit) {
  return like.v ? call.gradient(h, name, like.v->sizes(), bit) : GradientArray{};
}

void binary_backward_py(py::handle x_, py::handle y_, py::handle dy_, const std::string& op, py::handle dx_,
                        py::handle dy2_, int accumulate) {
  const BinaryOp which = value_named(op, kBinary, "binary operation");
  Call call(op.c_str(), accumulate);
  const char* name = call.op();
  const View dy = call.first(dy_, "dy");
  const Operand o[2] = {operand(call, x_, "x"), operand(call, y_, "y")};
  const Dtype dtype = common_dtype(name, o[0], o[1]);
  NdIterator<2> loops;
  const std::vector<dim_t> shape = broadcast(name, o, {"x", "y"}, loops);
  if (!dy.sizes().fit(shape) || dy.dtype() != dtype)
    throw py::value_error(concat(op, ": dy is ", dy.sizes(), " but x is ", o[0].text(), " and y ", o[1].text()));
  const auto dx = operand_gradient(call, dx_, "dx", o[0], 0), dy2 = operand_gradient(call, dy2_, "dy_", o[1], 1);
  with_float(dtype, name, [&]<class T>(T) {
    const BinaryBackward<T> a{.x = o[0].as<T>(),
                              .y = o[1].as<T>(),
                              .dy = dy.as<T>(),
                              .x_scalar = o[0].number,
                              .y_scalar = o[1].number,
                              .dx = dx.as<T>(),
                              .dy_ = dy2.as<T>(),
                              .loops = loops,
                              .op = which};
    run<binary_backward<T>>("binary_backward", 8.0 * double(dy.size()), a);
  });
}

void unbroadcast_py(py::handle dy_, py::handle dx_, double scale, bool accumulate) {
  Call call("unbroadcast");
  const View dy = call.first(dy_, "dy"), dx = call.destination_of_any_shape(dx_, "dx");
  Groups groups;
  bool fits = dx.ndim() <= dy.ndim();
  for (int i = 0; fits && i < dy.ndim(); i++) {
    const int j = i - dy.ndim() + dx.ndim();
    const dim_t n = j < 0 ? 1 : dx.dim(j);
    fits = n == 1 || n == dy.dim(i);
    groups.append(dy.dim(i), n == 1);
  }
  check(fits, "unbroadcast: dx is ", dx.sizes(), ", dy ", dy.sizes());
  with_float(dy.dtype(), "unbroadcast", [&]<class T>(T) {
    const Unbroadcast<T> a{
        .dy = dy.as<T>(), .dx = dx.as<T>(), .groups = groups, .scale = scale, .accumulate = accumulate};
    run<unbroadcast<T>>("unbroadcast", 4.0 * double(dy.size()), a);
  });
}

py::array relu_gradient_py(py::handle y_, py::handle dy_) {
  Call call("relu_gradient");
  const View y = call.first(y_, "y"), dy = call.input(dy_, "dy", y.sizes());
  const Result dz = call.result(y.sizes());
  with_float(y.dtype(), "relu_gradient", [&]<class T>(T) {
    const ReluGradient<T> a{.y = y.as<T>(), .dy = dy.as<T>(), .dz = dz.as<T>(), .n = y.size()};
    run<relu_gradient<T>>("relu_gradient", 4.0 * double(y.size()), a);
  });
  return dz;
}

py::array compare_forward_py(py::handle x_, py::handle y_, const std::string& op) {
  const Comparison which = value_named(op, kCompare, "comparison operation");
  Call call(op.c_str());
  const Operand o[2] = {operand(call, x_, "x"), operand(call, y_, "y")};
  const Dtype dtype = common_dtype(call.op(), o[0], o[1]);
  NdIterator<2> loops;
  const Result out = call.result(broadcast(call.op(), o, {"x", "y"}, loops), Dtype::boolean);
  with_number(dtype, [&]<class T>(T) {
    expect_range<T>(o[0], call.op(), "x");
    expect_range<T>(o[1], call.op(), "y");
    const Compare<T> a{.x = o[0].as<T>(),
                       .y = o[1].as<T>(),
                       .out = out.as<std::uint8_t>(),
                       .x_scalar = o[0].number,
                       .y_scalar = o[1].number,
                       .loops = loops,
                       .op = which};
    run<compare<T>>("compare_forward", 4.0 * double(out.size()), a);
  });
  return out;
}

Operand condition_of(Call& call, py::handle h) {
  Operand c{call.input_of_any(h, "condition"), {}};
  if (c.v->dtype() != Dtype::boolean && c.v->dtype() != Dtype::u8)
    throw py::type_error(concat("where: condition is ", dtype_name(c.v->dtype()), ", expected bool"));
  return c;
}

py::array where_forward_py(py::handle condition_, py::handle x_, py::handle y_) {
  Call call("where");
  const Operand o[3] = {condition_of(call, condition_), operand(call, x_, "x"), operand(call, y_, "y")};
  const Dtype dtype = common_dtype("where", o[1], o[2]);
  NdIterator<3> loops;
  const Result out = call.result(broadcast("where", o, {"condition", "x", "y"}, loops), dtype);
  with_number(dtype, [&]<class T>(T) {
    expect_range<T>(o[1], "where", "x");
    expect_range<T>(o[2], "where", "y");
    const Where<T> a{.condition = o[0].as<std::uint8_t>(),
                     .x = o[1].as<T>(),
                     .y = o[2].as<T>(),
                     .out = out.as<T>(),
                     .x_scalar = o[1].number,
                     .y_scalar = o[2].number,
                     .loops = loops};
    run<where<T>>("where_forward", 4.0 * double(out.size()), a);
  });
  return out;
}

void where_backward_py(py::handle condition_, py::handle x_, py::handle y_, py::handle dy_, py::handle dx_,
                       py::handle dy2_, int accumulate) {
  Call call("where", accumulate);
  const View dy = call.first(dy_, "dy");
  const Operand o[3] = {condition_of(call, condition_), operand(call, x_, "x"), operand(call, y_, "y")};
  common_dtype("where", o[1], o[2]);
  NdIterator<3> loops;
  const std::vector<dim_t> shape = broadcast("where", o, {"condition", "x", "y"}, loops);
  expect(dy, "where", "dy", shape, dy.dtype());
  const auto dx = operand_gradient(call, dx_, "dx", o[1], 0), dy2 = operand_gradient(call, dy2_, "dy_", o[2], 1);
  with_float(dy.dtype(), "where", [&]<class T>(T) {
    const WhereBackward<T> a{
        .condition = o[0].as<std::uint8_t>(), .dy = dy.as<T>(), .dx = dx.as<T>(), .dy_ = dy2.as<T>(), .loops = loops};
    run<where_backward<T>>("where_backward", 8.0 * double(dy.size()), a);
  });
}

py::array classify_forward_py(py::handle x_, const std::string& op) {
  const Test test = value_named(op, kTests, "test operation");
  Call call(op.c_str());
  const View x = call.first(x_, "x");
  const Result y = call.result(x.sizes(), Dtype::boolean);
  with_float(x.dtype(), call.op(), [&]<class T>(T) {
    const Classify<T> a{.x = x.as<T>(), .out = y.as<std::uint8_t>(), .n = x.size(), .test = test};
    run<classify<T>>("classify_forward", double(x.size()), a);
  });
  return y;
}

// The operations that may ask for results of their type; a step keeps the name.
constexpr const char* kNarrowed[] = {"sum",          "prod",    "cumprod",        "count_nonzero", "segment_sum",
                                     "segment_prod", "scatter", "scatter_update", "bincount",      "matmul"};

py::array cast_forward_py(py::handle x_, py::handle dtype_, const std::string& narrowed) {
  Call call("cast");
  const View x = call.first(x_, "x");
  const Result y = call.result(x.sizes(), parse_dtype(dtype_, "cast"));
  const char* op = nullptr;
  for (const char* name : kNarrowed)
    if (narrowed == name) op = name;
  check(op || narrowed.empty(), "cast: narrowed is '", narrowed, "', which is no operation that narrows its result");
  const Cast a{.x = x.data(),
               .y = data_of(y.array),
               .n = x.size(),
               .from = x.dtype(),
               .to = y.dtype,
               .accumulate = false,
               .op = op};
  run<cast>("cast_forward", 2.0 * double(x.size()), a);
  return y;
}

void cast_backward_py(py::handle dy_, py::handle dx_, int accumulate) {
  Call call("cast", accumulate);
  const View dy = call.input_of_any(dy_, "dy");
  if (dx_.is_none()) return;
  const View dx = call.first_destination(dx_, "dx");
  expect(dx, "cast", "dx", dy.sizes(), dx.dtype());
  for (const View* v : {&dy, &dx}) with_float(v->dtype(), "cast", [](auto) {});
  const Cast a{.x = dy.data(),
               .y = dx.data(),
               .n = dx.size(),
               .from = dy.dtype(),
               .to = dx.dtype(),
               .accumulate = call.mode(0) == Grad::accumulate};
  check(!a.accumulate || a.from != a.to, "cast: dy and dx are both ", dtype_name(a.from));
  run<cast>("cast_backward", 2.0 * double(dx.size()), a);
}

}  // namespace

void bind_elementwise(py::module_& m) {
  bind_direct(m);
  define(m, "unary_forward", unary_forward_py, with_defaults("x, op, a, b", 0.0, 0.0),
         "op(x) element by element; a, b: the bounds of clip and saturate.");
  define(m, "unary_backward", unary_backward_py, with_defaults("saved, dy, op, a, b, dx, accumulate", 0),
         "Gradient of unary_forward; saved: the result for reciprocal, sqrt, rsqrt, exp, else x.");
  define(m, "binary_forward", binary_forward_py, with_defaults("x, y, op, relu", false),
         "op(x, y) with broadcasting; one operand may be a number. relu (of add): relu(x + y).");
  define(m, "binary_backward", binary_backward_py, with_defaults("x, y, dy, op, dx, dy_, accumulate", 0),
         "Gradients of binary_forward without relu, summed over broadcast axes.");
  define(m, "unbroadcast", unbroadcast_py, with_defaults("dy, dx, scale, accumulate", 1.0, false),
         "dx (+)= scale * dy, summed over the axes along which dx broadcasts to dy.");
  define(m, "relu_gradient", relu_gradient_py, "y, dy", "dy where y > 0, else 0.");
  define(m, "compare_forward", compare_forward_py, "x, y, op",
         "A comparison or logical operation with broadcasting; the result is bool.");
  define(m, "where_forward", where_forward_py, "condition, x, y",
         "condition ? x : y with broadcasting; x or y may be a number.");
  define(m, "where_backward", where_backward_py, with_defaults("condition, x, y, dy, dx, dy_, accumulate", 0),
         "Gradients of where_forward.");
  define(m, "classify_forward", classify_forward_py, "x, op", "isfinite, isnan or isinf.");
  define(m, "cast_forward", cast_forward_py, with_defaults("x, dtype, narrowed", ""),
         "x in another type. narrowed: the operation whose integers must all fit into it, else a ValueError.");
  define(m, "cast_backward", cast_backward_py, with_defaults("dy, dx, accumulate", 0),
         "The gradient of a conversion between float types.");
}

}  // namespace lamina
