#include "bind/array.h"
#include "bind/families.h"
#include "bind/indices.h"
#include "ops/loss.h"

namespace lamina {
namespace {

// Predictions (..., C) and what they are measured against.
struct Classes {
  View x, labels;
  std::optional<View> weights;
  bool sparse;
  dim_t N, C;
};

Classes parse_classes(py::handle x_, py::handle labels_, py::handle weights_, const char* op) {
  Classes c{input(x_, op, "x"), input(labels_, op, "labels"), optional_input(weights_, op, "weights"), false, 0, 0};
  const View &x = c.x, &labels = c.labels;
  check(x.ndim() >= 1 && x.dim(-1) > 0, op, ": x must be (..., classes), got ", x.shape_string());
  c.N = x.rows(), c.C = x.dim(-1);
  c.sparse = labels.dtype() == Dtype::i32 || labels.dtype() == Dtype::i64;
  const int axes = c.sparse ? x.ndim() - 1 : x.ndim();
  bool same = labels.ndim() == axes;
  for (int i = 0; same && i < axes; i++) same = labels.dim(i) == x.dim(i);
  check(same, op, ": x is ", x.shape_string(), ", labels are ", labels.shape_string(), " of ",
        dtype_name(labels.dtype()), "; expected integers of x's shape without the last axis, or floats of x's shape");
  if (!c.sparse && labels.dtype() != x.dtype())
    throw py::type_error(concat(op, ": labels are ", dtype_name(labels.dtype()), ", x is ", dtype_name(x.dtype())));
  if (c.weights)
    check(c.weights->dtype() == x.dtype() && c.weights->size() == c.N, op, ": weights are ", c.weights->shape_string(),
          " of ", dtype_name(c.weights->dtype()), ", expected one ", dtype_name(x.dtype()), " for each of ", c.N,
          " rows");
  return c;
}

py::tuple cross_entropy_forward_py(py::handle x_, py::handle labels_, py::handle weights_, bool from_logits,
                                   double label_smoothing, py::handle ignore_class, bool mean, bool want_gradient) {
  const char* op = from_logits ? "softmax_cross_entropy" : "categorical_cross_entropy";
  const Classes c = parse_classes(x_, labels_, weights_, op);
  check(label_smoothing >= 0 && label_smoothing <= 1, op, ": label_smoothing must be within 0..1, got ",
        label_smoothing);
  const bool has_ignored = !ignore_class.is_none();
  check(!has_ignored || c.sparse, op, ": ignore_class goes with integer labels");
  std::vector<dim_t> shape(c.x.shape(), c.x.shape() + c.x.ndim() - 1);
  py::array losses = empty(mean ? std::vector<dim_t>{} : shape, c.x.dtype());
  py::object gradient = want_gradient ? py::object(empty_like(c.x)) : py::none();
  const dim_t ignored = has_ignored ? py::cast<dim_t>(ignore_class) : 0;
  with_float(c.x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    T* to = want_gradient ? static_cast<T*>(data_of(py::reinterpret_borrow<py::array>(gradient))) : nullptr;
    const CrossEntropy<T> a{c.x.as<T>(),
                            c.sparse ? parse_indices(c.labels, op, "labels") : Indices{},
                            c.sparse ? nullptr : c.labels.as<T>(),
                            c.weights ? c.weights->as<T>() : nullptr,
                            static_cast<T*>(data_of(losses)),
                            to,
                            c.N,
                            c.C,
                            ignored,
                            label_smoothing,
                            from_logits,
                            has_ignored,
                            mean};
    run<cross_entropy<T>>(op, 20.0 * double(c.x.size()), a);
  });
  return py::make_tuple(losses, gradient);
}

void cross_entropy_backward_py(py::handle gradient_, py::handle dy_, py::handle dx_, int accumulate) {
  const View g = input(gradient_, "cross_entropy", "gradient"), dy = input(dy_, "cross_entropy", "dy");
  const bool mean = dy.ndim() == 0 && g.ndim() != 1;
  check(mean || dy.ndim() == 0 || dy.ndim() == g.ndim() - 1, "cross_entropy: dy is ", dy.shape_string());
  check(mean || dy.size() == g.rows(), "cross_entropy: dy is ", dy.shape_string(), ", the gradient ", g.shape_string());
  const auto dx = gradient(dx_, "cross_entropy", "dx", g, accumulate, 0);
  if (dx.mode == Grad::skip) return;
  with_float(g.dtype(), "cross_entropy", [&](auto t) {
    using T = decltype(t);
    const CrossEntropyBackward<T> a{
        g.as<T>(), dy.as<T>(), dx.as<T>(), g.rows(), g.dim(-1), mean, dx.mode == Grad::accumulate};
    run<cross_entropy_backward<T>>("cross_entropy_backward", 4.0 * double(g.size()), a);
  });
}

constexpr std::pair<const char*, PointLoss> kLosses[] = {
    {"squared", PointLoss::squared}, {"absolute", PointLoss::absolute},
    {"huber", PointLoss::huber},     {"log_cosh", PointLoss::log_cosh},
    {"binary", PointLoss::binary},   {"binary_logits", PointLoss::binary_logits},
    {"kl", PointLoss::kl},           {"poisson", PointLoss::poisson},
};

PointLoss parse_loss(const std::string& name) {
  for (const auto& [key, loss] : kLosses)
    if (name == key) return loss;
  throw py::value_error(concat("no loss '", name, "'; there are squared, absolute, huber, log_cosh, binary, ",
                               "binary_logits, kl, poisson"));
}

PointReduction parse_reduction(const std::string& name) {
  if (name == "none") return PointReduction::none;
  if (name == "rows") return PointReduction::rows;
  if (name == "all") return PointReduction::all;
  throw py::value_error(concat("no reduction '", name, "'; there are none, rows, all"));
}

// x and t as rows: of the last axis, or all as one.
struct Points {
  View x, t;
  dim_t N, C;
};
Points parse_points(py::handle x_, py::handle t_, PointReduction reduction, const char* op) {
  Points p{input(x_, op, "x"), input(t_, op, "t"), 1, 1};
  expect_like(p.t, op, "t", p.x);
  p.C = p.x.size();
  if (reduction == PointReduction::rows && p.x.ndim() > 0) p.N = p.x.rows(), p.C = p.x.dim(-1);
  return p;
}

py::array point_loss_forward_py(py::handle x_, py::handle t_, const std::string& loss, const std::string& reduction,
                                double scale, double delta) {
  const PointLoss which = parse_loss(loss);
  const PointReduction how = parse_reduction(reduction);
  const Points p = parse_points(x_, t_, how, loss.c_str());
  std::vector<dim_t> shape(p.x.shape(), p.x.shape() + p.x.ndim());
  if (how == PointReduction::all)
    shape.clear();
  else if (how == PointReduction::rows && !shape.empty())
    shape.pop_back();
  py::array y = empty(shape, p.x.dtype());
  with_float(p.x.dtype(), loss.c_str(), [&](auto t) {
    using T = decltype(t);
    const PointLosses<T> a{p.x.as<T>(), p.t.as<T>(), static_cast<T*>(data_of(y)), p.N, p.C, which, how, delta, scale};
    run<point_loss<T>>("point_loss_forward", 8.0 * double(p.x.size()), a);
  });
  return y;
}

void point_loss_backward_py(py::handle x_, py::handle t_, py::handle dy_, const std::string& loss,
                            const std::string& reduction, double scale, double delta, py::handle dx_, py::handle dt_,
                            int accumulate) {
  const PointLoss which = parse_loss(loss);
  const PointReduction how = parse_reduction(reduction);
  const char* op = loss.c_str();
  const Points p = parse_points(x_, t_, how, op);
  const View dy = input(dy_, op, "dy");
  const dim_t expected = how == PointReduction::none ? p.x.size() : how == PointReduction::rows ? p.N : 1;
  check(dy.size() == expected && dy.dtype() == p.x.dtype(), op, ": dy is ", dy.shape_string(), ", x ",
        p.x.shape_string());
  const auto dx = gradient(dx_, op, "dx", p.x, accumulate, 0), dt = gradient(dt_, op, "dt", p.t, accumulate, 1);
  with_float(p.x.dtype(), op, [&](auto t) {
    using T = decltype(t);
    const PointLossesBackward<T> a{p.x.as<T>(), p.t.as<T>(), dy.as<T>(), dx.as<T>(), dt.as<T>(), dx.mode, dt.mode,
                                   p.N,         p.C,         which,      how,        delta,      scale};
    run<point_loss_backward<T>>("point_loss_backward", 8.0 * double(p.x.size()), a);
  });
}

}  // namespace

void bind_loss(py::module_& m) {
  m.def("cross_entropy_forward", cross_entropy_forward_py, py::arg("x"), py::arg("labels"),
        py::arg("weights") = py::none(), py::arg("from_logits") = true, py::arg("label_smoothing") = 0.0,
        py::arg("ignore_class") = py::none(), py::arg("mean") = false, py::arg("want_gradient") = true,
        "(losses, gradient or None) of logits or probabilities x (..., C) with integer labels (...) or targets (..., "
        "C).");
  m.def("cross_entropy_backward", cross_entropy_backward_py, py::arg("gradient"), py::arg("dy"), py::arg("dx"),
        py::arg("accumulate") = 0, "dx = gradient * dy, dy one a row or one for the mean.");
  m.def("point_loss_forward", point_loss_forward_py, py::arg("x"), py::arg("t"), py::arg("loss"),
        py::arg("reduction") = "none", py::arg("scale") = 1.0, py::arg("delta") = 1.0,
        "Losses of predictions x against targets t of one shape: reduction none, rows (last axis summed) or all.");
  m.def("point_loss_backward", point_loss_backward_py, py::arg("x"), py::arg("t"), py::arg("dy"), py::arg("loss"),
        py::arg("reduction"), py::arg("scale"), py::arg("delta"), py::arg("dx"), py::arg("dt"),
        py::arg("accumulate") = 0, "Gradients of point_loss_forward.");
}

}  // namespace lamina
