#include "bind/array.h"
#include "bind/families.h"
#include "bind/indices.h"
#include "ops/loss.h"

namespace lamina {
namespace {

py::tuple cross_entropy_forward_py(py::handle x_, py::handle target_, bool from_logits, double smoothing, bool mean,
                                   bool save) {
  const View x = input(x_, "cross_entropy", "x"), target = input(target_, "cross_entropy", "target");
  check(x.ndim() >= 1 && x.dim(-1) >= 1, "cross_entropy: x is ", x.shape_string(),
        "; it needs one class or more on its last axis");
  const bool sparse = target.dtype() != Dtype::f32 && target.dtype() != Dtype::f64;
  Indices labels{};
  if (sparse) {
    labels = parse_indices(target, "cross_entropy", "labels");
    check(labels.n == x.rows() && target.ndim() == x.ndim() - 1, "cross_entropy: labels are ", target.shape_string(),
          ", x is ", x.shape_string(), "; class indices have x's shape without its last axis");
  } else {
    expect_like(target, "cross_entropy", "target", x);
  }
  std::vector<dim_t> shape;
  if (!mean) shape.assign(x.shape(), x.shape() + x.ndim() - 1);
  py::array loss = empty(shape, x.dtype());
  py::object slopes = save ? py::object(empty_like(x)) : py::none();
  with_float(x.dtype(), "cross_entropy", [&](auto t) {
    using T = decltype(t);
    const CrossEntropy<T> a{x.as<T>(),
                            sparse ? nullptr : target.as<T>(),
                            labels,
                            static_cast<T*>(data_of(loss)),
                            save ? static_cast<T*>(data_of(py::reinterpret_borrow<py::array>(slopes))) : nullptr,
                            x.rows(),
                            x.dim(-1),
                            smoothing,
                            from_logits,
                            mean};
    run<cross_entropy_forward<T>>("cross_entropy_forward", 32.0 * double(a.N) * double(a.C), a);
  });
  return py::make_tuple(loss, slopes);
}

void cross_entropy_backward_py(py::handle slopes_, py::handle dy_, py::handle dx_, int accumulate) {
  const View slopes = input(slopes_, "cross_entropy", "slopes"), dy = input(dy_, "cross_entropy", "dy");
  const auto dx = gradient(dx_, "cross_entropy", "dx", slopes, accumulate, 0);
  const bool mean = dy.ndim() == 0 && slopes.ndim() != 1;
  check(dy.dtype() == slopes.dtype() && (mean || dy.size() == slopes.rows()), "cross_entropy: dy is ",
        dy.shape_string(), ", x is ", slopes.shape_string());
  with_float(slopes.dtype(), "cross_entropy", [&](auto t) {
    using T = decltype(t);
    const CrossEntropyBackward<T> a{slopes.as<T>(), dy.as<T>(),     dx.as<T>(), dx.mode,
                                    slopes.rows(),  slopes.dim(-1), mean};
    run<cross_entropy_backward<T>>("cross_entropy_backward", 4.0 * double(a.N) * double(a.C), a);
  });
}

PairLoss parse_kind(const std::string& name) {
  if (name == "squared") return PairLoss::squared;
  if (name == "absolute") return PairLoss::absolute;
  if (name == "huber") return PairLoss::huber;
  if (name == "binary_logit") return PairLoss::binary_logit;
  if (name == "binary_probability") return PairLoss::binary_probability;
  throw py::value_error(concat("pair_loss: unknown kind '", name, "'"));
}

Reduction parse_reduction(const std::string& name) {
  if (name == "none") return Reduction::none;
  if (name == "rows") return Reduction::rows;
  if (name == "mean") return Reduction::mean;
  throw py::value_error(concat("pair_loss: unknown reduction '", name, "'"));
}

py::array pair_loss_forward_py(py::handle x_, py::handle t_, const std::string& kind, double parameter,
                               const std::string& reduction) {
  const View x = input(x_, "pair_loss", "x"), target = input(t_, "pair_loss", "t");
  expect_like(target, "pair_loss", "t", x);
  const Reduction r = parse_reduction(reduction);
  check(r != Reduction::rows || x.ndim() >= 1, "pair_loss: x needs a last axis");
  std::vector<dim_t> shape;
  if (r == Reduction::none) shape.assign(x.shape(), x.shape() + x.ndim());
  if (r == Reduction::rows) shape.assign(x.shape(), x.shape() + x.ndim() - 1);
  py::array loss = empty(shape, x.dtype());
  with_float(x.dtype(), "pair_loss", [&](auto t) {
    using T = decltype(t);
    const PairLossForward<T> a{x.as<T>(),
                               target.as<T>(),
                               static_cast<T*>(data_of(loss)),
                               x.rows(),
                               x.ndim() ? x.dim(-1) : 1,
                               parse_kind(kind),
                               parameter,
                               r};
    run<pair_loss_forward<T>>("pair_loss_forward", 8.0 * double(x.size()), a);
  });
  return loss;
}

void pair_loss_backward_py(py::handle x_, py::handle t_, py::handle dy_, const std::string& kind, double parameter,
                           const std::string& reduction, py::handle dx_, int accumulate) {
  const View x = input(x_, "pair_loss", "x"), target = input(t_, "pair_loss", "t"), dy = input(dy_, "pair_loss", "dy");
  expect_like(target, "pair_loss", "t", x);
  const Reduction r = parse_reduction(reduction);
  const dim_t wanted = r == Reduction::none ? x.size() : r == Reduction::rows ? x.rows() : 1;
  check(dy.size() == wanted && dy.dtype() == x.dtype(), "pair_loss: dy is ", dy.shape_string(), ", x is ",
        x.shape_string());
  const auto dx = gradient(dx_, "pair_loss", "dx", x, accumulate, 0);
  with_float(x.dtype(), "pair_loss", [&](auto t) {
    using T = decltype(t);
    const PairLossBackward<T> a{x.as<T>(), target.as<T>(),           dy.as<T>(),       dx.as<T>(), dx.mode,
                                x.rows(),  x.ndim() ? x.dim(-1) : 1, parse_kind(kind), parameter,  r};
    run<pair_loss_backward<T>>("pair_loss_backward", 8.0 * double(x.size()), a);
  });
}

}  // namespace

void bind_loss(py::module_& m) {
  m.def("cross_entropy_forward", cross_entropy_forward_py, py::arg("x"), py::arg("target"), py::arg("from_logits"),
        py::arg("smoothing"), py::arg("mean"), py::arg("save"),
        "(loss, slopes): cross-entropy of x (..., C) with labels (...) or a distribution (..., C); slopes if saved.");
  m.def("cross_entropy_backward", cross_entropy_backward_py, py::arg("slopes"), py::arg("dy"), py::arg("dx"),
        py::arg("accumulate") = 0, "The gradient of cross_entropy_forward.");
  m.def("pair_loss_forward", pair_loss_forward_py, py::arg("x"), py::arg("t"), py::arg("kind"), py::arg("parameter"),
        py::arg("reduction"), "A loss between x and t: squared, absolute, huber, binary_logit or binary_probability.");
  m.def("pair_loss_backward", pair_loss_backward_py, py::arg("x"), py::arg("t"), py::arg("dy"), py::arg("kind"),
        py::arg("parameter"), py::arg("reduction"), py::arg("dx"), py::arg("accumulate") = 0,
        "The gradient of pair_loss_forward with respect to x.");
}

}  // namespace lamina
