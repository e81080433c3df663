#include <algorithm>
#include <utility>

#include "bind/call.h"
#include "bind/define.h"
#include "bind/families.h"
#include "bind/indices.h"
#include "ops/loss.h"

namespace lamina {
namespace {

// Predictions (..., C) and what they are measured against.
struct Classes {
  View x, labels;
  std::optional<View> weights;
  bool sparse = false;
  dim_t N = 0, C = 0;
};

Classes parse_classes(Call& call, py::handle x_, py::handle labels_, py::handle weights_) {
  const char* op = call.op();
  const View x = call.first(x_, "x"), labels = call.input_of_any(labels_, "labels");
  check(x.ndim() >= 1 && x.dim(-1) > 0, op, ": x must be (..., classes), got ", x.sizes());
  Classes c{.x = x, .labels = labels, .weights = call.optional_of_any(weights_, "weights")};
  c.N = x.rows(), c.C = x.dim(-1);
  c.sparse = labels.dtype() == Dtype::i32 || labels.dtype() == Dtype::i64;
  const int axes = c.sparse ? x.ndim() - 1 : x.ndim();
  bool same = labels.ndim() == axes;
  for (int i = 0; same && i < axes; i++) same = labels.dim(i) == x.dim(i);
  check(same, op, ": x is ", x.sizes(), ", labels are ", labels.sizes(), " of ", dtype_name(labels.dtype()),
        "; expected integers of x's shape without the last axis, or floats of x's shape");
  if (!c.sparse && labels.dtype() != x.dtype())
    throw py::type_error(concat(op, ": labels are ", dtype_name(labels.dtype()), ", x is ", dtype_name(x.dtype())));
  if (c.weights)
    check(c.weights->dtype() == x.dtype() && c.weights->size() == c.N, op, ": weights are ", c.weights->sizes(), " of ",
          dtype_name(c.weights->dtype()), ", expected one ", dtype_name(x.dtype()), " for each of ", c.N, " rows");
  return c;
}

py::tuple cross_entropy_forward_py(py::handle x_, py::handle labels_, py::handle weights_, bool from_logits,
                                   double label_smoothing, py::handle ignore_class, bool mean, bool want_gradient) {
  const char* op = from_logits ? "softmax_cross_entropy" : "categorical_cross_entropy";
  Call call(op);
  const Classes c = parse_classes(call, x_, labels_, weights_);
  check(label_smoothing >= 0 && label_smoothing <= 1, op, ": label_smoothing must be within 0..1, got ",
        label_smoothing);
  const bool has_ignored = !ignore_class.is_none();
  check(!has_ignored || c.sparse, op, ": ignore_class goes with integer labels");
  const dim_t ignored = has_ignored ? to_integer(ignore_class, op, "ignore_class") : 0;
  const Result losses = call.result(mean ? Sizes{} : Sizes{c.x.shape(), c.x.ndim() - 1});
  const auto gradient = want_gradient ? std::optional(call.result(c.x.sizes())) : std::nullopt;
  with_float(c.x.dtype(), op, [&]<class T>(T) {
    const CrossEntropy<T> a{.x = c.x.as<T>(),
                            .labels = c.sparse ? parse_indices(c.labels, op, "labels") : Indices{},
                            .targets = c.sparse ? nullptr : c.labels.as<T>(),
                            .weights = data_or_null<T>(c.weights),
                            .losses = losses.as<T>(),
                            .gradient = gradient ? gradient->as<T>() : nullptr,
                            .N = c.N,
                            .C = c.C,
                            .ignored = ignored,
                            .smoothing = label_smoothing,
                            .logits = from_logits,
                            .has_ignored = has_ignored,
                            .mean = mean};
    run<cross_entropy<T>>(op, 20.0 * double(c.x.size()), a);
  });
  return py::make_tuple(losses.array, gradient ? py::object(gradient->array) : py::none());
}

// dy: one a row, or one for the mean over them.
void cross_entropy_backward_py(py::handle gradient_, py::handle dy_, py::handle dx_, int accumulate) {
  Call call("cross_entropy", accumulate);
  const View g = call.first(gradient_, "gradient"), dy = call.input_of_any(dy_, "dy");
  check(g.ndim() >= 1, "cross_entropy: the gradient is a single number; expected (..., classes)");
  const bool mean = dy.ndim() == 0 && g.ndim() != 1;
  if (dy.dtype() != g.dtype())
    throw py::type_error(concat("cross_entropy: dy is ", dtype_name(dy.dtype()), ", expected ", dtype_name(g.dtype())));
  check(mean || dy.sizes().fit({g.shape(), g.ndim() - 1}), "cross_entropy: dy is ", dy.sizes(), ", the gradient ",
        g.sizes());
  const auto dx = call.gradient(dx_, "dx", g.sizes(), 0);
  if (dx.mode == Grad::skip) return;
  with_float(g.dtype(), "cross_entropy", [&]<class T>(T) {
    const CrossEntropyBackward<T> a{.gradient = g.as<T>(),
                                    .dy = dy.as<T>(),
                                    .dx = dx.as<T>(),
                                    .N = g.rows(),
                                    .C = g.dim(-1),
                                    .mean = mean,
                                    .accumulate = dx.mode == Grad::accumulate};
    run<cross_entropy_backward<T>>("cross_entropy_backward", 4.0 * double(g.size()), a);
  });
}

constexpr std::pair<const char*, PointLoss> kLosses[] = {
    {"squared", PointLoss::squared}, {"absolute", PointLoss::absolute},
    {"huber", PointLoss::huber},     {"log_cosh", PointLoss::log_cosh},
    {"binary", PointLoss::binary},   {"binary_logits", PointLoss::binary_logits},
    {"kl", PointLoss::kl},           {"poisson", PointLoss::poisson},
};

constexpr std::pair<const char*, PointReduction> kReductionsOfPoints[] = {
    {"none", PointReduction::none}, {"rows", PointReduction::rows}, {"all", PointReduction::all}};

// x and t as rows: of the last axis, or all as one.
struct Points {
  View x, t;
  dim_t N, C;
};
Points parse_points(Call& call, py::handle x_, py::handle t_, PointReduction reduction) {
  const View x = call.first(x_, "x"), t = call.input(t_, "t", x.sizes());
  Points p{.x = x, .t = t, .N = 1, .C = x.size()};
  if (reduction == PointReduction::rows && x.ndim() > 0) p.N = x.rows(), p.C = x.dim(-1);
  return p;
}

// The shape of what is left of x.
Sizes reduced(const View& x, PointReduction reduction) {
  const int left = reduction == PointReduction::none   ? x.ndim()
                   : reduction == PointReduction::rows ? std::max(0, x.ndim() - 1)
                                                       : 0;
  return {x.shape(), left};
}

py::array point_loss_forward_py(py::handle x_, py::handle t_, const std::string& loss, const std::string& reduction,
                                double scale, double delta) {
  const PointLoss which = value_named(loss, kLosses, "loss");
  const PointReduction how = value_named(reduction, kReductionsOfPoints, "reduction");
  Call call(loss.c_str());
  const Points p = parse_points(call, x_, t_, how);
  const Result y = call.result(reduced(p.x, how));
  with_float(p.x.dtype(), call.op(), [&]<class T>(T) {
    const PointLosses<T> a{.x = p.x.as<T>(),
                           .t = p.t.as<T>(),
                           .y = y.as<T>(),
                           .N = p.N,
                           .C = p.C,
                           .loss = which,
                           .reduction = how,
                           .delta = delta,
                           .scale = scale};
    run<point_loss<T>>("point_loss_forward", 8.0 * double(p.x.size()), a);
  });
  return y;
}

void point_loss_backward_py(py::handle x_, py::handle t_, py::handle dy_, const std::string& loss,
                            const std::string& reduction, double scale, double delta, py::handle dx_, py::handle dt_,
                            int accumulate) {
  const PointLoss which = value_named(loss, kLosses, "loss");
  const PointReduction how = value_named(reduction, kReductionsOfPoints, "reduction");
  Call call(loss.c_str(), accumulate);
  const Points p = parse_points(call, x_, t_, how);
  const View dy = call.input(dy_, "dy", reduced(p.x, how));
  const auto dx = call.gradient(dx_, "dx", p.x.sizes(), 0), dt = call.gradient(dt_, "dt", p.t.sizes(), 1);
  with_float(p.x.dtype(), call.op(), [&]<class T>(T) {
    const PointLossesBackward<T> a{.x = p.x.as<T>(),
                                   .t = p.t.as<T>(),
                                   .dy = dy.as<T>(),
                                   .dx = dx.as<T>(),
                                   .dt = dt.as<T>(),
                                   .N = p.N,
                                   .C = p.C,
                                   .loss = which,
                                   .reduction = how,
                                   .delta = delta,
                                   .scale = scale};
    run<point_loss_backward<T>>("point_loss_backward", 8.0 * double(p.x.size()), a);
  });
}

bool are_classes_py(py::handle labels_, dim_t classes) {
  Call call("are_classes");
  const View labels = call.first(labels_, "labels");
  const auto all = [&]<class T>(T) {
    const T* label = labels.as<T>();
    return std::all_of(label, label + labels.size(),
                       [&](T one) { return std::cmp_greater_equal(one, 0) && std::cmp_less(one, classes); });
  };
  switch (labels.dtype()) {
    case Dtype::i32: return all(std::int32_t{});
    case Dtype::i64: return all(std::int64_t{});
    case Dtype::u8: return all(std::uint8_t{});
    default: return false;
  }
}

}  // namespace

void bind_loss(py::module_& m) {
  define(m, "are_classes", are_classes_py, "labels, classes",
         "Whether all labels, of int32, int64 or uint8, are among 0..classes-1; False for those of other types.");
  define(m, "cross_entropy_forward", cross_entropy_forward_py,
         "x, labels, weights, from_logits, label_smoothing, ignore_class, mean, want_gradient",
         "(losses, gradient or None) of logits or probabilities x (..., C) with integer labels (...) or targets (..., "
         "C).");
  define(m, "cross_entropy_backward", cross_entropy_backward_py, with_defaults("gradient, dy, dx, accumulate", 0),
         "dx = gradient * dy, dy one a row or one for the mean.");
  define(m, "point_loss_forward", point_loss_forward_py, "x, t, loss, reduction, scale, delta",
         "Losses of predictions x against targets t of one shape: reduction none, rows (last axis summed) or all.");
  define(m, "point_loss_backward", point_loss_backward_py,
         with_defaults("x, t, dy, loss, reduction, scale, delta, dx, dt, accumulate", 0),
         "Gradients of point_loss_forward.");
}

}  // namespace lamina
