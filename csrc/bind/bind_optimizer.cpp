#include <algorithm>
#include <cmath>
#include <limits>

#include "bind/array.h"
#include "bind/families.h"
#include "bind/touched_rows.h"
#include "ops/optimizer.h"

namespace lamina {
namespace {

// The arrays of a group, with the Python objects that own them.
class BoundGroup {
 public:
  const py::list weights, gradients, slots;
  const py::object decays, active, learning_rate, iterations, touched;

  BoundGroup(py::list w_, py::list g_, py::list slots_, py::object decays_, py::object active_, py::object rate_,
             py::object iterations_, py::object touched_)
      : weights(std::move(w_)),
        gradients(std::move(g_)),
        slots(std::move(slots_)),
        decays(std::move(decays_)),
        active(std::move(active_)),
        learning_rate(std::move(rate_)),
        iterations(std::move(iterations_)),
        touched(std::move(touched_)) {
    const auto n = static_cast<dim_t>(weights.size());
    check(dim_t(gradients.size()) == n, "ParameterGroup: ", n, " weights but ", gradients.size(), " gradients");
    check(slots.size() <= kMaxSlots, "ParameterGroup: at most ", kMaxSlots, " slots, got ", slots.size());
    const auto sets = touched.is_none() ? py::list() : touched.cast<py::list>();
    check(sets.empty() || dim_t(sets.size()) == n, "ParameterGroup: ", n, " weights but touched has ", sets.size());
    group_.slots = static_cast<int>(slots.size());
    for (dim_t i = 0; i < n; i++) {
      const View w = keep(output(weights[i], "ParameterGroup", "a weight"));
      const View g = keep(output(gradients[i], "ParameterGroup", "a gradient"));
      expect_like(g, "ParameterGroup", "a gradient", w);
      if (w.dtype() != Dtype::f32 && w.dtype() != Dtype::f64)
        throw py::type_error(
            concat("ParameterGroup: weight ", i, " is ", dtype_name(w.dtype()), ", expected float32 or float64"));
      Parameter p{w.data(), g.data(), {}, w.size(), w.dtype(), nullptr, 0};
      if (!sets.empty()) p.touched = parse_touched(sets[i], "ParameterGroup", w);
      if (p.touched) p.row = p.n / std::max<dim_t>(w.dim(0), 1);
      for (std::size_t s = 0; s < slots.size(); s++) {
        const auto arrays = slots[s].cast<py::list>();
        check(dim_t(arrays.size()) == n, "ParameterGroup: ", n, " weights but slot ", s, " has ", arrays.size());
        const View v = keep(output(arrays[i], "ParameterGroup", "a slot"));
        expect_like(v, "ParameterGroup", "a slot", w);
        p.slots[s] = v.data();
      }
      group_.parameters.push_back(p);
      elements_ += p.n;
    }
    group_.decays = vector<bool>(decays, "decays", n);
    group_.active = vector<bool>(active, "active", n);
    group_.rate = vector<double>(learning_rate, "learning_rate", 1);
    group_.iterations = vector<std::int64_t>(iterations, "iterations", 1);
  }

  const ParameterGroup* get() const { return &group_; }
  dim_t elements() const { return elements_; }

 private:
  View keep(View v) {
    views_.push_back(v);
    return v;
  }
  template <class T>
  T* vector(py::handle h, const char* name, dim_t n) {
    const View v = keep(output(h, "ParameterGroup", name));
    expect(v, "ParameterGroup", name, {n}, dtype_of<T>());
    return v.as<T>();
  }

  ParameterGroup group_;
  std::vector<View> views_;
  dim_t elements_ = 0;
};

Regularization regularization(double weight_decay, double clipvalue, double clipnorm, double global_clipnorm) {
  check(clipvalue > 0 && clipnorm > 0 && global_clipnorm > 0, "optimizer: limits of clipping must be positive");
  check(std::isinf(clipnorm) || std::isinf(global_clipnorm),
        "optimizer: clipnorm and global_clipnorm exclude each other");
  return {weight_decay, clipvalue, clipnorm, global_clipnorm};
}

template <auto op, class Args>
void run_step(const char* name, py::handle group, Args args) {
  const auto& bound = group.cast<const BoundGroup&>();
  args.group = bound.get();
  if (recording && kept_objects) kept_objects->push_back(py::reinterpret_borrow<py::object>(group));
  run<op>(name, 4.0 * double(bound.elements()), args);
}

void sgd_step_py(py::handle group, double momentum, bool nesterov, double weight_decay, double clipvalue,
                 double clipnorm, double global_clipnorm) {
  const int wanted = momentum != 0.0;
  const int slots = group.cast<const BoundGroup&>().get()->slots;
  check(slots == wanted, "sgd_step: momentum=", momentum, " needs ", wanted, " slots, the group has ", slots);
  run_step<sgd_step>(
      "sgd_step", group,
      SgdStep{nullptr, regularization(weight_decay, clipvalue, clipnorm, global_clipnorm), momentum, nesterov});
}

void adam_step_py(py::handle group, double beta_1, double beta_2, double epsilon, bool amsgrad, double weight_decay,
                  double clipvalue, double clipnorm, double global_clipnorm) {
  const int wanted = amsgrad ? 3 : 2;
  const int slots = group.cast<const BoundGroup&>().get()->slots;
  check(slots == wanted, "adam_step: needs ", wanted, " slots, the group has ", slots);
  run_step<adam_step>(
      "adam_step", group,
      AdamStep{nullptr, regularization(weight_decay, clipvalue, clipnorm, global_clipnorm), beta_1, beta_2, epsilon});
}

void rmsprop_step_py(py::handle group, double rho, double momentum, double epsilon, bool centered, double weight_decay,
                     double clipvalue, double clipnorm, double global_clipnorm) {
  const int wanted = 1 + (momentum != 0.0) + centered;
  const int slots = group.cast<const BoundGroup&>().get()->slots;
  check(slots == wanted, "rmsprop_step: needs ", wanted, " slots, the group has ", slots);
  run_step<rmsprop_step>("rmsprop_step", group,
                         RmspropStep{nullptr, regularization(weight_decay, clipvalue, clipnorm, global_clipnorm), rho,
                                     momentum, epsilon, centered});
}

}  // namespace

void bind_optimizer(py::module_& m) {
  constexpr double kOff = std::numeric_limits<double>::infinity();
  py::class_<BoundGroup>(
      m, "ParameterGroup",
      "The arrays that an optimizer's step reads and writes, bound once; touched: a TouchedRows or None each.")
      .def(py::init<py::list, py::list, py::list, py::object, py::object, py::object, py::object, py::object>(),
           py::arg("weights"), py::arg("gradients"), py::arg("slots"), py::arg("decays"), py::arg("active"),
           py::arg("learning_rate"), py::arg("iterations"), py::arg("touched") = py::none())
      .def_readonly("weights", &BoundGroup::weights)
      .def_readonly("gradients", &BoundGroup::gradients)
      .def_readonly("slots", &BoundGroup::slots)
      .def_readonly("decays", &BoundGroup::decays)
      .def_readonly("active", &BoundGroup::active)
      .def_readonly("learning_rate", &BoundGroup::learning_rate)
      .def_readonly("iterations", &BoundGroup::iterations)
      .def_readonly("touched", &BoundGroup::touched);
  m.def("sgd_step", sgd_step_py, py::arg("group"), py::arg("momentum") = 0.0, py::arg("nesterov") = false,
        py::arg("weight_decay") = 0.0, py::arg("clipvalue") = kOff, py::arg("clipnorm") = kOff,
        py::arg("global_clipnorm") = kOff, "One SGD step; slots: momentum, if it is not 0.");
  m.def("adam_step", adam_step_py, py::arg("group"), py::arg("beta_1") = 0.9, py::arg("beta_2") = 0.999,
        py::arg("epsilon") = 1e-7, py::arg("amsgrad") = false, py::arg("weight_decay") = 0.0,
        py::arg("clipvalue") = kOff, py::arg("clipnorm") = kOff, py::arg("global_clipnorm") = kOff,
        "One Adam step; slots: momentum, velocity and, with amsgrad, the largest velocity.");
  m.def("rmsprop_step", rmsprop_step_py, py::arg("group"), py::arg("rho") = 0.9, py::arg("momentum") = 0.0,
        py::arg("epsilon") = 1e-7, py::arg("centered") = false, py::arg("weight_decay") = 0.0,
        py::arg("clipvalue") = kOff, py::arg("clipnorm") = kOff, py::arg("global_clipnorm") = kOff,
        "One RMSprop step; slots: velocity, momentum if it is not 0, average gradient if centered.");
}

}  // namespace lamina
